import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { assertEquals, assertGreater, assertMatch } from "../../_assert.ts";
import { describe } from "../../_harness.ts";
import { freePort, runtime, spawnScript, tempDir, waitUntil } from "../../_runtime.ts";
import { RawPeer } from "../../runtime/_raw_peer.ts";
import { asBySystemd, listening, skipListening } from "../../runtime/_starters.ts";
import { sideBySide } from "../_side_by_side.ts";
import {
  ALL,
  APP,
  childrenOf,
  descendantsOf,
  isAlive,
  kill,
  Load,
  MAIN,
  skipPools,
  TestPool,
} from "./_pool.ts";

const BROKEN = `throw new Error("no database");`;
const NEW = APP.replace('"first"', '"second"');
const gone = (pids: readonly number[]) =>
  waitUntil(async () => !(await Promise.all(pids.map(isAlive))).includes(true), {
    what: `the end of ${pids}`,
    timeout: 20_000,
  });

describe("fcgi serve --workers", { skip: skipPools }, () => {
  sideBySide({
    "serves with several processes on one socket, and stops without a trace": async () => {
      await using pool = await TestPool.start({ args: ["--mode", "660"] });
      const pids = await pool.pids();
      const seen = new Set<number>();
      await waitUntil(async () => seen.add((await pool.ask()).pid).size === 2);
      assertEquals([...seen].sort(), [...pids].sort());
      const everybody = await descendantsOf(pool.program.pid);
      assertEquals(everybody.length, 3);
      pool.program.kill("SIGTERM");
      assertEquals(await pool.program.exit, { code: 0, signal: null });
      await gone(everybody);
      assertEquals(existsSync(pool.path), false);
      rmSync(pool.app);
      // Nothing else is there, or this would fail.
      rmdirSync(pool.directory);
    },

    "answers what is in flight when it is stopped, for a doubled signal to all too": async () => {
      await using pool = await TestPool.start();
      const slow = pool.ask("wait=700");
      await waitUntil(async () => (await pool.status())["active requests"] === 2);
      const everybody = [pool.program.pid, ...await descendantsOf(pool.program.pid)];
      for (const signal of ["SIGINT", "SIGTERM"] as const) {
        for (const pid of everybody) kill(pid, signal);
      }
      assertEquals((await slow).release, "first");
      assertEquals(await pool.program.exit, { code: 0, signal: null });
    },

    "lets nobody in any more while it gives its last answers": async () => {
      await using pool = await TestPool.start();
      let isAnswered = false;
      const slow = pool.ask("wait=5000").then(() => isAnswered = true);
      await waitUntil(async () => (await pool.status())["active requests"] === 2);
      pool.program.kill("SIGTERM");
      await waitUntil(() => !existsSync(pool.path));
      assertEquals(isAnswered, false);
      await slow;
      assertEquals(await pool.program.exit, { code: 0, signal: null });
    },

    "lets nobody in any more on a port either": async () => {
      await using directory = await tempDir();
      const file = join(directory.path, "app.mjs");
      await writeFile(file, APP);
      const port = await freePort();
      const args = ["serve", file, "--listen", String(port), "--workers", "2"];
      await using program = await spawnScript(MAIN, args, ALL);
      await program.waitForLine("stderr", /^Serving FastCGI on /, 20_000);
      const address = { transport: "tcp", hostname: "127.0.0.1", port } as const;
      await using peer = await RawPeer.connect(address);
      let isAnswered = false;
      const slow = peer.fetch({ uri: "/?wait=5000", keep: false }).then(({ status }) => {
        isAnswered = true;
        return status;
      });
      await using other = await RawPeer.connect(address);
      const isActive = async () => {
        const { text } = await other.fetch({ params: { FCGI_COMMAND: "status" } });
        return JSON.parse(text)["active requests"] === 2;
      };
      await waitUntil(isActive);
      program.kill("SIGTERM");
      const isRefused = () => RawPeer.connect(address).then(() => false, () => true);
      await waitUntil(isRefused);
      assertEquals(isAnswered, false);
      assertEquals(await slow, 200);
      assertEquals(await program.exit, { code: 0, signal: null });
    },

    "kills what does not end in time, and says so with exit code 1": async () => {
      await using pool = await TestPool.start({ workers: 1, args: ["--stop-timeout", "1"] });
      const [pid] = await pool.pids();
      const blocked = pool.request({ uri: "/?block" }).catch(() => {});
      await waitUntil(async () => (await cpuOf(pid!)) > 30);
      pool.program.kill("SIGTERM");
      assertEquals((await pool.program.exit).code, 1);
      assertMatch(pool.program.stderr.text, /killed: not done after/);
      await blocked;
      await gone([pid!]);
    },

    "prints one error, and ends with 3, if the application cannot be loaded": async () => {
      await using pool = await TestPool.start({ app: BROKEN, workers: 4, isReady: false });
      assertEquals((await pool.program.exit).code, 3);
      assertEquals(pool.program.stderr.text.match(/Error: no database/g)?.length, 1);
      assertEquals(existsSync(pool.path), false);
    },

    "gives up a first worker that does not get ready": async () => {
      const app = `export const ready = new Promise((resolve) => setTimeout(resolve, 600_000));
      export default () => new Response();`;
      await using pool = await TestPool.start({
        app,
        isReady: false,
        args: ["--start-timeout", "1"],
      });
      assertEquals((await pool.program.exit).code, 3);
      assertMatch(pool.program.stderr.text, /killed: not ready after 1/);
      assertEquals(existsSync(pool.path), false);
    },

    "replaces a worker that dies, and loses nothing but what that one had begun": async () => {
      await using pool = await TestPool.start();
      const before = await pool.pids();
      for (const signal of ["SIGKILL", "SIGKILL"] as const) {
        const [first] = await pool.pids();
        const lines = pool.lines;
        kill(first!, signal);
        await pool.line(/ended by itself: SIGKILL, out of memory\?/, lines);
        await pool.line(/ready, generation 1/, lines);
      }
      await pool.waitForWorkers(2);
      const after = await pool.pids();
      assertEquals(after.filter((pid) => before.includes(pid)).length <= 1, true);
      assertEquals((await pool.status()).restarts, 2);
    },

    "replaces one whose event loop is blocked": () => replacesHung("block"),
    "replaces one that is stopped": () => replacesHung("stop"),
    "serves on while one is stopped": async () => {
      await using pool = await TestPool.start();
      const [first] = await pool.pids();
      kill(first!, "SIGSTOP");
      try {
        const answers = await Promise.all(Array.from({ length: 40 }, () => pool.ask()));
        assertEquals(answers.filter(({ pid }) => pid === first), []);
        const { processes } = await pool.status();
        assertEquals(processes.map(({ pid, stale }) => [pid === first, stale]).sort(), [
          [false, false],
          [true, true],
        ]);
      } finally {
        kill(first!, "SIGCONT");
      }
    },
  });
});

describe("fcgi serve --workers: reload", { skip: skipPools }, () => {
  sideBySide({
    "takes the new application, one worker after the other, under load": async () => {
      await using pool = await TestPool.start();
      const old = await pool.pids();
      const load = new Load(pool, 4);
      await load.more(50);
      await writeFile(pool.app, NEW);
      const supervisor = await pool.supervisor();
      kill(supervisor, "SIGHUP");
      await pool.line(/reloaded, generation 2/);
      await gone(old);
      await load.more(50);
      await load.stop();
      assertEquals(load.failures, []);
      assertEquals(JSON.parse(load.replies.at(-1)!.text).release, "second");
      const status = await pool.status();
      assertEquals([status.generation, status["old workers"], status.restarts], [2, 0, 2]);
      // The counters are those of the old workers too.
      assertGreater(status["accepted requests"], load.replies.length);
    },

    "twenty times in a second loses no request, and ends with the last": async () => {
      await using pool = await TestPool.start();
      const load = new Load(pool, 2);
      for (let i = 0; i < 20; i++) {
        pool.program.kill(i % 2 === 0 ? "SIGHUP" : "SIGUSR2");
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      await waitUntil(async () => {
        const { generation, processes } = await pool.status();
        return generation >= 3 && processes.every((one) => one.generation === generation);
      }, { timeout: 40_000 });
      await load.more(20);
      await load.stop();
      assertEquals(load.failures, []);
    },

    "is given up if the new application does not start, and the old one serves on": async () => {
      await using pool = await TestPool.start();
      const old = await pool.pids();
      const load = new Load(pool, 2);
      await writeFile(pool.app, BROKEN);
      await using command = await spawnScript(MAIN, ["reload", "--wait", "-s", pool.path], ALL);
      assertEquals((await command.exit).code, 3);
      assertMatch(command.stderr.text, /^fcgi: Not reloaded: the new application does not start/);
      assertEquals(await pool.pids(), old);
      await load.more(20);
      await load.stop();
      assertEquals(load.failures, []);
      await writeFile(pool.app, NEW);
      await using again = await spawnScript(MAIN, ["reload", "--wait", "-s", pool.path], ALL);
      assertEquals((await again.exit).code, 0);
      assertEquals((await pool.ask()).release, "second");
    },

    "ends where it is told to stop": async () => {
      await using pool = await TestPool.start();
      const slow = pool.ask("wait=500");
      await waitUntil(async () => (await pool.status())["active requests"] === 2);
      pool.program.kill("SIGHUP");
      await pool.line(/reload to generation 2/);
      pool.program.kill("SIGTERM");
      assertEquals((await slow).release, "first");
      assertEquals(await pool.program.exit, { code: 0, signal: null });
    },

    "finds a new release behind a symbolic link, though the old one is deleted": async () => {
      await using directory = await tempDir();
      for (const [name, app] of [["one", APP], ["two", NEW]] as const) {
        mkdirSync(join(directory.path, name));
        await writeFile(join(directory.path, name, "app.mjs"), app);
      }
      const current = join(directory.path, "current");
      symlinkSync("one", current);
      const path = join(directory.path, "fcgi.sock");
      await using program = await spawnScript(MAIN, ["serve", "app.mjs", "-s", path, "-w", "2"], {
        ...ALL,
        cwd: current,
        env: { PWD: current },
      });
      await program.waitForLine("stderr", /^Serving FastCGI/, 20_000);
      symlinkSync("two", `${current}.new`);
      renameSync(`${current}.new`, current);
      rmSync(join(directory.path, "one"), { recursive: true });
      program.kill("SIGHUP");
      await program.waitForLine("stderr", /reloaded, generation 2/, 20_000);
      await using peer = await RawPeer.connect({ transport: "unix", path });
      assertEquals(JSON.parse((await peer.fetch()).text).release, "second");
    },
  });
});

describe("fcgi serve --workers: what is killed", { skip: skipPools }, () => {
  sideBySide({
    "of a launcher that is killed, the workers answer what they have and go": () =>
      survivesDeathOf("launcher"),
    "of a supervisor that is killed, the workers answer what they have and go": () =>
      survivesDeathOf("supervisor"),
  });
});

describe("fcgi serve --workers: the socket", { skip: skipPools }, () => {
  sideBySide({
    "is put back if somebody removes it": async () => {
      await using pool = await TestPool.start();
      unlinkSync(pool.path);
      await pool.line(/fcgi\.sock was gone, and is there again/);
      assertEquals((await pool.ask()).release, "first");
    },

    "is left alone if it is another's by now": async () => {
      await using pool = await TestPool.start();
      unlinkSync(pool.path);
      const other = createServer((socket) => socket.end());
      await new Promise<void>((resolve) => void other.listen(pool.path, resolve));
      // Node unlinks what it has bound, as every runtime does: a second name shows what was left.
      linkSync(pool.path, `${pool.path}.other`);
      try {
        await pool.line(/is another program's socket now/);
        pool.program.kill("SIGTERM");
        assertEquals((await pool.program.exit).code, 0);
        assertEquals(existsSync(pool.path), true);
      } finally {
        await new Promise((resolve) => other.close(resolve));
      }
    },

    "in use is an error, before anything is started": async () => {
      await using pool = await TestPool.start({ workers: 1 });
      const args = ["serve", pool.app, "--socket", pool.path, "--workers", "1"];
      await using second = await spawnScript(MAIN, args, ALL);
      assertEquals((await second.exit).code, 1);
      assertMatch(
        second.stderr.text,
        /^fcgi serve: Cannot listen on .*EADDRINUSE\. Another program/,
      );
      assertEquals((await pool.ask()).release, "first");
    },

    "may be a TCP port, which the next supervisor gets as soon as workers have left it":
      async () => {
        await using directory = await tempDir();
        const app = join(directory.path, "app.mjs");
        await writeFile(app, APP);
        const start = (port: string) =>
          spawnScript(MAIN, ["serve", app, "-l", port, "-w", "2"], ALL);
        await using first = await start("0");
        const line = /^Serving FastCGI on 127\.0\.0\.1:(\d+), 2 workers/;
        const [, port] = await first.waitForLine("stderr", line, 20_000);
        const ask = async (query: string) => {
          await using peer = await RawPeer.connect({
            ...{ transport: "tcp", hostname: "127.0.0.1", port: Number(port) },
          });
          return (await peer.fetch({ uri: `/?${query}`, keep: false })).status;
        };
        assertEquals(await ask(""), 200);
        const [supervisor] = await childrenOf(first.pid);
        kill(supervisor!, "SIGKILL");
        // Its workers may still have the port.
        await using second = await start(port!);
        await second.waitForLine("stderr", line, 20_000);
        assertEquals(await ask(""), 200);
        second.kill("SIGTERM");
        assertEquals(await second.exit, { code: 0, signal: null });
      },
  });
});

describe("fcgi serve --workers, started with a socket", {
  skip: skipPools || skipListening,
}, () => {
  sideBySide({
    "on descriptor 0, by a web server or spawn-fcgi": () => servesInherited(listening),
    "on descriptor 3, by systemd": () => servesInherited(asBySystemd),
  });
});

describe("fcgi serve --workers: recycling", { skip: skipPools }, () => {
  sideBySide({
    "replaces workers after so many requests, and loses none": async () => {
      await using pool = await TestPool.start({ args: ["--recycle-requests", "100"] });
      const old = await pool.pids();
      const load = new Load(pool, 4);
      await gone(old);
      await load.more(20);
      await load.stop();
      assertEquals(load.failures, []);
      assertMatch(pool.program.stderr.text, /to be replaced: \d{3,} requests/);
    },
  });
});

describe("fcgi serve on Deno", { skip: runtime !== "deno" && "is about permissions" }, () => {
  sideBySide({
    "gives workers the permissions of the command line, and no others": async () => {
      const app = `export default () => {
      const names = ["net", "read", "write", "env", "run"];
      return Response.json(names.map((name) => Deno.permissions.querySync({ name }).state));
    };`;
      await using pool = await TestPool.start({ app, args: ["--allow-env", "--deny-net"] });
      assertEquals(JSON.parse((await pool.request()).text), [
        "denied",
        "prompt",
        "prompt",
        "granted",
        "prompt",
      ]);
    },
  });
});

/** The socket is another's: it stays where it is, and as it is, and others may be serving it. */
async function servesInherited(starter: (place: { path: string }) => string[]): Promise<void> {
  await using directory = await tempDir();
  const path = join(directory.path, "fcgi.sock");
  const app = join(directory.path, "app.mjs");
  await writeFile(app, APP);
  const options = { ...ALL, starter: starter({ path }) };
  await using program = await spawnScript(MAIN, ["serve", app, "--workers", "2"], options);
  await program.waitForLine("stderr", /^Serving FastCGI on an inherited socket, 2 workers/, 20_000);
  const ask = async () => {
    await using peer = await RawPeer.connect({ transport: "unix", path });
    return JSON.parse((await peer.fetch({ keep: false })).text) as { pid: number; release: string };
  };
  const seen = new Set<number>();
  await waitUntil(async () => seen.add((await ask()).pid).size === 2, { timeout: 20_000 });
  await writeFile(app, NEW);
  program.kill("SIGHUP");
  await program.waitForLine("stderr", /reloaded, generation 2/, 20_000);
  assertEquals((await ask()).release, "second");
  program.kill("SIGTERM");
  assertEquals(await program.exit, { code: 0, signal: null });
  assertEquals(existsSync(path), true);
}

async function replacesHung(how: "block" | "stop"): Promise<void> {
  await using pool = await TestPool.start({ args: ["--hang-timeout", "2"] });
  const [first] = await pool.pids();
  const request = how === "block" && pool.request({ uri: "/?block" }).catch(() => {});
  if (how === "stop") kill(first!, "SIGSTOP");
  const killed = /worker \d \(pid (\d+)\): killed: it has not answered for 2/;
  await pool.line(killed);
  const victim = Number(killed.exec(pool.program.stderr.text)![1]);
  if (how === "stop") assertEquals(victim, first);
  await gone([victim]);
  await request;
  await pool.waitForWorkers(2);
  assertEquals((await pool.pids()).includes(victim), false);
}

async function survivesDeathOf(victim: "launcher" | "supervisor"): Promise<void> {
  await using pool = await TestPool.start();
  const everybody = await descendantsOf(pool.program.pid);
  const slow = pool.ask("wait=700");
  await waitUntil(async () => (await pool.status())["active requests"] === 2);
  kill(victim === "launcher" ? pool.program.pid : await pool.supervisor(), "SIGKILL");
  assertEquals((await slow).release, "first");
  await gone(everybody);
  await pool.program.exit;
  // Only the name is left, and no directory.
  assertEquals(
    readdirSync(pool.directory).sort(),
    victim === "launcher" ? ["app.mjs"] : ["app.mjs", "fcgi.sock"],
  );
  // Another may start at once in the same place, over what was left there.
  const args = ["serve", pool.app, "--socket", pool.path, "--workers", "1"];
  await using next = await spawnScript(MAIN, args, ALL);
  await next.waitForLine("stderr", /^Serving FastCGI/, 20_000);
  assertEquals((await pool.ask()).release, "first");
}

/** CPU time of a process so far, in clock ticks of 10 ms. */
async function cpuOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]) || 0;
}
