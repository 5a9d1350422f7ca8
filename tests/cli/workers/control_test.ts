/** The supervisor's own socket, and a socket for each worker. */
import { existsSync, readdirSync, renameSync, statSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assertEquals, assertMatch } from "../../_assert.ts";
import { describe } from "../../_harness.ts";
import { spawnScript, tempDir, waitUntil } from "../../_runtime.ts";
import { type PeerRequest, RawPeer } from "../../runtime/_raw_peer.ts";
import { sideBySide } from "../_side_by_side.ts";
import { ALL, APP, kill, MAIN, skipPools, TestPool } from "./_pool.ts";

/** Runs a command of `fcgi`. */
async function fcgi(...args: string[]) {
  await using program = await spawnScript(MAIN, args, ALL);
  const { code } = await program.exit;
  return { code, out: program.stdout.text, err: program.stderr.text };
}

/** A pool with a socket for its supervisor. */
async function controlled(args: string[] = []) {
  const directory = await tempDir();
  const control = join(directory.path, "control.sock");
  const log = join(directory.path, "access.log");
  const all = ["--control", control, "--access-log-file", log, ...args];
  const pool = await TestPool.start({ args: all });
  return {
    pool,
    control,
    log,
    async [Symbol.asyncDispose]() {
      await pool[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

describe("fcgi serve --control", { skip: skipPools, timeout: 60_000 }, () => {
  sideBySide({
    "answers where no worker can": async () => {
      await using started = await controlled();
      const { pool, control } = started;
      const pids = await pool.pids();
      for (const pid of pids) kill(pid, "SIGSTOP");
      const silent = await fcgi("status", "-s", pool.path, "--timeout", "1");
      assertEquals(silent.code, 28);
      const { code, out } = await fcgi("status", "-s", control, "--json");
      assertEquals(code, 0);
      const { processes } = JSON.parse(out);
      assertEquals(processes.map((one: { stale: boolean }) => one.stale), [true, true]);
      for (const pid of pids) kill(pid, "SIGCONT");
    },

    "says how many connections wait on a TCP port": async () => {
      await using directory = await tempDir();
      const control = join(directory.path, "control.sock");
      const app = join(directory.path, "app.mjs");
      await writeFile(app, APP);
      const args = ["serve", app, "-l", "0", "-w", "1", "--control", control];
      await using program = await spawnScript(MAIN, args, ALL);
      const [, port] = await program.waitForLine("stderr", /^Serving FastCGI on \S+:(\d+)/, 20_000);
      const status = async () => JSON.parse((await fcgi("status", "-s", control, "--json")).out);
      const { processes: [worker], ...whole } = await status();
      assertEquals(whole["listen queue"], 0);
      kill(worker.pid, "SIGSTOP");
      const address = { transport: "tcp", hostname: "127.0.0.1", port: Number(port) } as const;
      const peers = await Promise.all([1, 2, 3].map(() => RawPeer.connect(address)));
      assertEquals((await status())["listen queue"], 3);
      kill(worker.pid, "SIGCONT");
      await waitUntil(async () => (await status())["listen queue"] === 0);
      for (const peer of peers) await peer[Symbol.asyncDispose]();
    },

    "is for its owner alone, and no application": async () => {
      await using started = await controlled(["--mode", "666"]);
      const { control } = started;
      assertEquals(statSync(control).mode & 0o777, 0o600);
      const { code, out } = await fcgi("get", "/", "-s", control);
      assertEquals([code, out], [0, "Only fcgi itself is answered here.\n"]);
    },

    "reloads": async () => {
      await using started = await controlled();
      const { pool, control } = started;
      assertEquals(await fcgi("reload", "-s", control, "--wait"), { code: 0, out: "", err: "" });
      assertEquals((await pool.status()).generation, 2);
    },

    "opens logs again, and says when that is done": async () => {
      await using started = await controlled();
      const { pool, control, log } = started;
      for (const socket of [control, pool.path]) {
        await pool.ask("first");
        await waitUntil(async () => /first/.test(await readFile(log, "utf8").catch(() => "")));
        renameSync(log, `${log}.1`);
        assertEquals(await fcgi("reopen", "-s", socket), { code: 0, out: "", err: "" });
        assertEquals(existsSync(log), true);
      }
    },

    "names the failure where a worker does not open its logs again": async () => {
      await using started = await controlled();
      const { pool, control } = started;
      const [pid] = await pool.pids();
      kill(pid!, "SIGSTOP");
      const { code, err } = await fcgi("reopen", "-s", control);
      assertEquals([code, err], [
        1,
        "fcgi: Not reopened: a worker has not answered; see its log\n",
      ]);
      await pool.line(new RegExp(`Worker ${pid} has not opened its logs again`));
      kill(pid!, "SIGCONT");
    },

    "stops when all is answered, and leaves nothing behind": async () => {
      await using started = await controlled();
      const { pool, control } = started;
      const slow = pool.ask("wait=500");
      await waitUntil(async () => (await pool.status())["active requests"] === 2);
      const refused = await fcgi("stop", "-s", pool.path);
      assertEquals(refused.code, 1);
      assertMatch(refused.err, /Not stopped: ask at the socket of --control/);
      assertEquals(await fcgi("stop", "-s", control), { code: 0, out: "", err: "" });
      assertEquals((await slow).release, "first");
      assertEquals(await pool.program.exit, { code: 0, signal: null });
      assertEquals([existsSync(control), existsSync(pool.path)], [false, false]);
    },

    "says so with exit code 1 when it has to kill": async () => {
      await using started = await controlled(["--stop-timeout", "1"]);
      const { pool, control } = started;
      const blocked = Promise.allSettled([pool.request({ uri: "/?block" })]);
      await waitUntil(async () => {
        const { processes } = JSON.parse((await fcgi("status", "-s", control, "--json")).out);
        return processes.some((one: { stale: boolean }) => one.stale);
      });
      const { code, err } = await fcgi("stop", "-s", control);
      assertEquals([code, err], [1, "fcgi: It has ended, but not all requests were answered\n"]);
      assertEquals((await pool.program.exit).code, 1);
      await blocked;
    },

    "ends at once where it cannot listen": async () => {
      const control = "/nowhere/at/all.sock";
      await using pool = await TestPool.start({ args: ["--control", control], isReady: false });
      assertEquals((await pool.program.exit).code, 1);
      assertMatch(
        pool.program.stderr.text,
        /^fcgi serve: Cannot listen on \/nowhere\/at\/all\.sock: ENOENT\. .*create it first$/m,
      );
      assertEquals(readdirSync(pool.directory), ["app.mjs"]);
    },
  });
});

describe("fcgi serve --socket-per-worker", { skip: skipPools, timeout: 60_000 }, () => {
  /** Asks at the socket of a worker. */
  async function ask(pool: TestPool, slot: number, request: PeerRequest = {}): Promise<number> {
    const path = pool.path.replace(/\.sock$/, `.${slot}.sock`);
    await using peer = await RawPeer.connect({ transport: "unix", path });
    return JSON.parse((await peer.fetch({ keep: false, ...request })).text).pid;
  }

  async function start(workers: number): Promise<TestPool> {
    const args = ["--socket-per-worker", "--mode", "660"];
    const pool = await TestPool.start({ workers, args, isReady: false });
    await pool.line(new RegExp(`worker ${workers - 1} .* ready`));
    for (let slot = 0; slot < workers; slot++) await ask(pool, slot);
    return pool;
  }

  sideBySide({
    "has each of them at its own, and nothing is left of them": async () => {
      await using pool = await start(3);
      const pids = [];
      for (const slot of [0, 1, 2, 0, 1, 2]) pids.push(await ask(pool, slot));
      assertEquals(new Set(pids).size, 3);
      assertEquals(pids.slice(3), pids.slice(0, 3));
      const names = ["app.mjs", "fcgi.0.sock", "fcgi.1.sock", "fcgi.2.sock"];
      const isAside = (name: string) => name.startsWith(".");
      assertEquals(readdirSync(pool.directory).filter((name) => !isAside(name)).sort(), names);
      const mode = statSync(join(pool.directory, "fcgi.2.sock")).mode & 0o777;
      assertEquals(mode, 0o660);
      assertMatch(pool.program.stderr.text, /on \S+\/fcgi\.0\.sock \(.*\) and 2 more, 3 workers$/m);
      pool.program.kill("SIGTERM");
      assertEquals((await pool.program.exit).code, 0);
      assertEquals(readdirSync(pool.directory), ["app.mjs"]);
    },

    "keeps a socket for the worker that follows, and loses no connection": async () => {
      await using pool = await start(2);
      const dead = await ask(pool, 1);
      kill(dead, "SIGKILL");
      const next = await ask(pool, 1);
      assertEquals(next === dead, false);
      const lines = pool.lines;
      let isOver = false;
      const load = (async () => {
        for (let count = 0;; count++) {
          if (isOver) return count;
          await ask(pool, count % 2);
        }
      })();
      pool.program.kill("SIGHUP");
      await pool.line(/reloaded, generation 2/, lines);
      isOver = true;
      assertEquals(await load > 0, true);
      assertEquals([await ask(pool, 0), await ask(pool, 1)].includes(next), false);
    },

    "has as many of them as at the start": async () => {
      await using pool = await start(2);
      for (const signal of ["SIGTTIN", "SIGTTOU"] as const) {
        const lines = pool.lines;
        pool.program.kill(signal);
        await pool.line(/There are 2 workers, each with its own socket/, lines);
      }
      await ask(pool, 1);
    },

    "is refused without a path": async () => {
      const { code, err } = await fcgi(
        "serve",
        "app.ts",
        "-l",
        "0",
        "-w",
        "2",
        "--socket-per-worker",
      );
      assertEquals(code, 2);
      assertMatch(err, /--socket-per-worker is for Unix sockets: add --socket PATH/);
    },
  });
});
