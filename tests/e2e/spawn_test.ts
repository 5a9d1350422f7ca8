/**
 * Executable scripts and compiled programs under everything that starts FastCGI applications, and
 * several processes on one socket under load.
 */
import {
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { ServeAddress } from "../../mod.ts";
import { assert, assertEquals } from "../_assert.ts";
import { afterAll, beforeAll, describe, it } from "../_harness.ts";
import {
  freePort,
  type Program,
  runtime,
  runtimeVersion,
  spawnProgram,
  tempDir,
  waitUntil,
  which,
} from "../_runtime.ts";
import { commandFor } from "../runtime/_command.ts";
import { RawPeer, request } from "../runtime/_raw_peer.ts";
import {
  asBySystemd,
  listening,
  onSystemdSocket,
  skipListening,
  skipSystemd,
} from "../runtime/_starters.ts";
import { apacheCommand, skipApache } from "./_apache.ts";
import { HttpConnection } from "./_http_client.ts";
import { gone, skipGroup, startGroup } from "./_process_group.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** The example with the shebang of the runtime that runs this test. */
const EXAMPLE = join(
  ROOT,
  "examples",
  {
    deno: "hello.fcgi.ts",
    bun: "hello.bun.fcgi.ts",
    node: "hello.node.fcgi.ts",
  }[runtime],
);
const UNITS = join(ROOT, "examples/systemd");

const [multiwatch, lighttpd, apache, analyze] = await Promise.all(
  ["multiwatch", "lighttpd", "apache2", "systemd-analyze"].map(which),
);
const MODULES = "/usr/lib/apache2/modules";
const hasFcgid = await stat(`${MODULES}/mod_fcgid.so`).then(() => true, () => false);

const skipFcgid = apache === null
  ? "apache2 is not installed"
  : !hasFcgid
  ? `Apache has no ${MODULES}/mod_fcgid.so`
  : await skipApache(true);

/** Sends one request without FCGI_KEEP_CONN; `null` if the connection ended without an answer. */
async function ask(address: ServeAddress, uri: string): Promise<string | null> {
  await using peer = await RawPeer.connect(address);
  peer.send(request({ uri, keep: false }));
  return (await peer.replyOrEnd())?.text ?? null;
}

/**
 * A FastCGI application that is started by something else, with all that `serve()` can mean by no
 * address.
 */
interface Executable {
  file: string;
  /** A directory in which `env` finds the runtime that runs this test. */
  bin: string;
}

const ways: Record<string, { skip: string | false; run(app: Executable): Promise<void> }> = {
  "spawn-fcgi": {
    skip: skipGroup,
    async run({ file, bin }) {
      await using group = await startGroup(1, [file], path(bin));
      assertEquals(await ask(group.address, "/x"), "Hello from /x\n");
    },
  },

  "spawn-fcgi -F 4": {
    skip: skipGroup,
    async run({ file, bin }) {
      await using group = await startGroup(4, [file], path(bin));
      const uris = Array.from({ length: 20 }, (_, index) => `/${index}`);
      const answers = await Promise.all(uris.map((uri) => ask(group.address, uri)));
      assertEquals(answers, uris.map((uri) => `Hello from ${uri}\n`));
      process.kill(group.pids[0]!, "SIGTERM");
      await gone(group.pids[0]!);
      assertEquals(await ask(group.address, "/x"), "Hello from /x\n");
    },
  },

  "spawn-fcgi with nothing but PATH in the environment": {
    skip: skipListening,
    async run({ file, bin }) {
      await using directory = await tempDir();
      const address = { transport: "unix", path: join(directory.path, "fcgi.sock") } as const;
      const [command, ...args] = [
        ...listening(address),
        ...["/usr/bin/env", "-i", `PATH=${path(bin).PATH}`, file],
      ];
      await using program = await spawnProgram(command!, args, { cwd: "/" });
      await program.waitForLine("stderr", /^Serving FastCGI on .* \(descriptor 0, /);
      assertEquals(await ask(address, "/x"), "Hello from /x\n");
      program.kill("SIGTERM");
      assertEquals(await program.exit, { code: 0, signal: null }, program.stderr.text);
    },
  },

  "multiwatch": {
    skip: skipListening || multiwatch === null && "multiwatch is not installed",
    async run({ file, bin }) {
      await using directory = await tempDir();
      const address = { transport: "unix", path: join(directory.path, "fcgi.sock") } as const;
      const [command, ...args] = [...listening(address), multiwatch!, "-f", "2", "--", file];
      await using program = await spawnProgram(command!, args, { env: path(bin) });
      await serving(program, 2);
      assertEquals(await ask(address, "/x"), "Hello from /x\n");
      // It starts another one for one that has ended.
      const children = await readFile(`/proc/${program.pid}/task/${program.pid}/children`, "utf8");
      process.kill(Number(children.split(" ")[0]), "SIGTERM");
      await serving(program, 3);
      assertEquals(await ask(address, "/y"), "Hello from /y\n");
      program.kill("SIGTERM");
      assertEquals(await program.exit, { code: 0, signal: null }, program.stderr.text);
    },
  },

  "systemd-socket-activate": {
    skip: skipSystemd,
    async run({ file, bin }) {
      await using directory = await tempDir();
      const address = { transport: "unix", path: join(directory.path, "fcgi.sock") } as const;
      const variable = `PATH=${path(bin).PATH}`;
      const [command, ...args] = onSystemdSocket(address.path);
      await using program = await spawnProgram(command!, ["-E", variable, ...args, file]);
      await program.waitForLine("stderr", /^Listening on /);
      assertEquals(await ask(address, "/x"), "Hello from /x\n");
      await program.waitForLine("stderr", /^Serving FastCGI on .* \(descriptor 3, from systemd; /);
      program.kill("SIGTERM");
      assertEquals(await program.exit, { code: 0, signal: null }, program.stderr.text);
    },
  },

  "lighttpd's bin-path": {
    skip: lighttpd === null && "lighttpd is not installed",
    async run({ file, bin }) {
      await using directory = await tempDir(0o755);
      const port = await freePort();
      const conf = join(directory.path, "lighttpd.conf");
      await writeFile(
        conf,
        `server.modules = ( "mod_fastcgi" )
server.bind = "127.0.0.1"
server.port = ${port}
server.document-root = "${directory.path}"
server.errorlog = "${directory.path}/error.log"
server.breakagelog = "${directory.path}/application.log"
fastcgi.server = ( "/" => ((
  "socket" => "${directory.path}/fcgi.sock",
  "bin-path" => "${file}",
  "check-local" => "disable",
  "max-procs" => 2
)) )
`,
      );
      await using program = await spawnProgram(lighttpd!, ["-D", "-f", conf], { env: path(bin) });
      await get(port, program, join(directory.path, "error.log"));
      const log = join(directory.path, "application.log");
      const line = "Serving FastCGI on an inherited socket (descriptor 0, from the web server; ";
      await waitUntil(async () => (await readFile(log, "utf8")).includes(line), { what: line });
    },
  },

  "Apache's mod_fcgid": {
    skip: skipFcgid,
    async run({ file, bin }) {
      await using directory = await tempDir(0o755);
      const port = await freePort();
      const conf = join(directory.path, "apache.conf");
      await writeFile(
        conf,
        `ServerName localhost
PidFile apache.pid
DefaultRuntimeDir .
ErrorLog error.log
DocumentRoot .
LoadModule mpm_event_module ${MODULES}/mod_mpm_event.so
LoadModule authz_core_module ${MODULES}/mod_authz_core.so
LoadModule alias_module ${MODULES}/mod_alias.so
LoadModule fcgid_module ${MODULES}/mod_fcgid.so
FcgidIPCDir sockets
FcgidProcessTableFile sockets/table
Listen 127.0.0.1:${port}
ScriptAlias "/" "${file}/"
<Location "/">
  SetHandler fcgid-script
  Options +ExecCGI
  Require all granted
</Location>
`,
      );
      const [command, ...args] = await apacheCommand(conf);
      await using program = await spawnProgram(command!, args, {
        cwd: directory.path,
        env: path(bin),
      });
      await get(port, program, join(directory.path, "error.log"));
      const log = await readFile(join(directory.path, "error.log"), "utf8");
      assert(log.includes("(descriptor 0, from the web server; "), log);
    },
  },
};

/**
 * The environment in which `env` finds the runtime that runs this test, and everything else where
 * it always is.
 */
function path(bin: string): { PATH: string } {
  return { PATH: `${bin}:/usr/local/bin:/usr/bin:/bin` };
}

/** Waits for the line at start of so many processes. */
async function serving(program: Program, count: number): Promise<void> {
  const lines = () => program.stderr.lines.filter((line) => line.startsWith("Serving FastCGI on "));
  await waitUntil(() => lines().length >= count, { what: `${count} processes` });
}

/** Asks a web server that is starting, until it has the answer of the application. */
async function get(port: number, server: Program, log: string): Promise<void> {
  const isOver = server.exit.then(() => "the web server has ended");
  let last: unknown;
  const ok = await waitUntil(async () => {
    try {
      await using connection = await HttpConnection.open(port);
      const { status, text } = await connection.fetch({ target: "/x?y" });
      last = `${status} ${text}`;
      return last === "200 Hello from /x\n";
    } catch (error) {
      last = error;
      return await Promise.race([isOver, false]);
    }
  }, { what: "the application behind the web server", interval: 50 }).catch((error) =>
    String(error)
  );
  const logged = await readFile(log, "utf8").catch(() => "");
  assertEquals(ok, true, `${last}\n${server.stderr.text}${logged}`);
}

/** One program under everything that starts programs. */
function startedEverywhere(
  skipAll: string | false,
  prepare: (directory: string) => Promise<string>,
): void {
  let directory: Awaited<ReturnType<typeof tempDir>> | undefined;
  let app: Executable;
  beforeAll(async () => {
    directory = await tempDir(0o755);
    const bin = join(directory.path, "bin");
    await mkdir(bin);
    await symlink(process.execPath, join(bin, runtime));
    app = { bin, file: await prepare(directory.path) };
  });
  afterAll(async () => await directory?.[Symbol.asyncDispose]());
  for (const [name, { skip, run }] of Object.entries(ways)) {
    it(
      `starts under ${name}, answers, and ends`,
      { skip: skipAll || skip, timeout: 30_000 },
      () => run(app),
    );
  }
}

describe("executable script", () => {
  it("has its shebang and its mode", async () => {
    const [first] = (await readFile(EXAMPLE, "utf8")).split("\n");
    assert(new RegExp(`^#!/usr/bin/env (-S )?${runtime}\\b`).test(first!), first);
    assertEquals((await stat(EXAMPLE)).mode & 0o111, 0o111);
  });

  startedEverywhere(false, () => Promise.resolve(EXAMPLE));
});

/** How to compile `file` into `output`, and why that cannot be done here, or `false`. */
async function compiler(): Promise<
  { skip: string | false; command: (output: string) => string[] }
> {
  const flags = ["--quiet", "--no-check", "--allow-net", "--allow-env"];
  const commands = {
    bun: (output: string) => ["build", "--compile", "--outfile", output, EXAMPLE],
    deno: (output: string) => ["compile", ...flags, "--output", output, EXAMPLE],
    node: () => [],
  };
  const command = commands[runtime];
  if (runtime === "node") return { skip: "Node has no compiler for this", command };
  if (runtime === "bun" || process.env.DENORT_BIN !== undefined) return { skip: false, command };
  // `deno compile` takes what every program starts with, denort, from dl.deno.land. npm does not
  // have it.
  await using info = await spawnProgram(process.execPath, ["info", "--json"]);
  await info.exit;
  const releases = join(JSON.parse(info.stdout.text).denoDir, "dl/release", `v${runtimeVersion}`);
  const files = await readdir(releases).catch(() => []);
  const skip = !files.some((name) => name.startsWith("denort-")) &&
    "denort is not in Deno's cache: run `deno compile` once where dl.deno.land can be reached";
  return { skip, command };
}

const { skip: skipCompiled, command: compile } = await compiler();

describe("compiled program", () => {
  startedEverywhere(skipCompiled, async (directory) => {
    const output = join(directory, "hello");
    await using program = await spawnProgram(process.execPath, compile(output), { cwd: directory });
    assertEquals((await program.exit).code, 0, program.stdout.text + program.stderr.text);
    await chmod(output, 0o755);
    return output;
  });
});

describe("systemd units", () => {
  it(
    "are what systemd understands",
    { skip: analyze === null && "systemd is not installed" },
    async () => {
      await using directory = await tempDir();
      const units = await unitsFor(directory.path, EXAMPLE);
      await using program = await spawnProgram(analyze!, ["verify", ...units]);
      assertEquals((await program.exit).code, 0, program.stderr.text);
      assertEquals(program.stderr.text, "");
    },
  );

  it("start the example with the socket", { skip: skipListening }, async () => {
    await using directory = await tempDir();
    const [service] = (await unitsFor(directory.path, EXAMPLE)).filter((unit) =>
      unit.endsWith("/app.service")
    );
    const start = /^ExecStart=(.*)$/m.exec(await readFile(service!, "utf8"))![1]!.split(" ");
    const address = { transport: "unix", path: join(directory.path, "fcgi.sock") } as const;
    const bin = join(directory.path, "bin");
    await mkdir(bin);
    await symlink(process.execPath, join(bin, runtime));
    const [command, ...args] = [...asBySystemd(address), ...start];
    await using program = await spawnProgram(command!, args, { env: path(bin) });
    await program.waitForLine("stderr", /^Serving FastCGI on .* \(descriptor 3, from systemd; /);
    assertEquals(await ask(address, "/x"), "Hello from /x\n");
  });
});

/** Copies the example units, with an application that exists. */
async function unitsFor(directory: string, file: string): Promise<string[]> {
  const units = [];
  for (const name of (await readdir(UNITS)).filter((name) => /\.(service|socket)$/.test(name))) {
    const unit = join(directory, name);
    await copyFile(join(UNITS, name), unit);
    const text = await readFile(unit, "utf8");
    await writeFile(unit, text.replaceAll(/\/srv\/(?:app|%i)\/app\.fcgi\.ts/g, file));
    units.push(unit);
  }
  return units;
}

const WHO = new URL("./apps/who.ts", import.meta.url);
/** Requests of one load, and connections at once. */
const REQUESTS = 3_000;
const CONNECTIONS = 16;

/** What came of a load. */
interface Load {
  /** Right answers, by the process that gave them. */
  answers: Map<number, number>;
  /**
   * Requests that were sent again, as nginx does it: on a kept connection that ended before any
   * answer.
   */
  retried: number;
  /** Every other end of a request. */
  lost: string[];
}

/**
 * Sends {@link REQUESTS} requests; `halfway` is called once, with the process that has answered
 * last.
 */
async function load(
  address: ServeAddress,
  keep: boolean,
  halfway?: (pid: number) => void,
): Promise<Load> {
  const result: Load = { answers: new Map(), retried: 0, lost: [] };
  let next = 0;
  let done = 0;
  const connect = async () => {
    let peer: RawPeer | undefined;
    let isUsed = false;
    const close = async () => {
      await peer?.[Symbol.asyncDispose]();
      peer = undefined;
    };
    while (next < REQUESTS) {
      const uri = `/${next++}`;
      for (let isOver = false; !isOver;) {
        if (peer === undefined || peer.ending !== null) {
          await close();
          peer = await RawPeer.connect(address);
          isUsed = false;
        }
        const before = peer.received;
        peer.send(request({ uri, keep }));
        const reply = await peer.replyOrEnd();
        const [pid, path] = reply?.text.split(" ") ?? [];
        isOver = true;
        if (reply === null && isUsed && peer.received === before) {
          result.retried++;
          isOver = false;
        } else if (path !== uri) result.lost.push(`${uri}: ${reply?.text ?? "no answer"}`);
        else {
          const id = Number(pid);
          result.answers.set(id, (result.answers.get(id) ?? 0) + 1);
          if (++done === REQUESTS / 2) halfway?.(id);
          isUsed = true;
        }
        if (!keep || !isOver) await close();
      }
    }
    await close();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connect));
  return result;
}

describe("spawn-fcgi -F 4 under load", { skip: skipGroup, timeout: 60_000 }, () => {
  for (const keep of [false, true]) {
    const kind = keep ? "kept connections" : "a connection for each request";

    it(`loses no request on ${kind}`, async () => {
      await using group = await startGroup(4, commandFor(WHO, ["--allow-net"]));
      const { answers, lost, retried } = await load(group.address, keep);
      assertEquals({ lost, retried, answered: sum(answers) }, {
        lost: [],
        retried: 0,
        answered: REQUESTS,
      });
      for (const pid of answers.keys()) assert(group.pids.includes(pid), String(pid));
    });

    it(`loses no request on ${kind} when one process ends by SIGTERM`, async () => {
      await using group = await startGroup(4, commandFor(WHO, ["--allow-net"]));
      let ended = 0;
      const { answers, lost, retried } = await load(group.address, keep, (pid) => {
        process.kill(ended = pid, "SIGTERM");
      });
      assertEquals({ lost, answered: sum(answers) }, { lost: [], answered: REQUESTS });
      // A request that meets the end of a kept connection is sent again: one for each connection at
      // most.
      if (!keep) assertEquals(retried, 0);
      else assert(retried <= CONNECTIONS, String(retried));
      await gone(ended);
      assert(answers.size > 1, "Others have answered, too");
    });
  }
});

function sum(counts: Map<number, number>): number {
  return Array.from(counts.values()).reduce((total, count) => total + count, 0);
}
