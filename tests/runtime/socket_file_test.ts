/**
 * The file of a Unix socket: its mode, whose it is, what happens to what is already there, and when
 * it goes.
 *
 * Both ways of binding are tested everywhere: aside, which is the usual one, and in place, which a
 * path as long as the system takes leads to, and on Deno permission for that path alone.
 */
import { existsSync } from "node:fs";
import {
  chmod,
  chown,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import process from "node:process";
import { type FastCgiServer, serve, type ServeAddress, type ServeSettings } from "../../mod.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { type Program, runtime, spawnProgram, tempDir, waitUntil, which } from "../_runtime.ts";
import { RawPeer, request } from "./_raw_peer.ts";
import { runScript, type Script } from "./_script.ts";
import { hello } from "../server/_handlers.ts";

const silent: ServeSettings = { onListen: () => {} };
const isRoot = process.getuid?.() === 0;
const needsRoot = !isRoot && "Only root can become another user";
/** Somebody else: nobody, by the number that every system has for it. */
const BECOME_NOBODY = "process.setgid(65534); process.setuid(65534);";
const python = await which("python3");
const strace = await which("strace");
const terminal = await which("script");
const MAX_BYTES = process.platform === "linux" ? 107 : 103;

/** One request on a connection of its own. */
async function ask(path: string): Promise<string> {
  await using peer = await RawPeer.connect({ transport: "unix", path });
  const { status, text } = await peer.fetch({ keep: false });
  return `${status} ${text}`;
}

async function modeOf(path: string): Promise<string> {
  return (await lstat(path)).mode.toString(8).slice(-3);
}

/** A server in a program of its own, which says when it listens. */
async function serveApart(
  path: string,
  { source = "", denoPermissions = ["-A"] }: { source?: string; denoPermissions?: string[] } = {},
): Promise<Script> {
  const script = await runScript(
    `import process from "node:process";
    ${source}
    const server = serve({ path: process.argv[2] }, () => new Response("apart"));`,
    [path],
    { denoPermissions },
  );
  await script.program.waitForLine("stderr", /^Serving FastCGI on /);
  return script;
}

/** What gives a socket its mode and its owner. */
const SLOW_ACCESS = { calls: "chmod,fchmodat,chown,fchownat,lchown", delay: 500 };
/** What takes a stale socket away. Of its place alone: Deno renames files in its cache, too. */
const SLOW_REMOVAL = {
  calls: "rename,renameat,renameat2,unlink,unlinkat",
  delay: 1_500,
  isForPlace: true,
};

/**
 * A server whose every system call of some names takes so many milliseconds, which makes room for
 * whoever waits for it.
 */
async function serveSlowly(
  path: string,
  { calls, delay, isForPlace = false }: { calls: string; delay: number; isForPlace?: boolean },
  { mode, umask = 0o022 }: { mode?: number; umask?: number } = {},
): Promise<Program> {
  const app = join(dirname(path), "app.ts");
  await writeFile(
    app,
    `import { serve } from ${JSON.stringify(MODULE)};
    import process from "node:process";
    process.umask(${umask});
    const path = ${JSON.stringify(path)};
    const access = ${mode === undefined ? "{}" : `{ mode: ${mode}, owner: 1, group: 1 }`};
    serve({ path, ...access }, () => new Response("slow"));`,
  );
  return await spawnProgram(strace!, [
    // -D: the program itself is our child, and gets our signals.
    ...["-D", "-f", "-qq", "-o", "/dev/null", "-e", `trace=${calls}`],
    ...isForPlace ? ["-P", path] : [],
    ...["-e", `inject=${calls}:delay_enter=${delay * 1_000}`],
    process.execPath,
    ...(runtime === "deno" ? ["run", "--quiet", "-A"] : []),
    app,
  ]);
}

/** Whether a process is in one of the system calls that rename files (proc_pid_syscall(5)). */
async function isRenaming(pid: number): Promise<boolean> {
  const text = await readFile(`/proc/${pid}/syscall`, "utf8").catch(() => "");
  const numbers = process.arch === "arm64" ? ["38", "276"] : ["82", "264", "316"];
  return numbers.includes(text.split(" ", 1)[0]!);
}

const MODULE = new URL("../../mod.ts", import.meta.url).href;

/** Leaves a socket behind at `path`, as a program does that is killed. */
async function leaveBehind(path: string): Promise<void> {
  await using directory = await tempDir();
  const other = join(directory.path, "other");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(other, resolve));
  // The runtime removes the one name when it closes the socket.
  await link(other, path);
  await new Promise((resolve) => server.close(resolve));
}

/** Resolves with the reason why a server does not listen, once it has finished, too. */
async function reasonOf(server: FastCgiServer): Promise<string> {
  const { message, cause } = await assertRejects(() => server.ready, Error, "Cannot listen on ");
  await server.finished;
  assert(cause instanceof Error, "There is a cause");
  assertEquals(message.match(/\.$/), null);
  return message;
}

interface Way {
  name: string;
  /** A place for a socket, with nothing else in its directory. */
  place(root: string): Promise<string>;
}

const ASIDE: Way = {
  name: "bound aside",
  place: (root) => Promise.resolve(join(root, "fcgi.sock")),
};

const IN_PLACE: Way = {
  name: "bound in place",
  async place(root) {
    // The longest path there is, in a directory with no room for a longer name.
    const directory = join(root, "d".repeat(MAX_BYTES - root.length - "//.sock".length));
    await mkdir(directory);
    return join(directory, ".sock");
  },
};

for (const { name, place } of [ASIDE, IN_PLACE]) {
  describe(`socket file, ${name}`, () => {
    for (const mode of [0o600, 0o660, 0o666, 0o777, 0o000]) {
      for (const umask of [0o022, 0o000, 0o077]) {
        it(`has the mode ${mode.toString(8)} under a umask of ${umask.toString(8)}`, async () => {
          await using directory = await tempDir();
          const path = await place(directory.path);
          const before = process.umask(umask);
          try {
            await using server = serve({ path, mode, ...silent }, hello);
            await server.ready;
            assertEquals(await modeOf(path), mode.toString(8).padStart(3, "0"));
            assertEquals(process.umask(), umask);
          } finally {
            process.umask(before);
          }
        });
      }
    }

    it("has the mode that the umask leaves when none is given", async () => {
      await using directory = await tempDir();
      const path = await place(directory.path);
      const before = process.umask(0o027);
      try {
        await using server = serve({ path, ...silent }, hello);
        await server.ready;
        assertEquals(await modeOf(path), "750");
      } finally {
        process.umask(before);
      }
    });

    it("is alone in its directory, and is gone after the shutdown", async () => {
      await using directory = await tempDir();
      const path = await place(directory.path);
      const server = serve({ path, ...silent }, hello);
      assertEquals(await server.ready, { transport: "unix", path });
      assertEquals(await readdir(dirname(path)), [path.slice(dirname(path).length + 1)]);
      assertEquals(await ask(path), "200 Hello\n");
      await server.shutdown();
      assertEquals(await readdir(dirname(path)), []);
    });

    it("is taken over from a program that was killed", async () => {
      await using directory = await tempDir();
      const path = await place(directory.path);
      await using script = await serveApart(path);
      assertEquals(await ask(path), "200 apart");
      script.program.kill("SIGKILL");
      await script.program.exit;
      const { ino } = await lstat(path, { bigint: true });
      await using server = serve({ path, mode: 0o640, ...silent }, hello);
      await server.ready;
      assertEquals(await ask(path), "200 Hello\n");
      assertEquals(await modeOf(path), "640");
      assertGreater(ino, 0n);
      await server.shutdown();
      assertEquals(await readdir(dirname(path)), []);
    });

    it("stays with the program that listens", async () => {
      await using directory = await tempDir();
      const path = await place(directory.path);
      await using _script = await serveApart(path);
      const { ino } = await lstat(path);
      assertEquals(
        await reasonOf(serve({ path, mode: 0o600, ...silent }, hello)),
        `Cannot listen on ${path}: EADDRINUSE. Another program is listening there; stop it, or choose another path`,
      );
      assertEquals((await lstat(path)).ino, ino);
      assertEquals(await ask(path), "200 apart");
      assertEquals((await readdir(dirname(path))).length, 1);
    });

    it("stays with a program whose queue is full", {
      skip: !python && "python3 is not installed, which can have so short a queue",
    }, async () => {
      await using directory = await tempDir();
      const path = await place(directory.path);
      await using program = await spawnProgram(python!, [
        "-c",
        "import socket, sys, time\ns = socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\ns.listen(0)\n" +
        "queued = socket.socket(socket.AF_UNIX)\nqueued.connect(sys.argv[1])\n" +
        "print('ready', flush=True)\ntime.sleep(60)",
        path,
      ]);
      await program.waitForLine("stdout", /^ready$/);
      const { ino } = await lstat(path);
      const reason = await reasonOf(serve({ path, ...silent }, hello));
      assertStringIncludes(reason, "EADDRINUSE. Another program is listening there");
      assertEquals((await lstat(path)).ino, ino);
    });

    for (const isLeft of [true, false]) {
      it(`goes to one of many that start at once ${isLeft ? "over a stale one" : "over nothing"}`, async () => {
        await using directory = await tempDir();
        const path = await place(directory.path);
        for (let round = 0; round < 5; round++) {
          if (isLeft) await leaveBehind(path);
          const servers = Array.from({ length: 8 }, (_, index) => {
            // On Bun those who come late may greet the first in HTTP, of which it tells.
            return serve({ path, ...silent, onError() {} }, () => new Response(`${index}`));
          });
          const results = await Promise.allSettled(servers.map((server) => server.ready));
          try {
            const winners = [...results.keys()].filter((i) => results[i]!.status === "fulfilled");
            assertEquals(winners.length, 1, String(results.map(({ status }) => status)));
            for (const result of results) {
              if (result.status === "rejected") {
                assertStringIncludes(`${result.reason}`, "EADDRINUSE");
              }
            }
            assertEquals(await ask(path), `200 ${winners[0]}`);
          } finally {
            await Promise.all(servers.map((server) => server.shutdown()));
          }
          assertEquals(await readdir(dirname(path)), []);
        }
      });
    }

    it("goes to one of several programs that start at once over a stale one", async () => {
      await using directory = await tempDir();
      const path = await place(directory.path);
      await leaveBehind(path);
      const scripts = await Promise.all(Array.from({ length: 4 }, () => {
        return runScript(
          `import process from "node:process";
          serve({ path: process.argv[2] }, () => new Response(String(process.pid)));`,
          [path],
          { denoPermissions: ["-A"] },
        );
      }));
      try {
        const programs = scripts.map(({ program }) => program);
        const line = /^Serving FastCGI on |Cannot listen on .*EADDRINUSE/;
        await Promise.all(programs.map((program) => program.waitForLine("stderr", line)));
        const winners = programs.filter(({ stderr }) => stderr.text.startsWith("Serving"));
        assertEquals(winners.length, 1);
        for (const program of programs) if (program !== winners[0]) await program.exit;
        assertEquals(await ask(path), `200 ${winners[0]!.pid}`);
      } finally {
        await Promise.all(scripts.map((script) => script[Symbol.asyncDispose]()));
      }
    });

    for (const isTaken of [true, false]) {
      const what = isTaken ? "has been taken" : "has gone";
      it(`over a stale one that ${what} between the look and the removal`, {
        skip: !strace && "strace is not installed, which can make the server slow",
        timeout: 90_000,
      }, async () => {
        await using directory = await tempDir();
        const path = await place(directory.path);
        await leaveBehind(path);
        await using slow = await serveSlowly(path, SLOW_REMOVAL);
        // The directory to take the stale one away to: it is at that.
        const isThere = async () => (await readdir(dirname(path))).length === 3;
        await waitUntil(async () => await isThere() && await isRenaming(slow.pid), {
          timeout: 20_000,
        });
        await rm(path);
        if (isTaken) {
          await using server = serve({ path, ...silent }, () => new Response("quick"));
          await server.ready;
          await slow.waitForLine("stderr", /^Cannot listen on .*EADDRINUSE/, 20_000);
          await slow.exit;
          assertEquals(await ask(path), "200 quick");
        } else {
          await slow.waitForLine("stderr", /^Serving FastCGI on /, 20_000);
          assertEquals(await ask(path), "200 slow");
        }
      });
    }

    // In place, Deno's old listener stays open on purpose.
    const sanitize = name === ASIDE.name;
    it("survives the shutdown of one who has lost it to another", { sanitize }, async () => {
      await using directory = await tempDir();
      const path = await place(directory.path);
      const old = serve({ path, ...silent }, () => new Response("old"));
      await old.ready;
      await using kept = await RawPeer.connect(old.addr);
      assertEquals((await kept.fetch()).text, "old");
      await rm(path);
      await using young = serve({ path, ...silent }, () => new Response("young"));
      await young.ready;
      const { ino } = await lstat(path);
      await old.shutdown();
      assertEquals((await lstat(path)).ino, ino);
      assertEquals(await ask(path), "200 young");
      assertEquals(await kept.closing(), "end");
      await young.shutdown();
      assertEquals(await readdir(dirname(path)), []);
    });

    it("may be gone when the server shuts down", async () => {
      await using directory = await tempDir();
      const path = await place(directory.path);
      const errors: unknown[] = [];
      const server = serve({ path, ...silent, onError: (error) => void errors.push(error) }, hello);
      await server.ready;
      await rm(path);
      await server.shutdown();
      assertEquals(errors, []);
    });

    it("is known again after its owner, its mode and its times have changed", async () => {
      await using directory = await tempDir();
      const path = await place(directory.path);
      const server = serve({ path, ...silent }, hello);
      await server.ready;
      await chmod(path, 0o666);
      await utimes(path, 0, 0);
      if (isRoot) await chown(path, 65534, 65534);
      await server.shutdown();
      assertEquals(await readdir(dirname(path)), []);
    });

    it("goes before the server does: who has connected is served", async () => {
      await using directory = await tempDir();
      const path = await place(directory.path);
      const go = join(directory.path, "go");
      await using script = await runScript(
        `import { existsSync } from "node:fs";
        import process from "node:process";
        const [, , path, go] = process.argv;
        const server = serve({ path }, (request) => {
          if (request.url.endsWith("/block")) {
            console.log("blocking");
            // Nothing is accepted meanwhile.
            while (!existsSync(go));
            server.shutdown();
          }
          return new Response("served");
        });`,
        [path, go],
        { denoPermissions: ["-A"] },
      );
      await script.program.waitForLine("stderr", /^Serving FastCGI on /);
      const address: ServeAddress = { transport: "unix", path };
      await using first = await RawPeer.connect(address);
      first.send(request({ uri: "/block", keep: false }));
      await script.program.waitForLine("stdout", /^blocking$/);
      const peers = await Promise.all(
        Array.from({ length: 100 }, () => RawPeer.connect(address)),
      );
      const replies = peers.map((peer) => peer.fetch({ keep: false }));
      await writeFile(go, "");
      const texts = await Promise.all(replies.map(async (reply) => (await reply).text));
      assertEquals(texts, peers.map(() => "served"));
      assertEquals((await first.reply()).text, "served");
      await Promise.all(peers.map((peer) => peer[Symbol.asyncDispose]()));
      first.end();
      assertEquals(await script.program.exit, { code: 0, signal: null });
      assertEquals(existsSync(path), false);
    });
  });
}

describe("socket file, before the first connection", () => {
  /**
   * Connects as somebody else, to the path and to whatever appears beside it, as often as it can.
   */
  const INTRUDER = `
    import { connect } from "node:net";
    import { readdirSync } from "node:fs";
    import process from "node:process";
    const [, , directory, file] = process.argv;
    ${BECOME_NOBODY}
    const dial = (path) => new Promise((resolve) => {
      const socket = connect(path, () => {
        console.log("in at " + path.slice(directory.length));
        socket.destroy();
        resolve();
      });
      socket.on("error", (error) => {
        if (error.code === "EACCES") console.log("kept out");
        resolve();
      });
    });
    console.log("ready");
    for (;;) {
      const paths = readdirSync(directory).map((name) => directory + "/" + name)
        .flatMap((path) => [path, path + "/s"]);
      await Promise.all([...paths, file].map(dial));
      await new Promise((resolve) => setImmediate(resolve));
    }`;

  for (
    const { way, umask, isKeptOut } of [
      { way: ASIDE, umask: 0o000, isKeptOut: true },
      { way: IN_PLACE, umask: 0o022, isKeptOut: true },
      // Why it is bound aside.
      { way: IN_PLACE, umask: 0o000, isKeptOut: false },
    ]
  ) {
    const outcome = isKeptOut ? "keeps everybody else out" : "is late";
    it(`${way.name} under a umask of ${umask.toString(8)}, the mode 600 ${outcome}`, {
      skip: needsRoot || !strace && "strace is not installed, which can make the server slow",
      timeout: 30_000,
    }, async () => {
      await using directory = await tempDir(0o755);
      const path = await way.place(directory.path);
      await using intruder = await runScript(INTRUDER, [dirname(path), path], {
        denoPermissions: ["-A"],
      });
      const { program } = intruder;
      await program.waitForLine("stdout", /^ready$/);
      {
        await using server = await serveSlowly(path, SLOW_ACCESS, { mode: 0o600, umask });
        await server.waitForLine("stderr", /^Serving FastCGI on /);
        await program.waitForLine("stdout", /^kept out$/);
        assertEquals(/^in at /m.test(program.stdout.text), !isKeptOut, program.stdout.text);
      }
      if (!isKeptOut) return;
      // It has been trying all the time: it gets in where it may.
      await rm(path, { force: true });
      await using _server = await serveSlowly(path, SLOW_ACCESS, { mode: 0o666, umask });
      await program.waitForLine("stdout", /^in at /);
    });
  }

  it("belongs to the group that its directory gives to files", { skip: needsRoot }, async () => {
    await using directory = await tempDir();
    await chown(directory.path, 0, 65534);
    await chmod(directory.path, 0o2770);
    const path = join(directory.path, "fcgi.sock");
    await using server = serve({ path, mode: 0o660, ...silent }, hello);
    await server.ready;
    const { gid } = await stat(path);
    assertEquals([gid, await modeOf(path)], [65534, "660"]);
  });
});

describe("socket file, what is there already", () => {
  const THERE: Record<string, [make: (path: string) => Promise<unknown>, advice: string]> = {
    "a file": [
      (path) => writeFile(path, "precious"),
      "There is a file that is no socket, which is left alone; choose another path, or remove it",
    ],
    "an empty directory": [
      (path) => mkdir(path),
      "There is a directory that is no socket, which is left alone",
    ],
    "a symbolic link to nothing": [
      (path) => symlink("nothing", path),
      "There is a symbolic link, which is left alone; give the path it leads to, or remove it",
    ],
    "a symbolic link to a stale socket": [
      async (path) => {
        await leaveBehind(`${path}.real`);
        await symlink(`${path}.real`, path);
      },
      "There is a symbolic link, which is left alone",
    ],
  };
  for (const { name, place } of [ASIDE, IN_PLACE]) {
    for (const [what, [make, advice]] of Object.entries(THERE)) {
      if (what.includes("stale") && name === IN_PLACE.name) continue;
      it(`leaves ${what} alone, and says so (${name})`, async () => {
        await using directory = await tempDir();
        const path = await place(directory.path);
        await make(path);
        const before = await lstat(path);
        const reason = await reasonOf(serve({ path, mode: 0o600, ...silent }, hello));
        assertStringIncludes(reason, `Cannot listen on ${path}: EADDRINUSE. ${advice}`);
        const after = await lstat(path);
        assertEquals([after.ino, after.mode, after.mtimeMs, after.ctimeMs], [
          before.ino,
          before.mode,
          before.mtimeMs,
          before.ctimeMs,
        ]);
        if (before.isFile()) assertEquals(await readFile(path, "utf8"), "precious");
      });
    }
  }

  it("leaves a socket alone that takes no connections of this kind", {
    skip: !python && "python3 is not installed, which can make one",
  }, async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "log");
    await using program = await spawnProgram(python!, [
      "-c",
      "import socket, sys\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\ns.bind(sys.argv[1])\n" +
      "print('ready', flush=True)\ns.recv(1)",
      path,
    ]);
    await program.waitForLine("stdout", /^ready$/);
    const { ino } = await lstat(path);
    const reason = await reasonOf(serve({ path, ...silent }, hello));
    assertStringIncludes(reason, "There is a socket of another kind, which is left alone");
    assertEquals((await lstat(path)).ino, ino);
  });

  it("leaves a socket alone that this user may not connect to", { skip: needsRoot }, async () => {
    await using directory = await tempDir(0o777);
    const path = join(directory.path, "fcgi.sock");
    await using live = serve({ path, mode: 0o600, ...silent }, hello);
    await live.ready;
    const reason = await reasonAsNobody(path);
    assertStringIncludes(
      reason,
      `Cannot listen on ${path}: EADDRINUSE. There is a socket that this`,
    );
    assertStringIncludes(reason, "may not connect to, so it may be in use; choose another path");
    assertEquals(await ask(path), "200 Hello\n");
  });

  it("says that a stale socket is not this user's to remove", { skip: needsRoot }, async () => {
    await using directory = await tempDir();
    await chmod(directory.path, 0o1777);
    const path = join(directory.path, "fcgi.sock");
    await leaveBehind(path);
    await chmod(path, 0o666);
    const reason = await reasonAsNobody(path);
    assertStringIncludes(
      reason,
      "that this user may not remove; remove it, or choose another path",
    );
    assertEquals(await readdir(directory.path), ["fcgi.sock"]);
  });
});

/** Why a program cannot listen at `path` after it has become nobody. */
async function reasonAsNobody(path: string): Promise<string> {
  await using script = await runScript(
    `import process from "node:process";
    ${BECOME_NOBODY}
    const server = serve({ path: process.argv[2] }, () => new Response());
    await server.ready.catch((error) => console.log(error.message));
    process.exit(7);`,
    [path],
    { denoPermissions: ["-A"] },
  );
  assertEquals((await script.program.exit).code, 7, script.program.stderr.text);
  return script.program.stdout.text;
}

describe("socket file, the path", () => {
  it("may be as long as the system takes, and no longer", async () => {
    await using directory = await tempDir();
    const fits = join(directory.path, "x".repeat(MAX_BYTES - directory.path.length - 1));
    {
      await using server = serve({ path: fits, ...silent }, hello);
      await server.ready;
      assertEquals(await ask(fits), "200 Hello\n");
    }
    // Two bytes for one character.
    for (const path of [`${fits}x`, `${fits.slice(0, -1)}\u00e9`]) {
      assertEquals(
        await reasonOf(serve({ path, ...silent }, hello)),
        `Cannot listen on ${path}: ENAMETOOLONG. The path is too long: it has ${
          MAX_BYTES + 1
        } bytes, and ` +
          `${MAX_BYTES} bytes are the most; choose a shorter one`,
      );
    }
    assertEquals(await readdir(directory.path), []);
  });

  for (const { name, place } of [ASIDE, IN_PLACE]) {
    it(`names a directory that does not exist (${name})`, async () => {
      await using directory = await tempDir();
      const path = await place(directory.path);
      const parent = dirname(path);
      await rm(parent, { recursive: true });
      const reason = await reasonOf(serve({ path, ...silent }, hello));
      assertStringIncludes(reason, `. The directory ${parent} does not exist; create it first`);
      await mkdir(directory.path, { recursive: true });
    });

    it(`names a directory that is a file (${name})`, async () => {
      await using directory = await tempDir();
      const path = await place(directory.path);
      const parent = dirname(path);
      await rm(parent, { recursive: true });
      await writeFile(parent, "");
      const reason = await reasonOf(serve({ path, ...silent }, hello));
      assertStringIncludes(
        reason,
        `: ENOTDIR. A part of ${parent} is not a directory; choose another`,
      );
      assert((await lstat(parent)).isFile());
    });

    it(`names a directory that this user may not write to (${name})`, {
      skip: needsRoot,
    }, async () => {
      await using directory = await tempDir(0o755);
      const path = await place(directory.path);
      assertStringIncludes(
        await reasonAsNobody(path),
        `Cannot listen on ${path}: EACCES. This user may not create a socket in the directory ${
          dirname(path)
        }; change its permissions, or choose another`,
      );
    });
  }

  it("may be relative, wherever the program goes then", async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "app.sock");
    await using script = await runScript(
      `import process from "node:process";
      process.chdir(process.argv[2]);
      const server = serve({ path: "app.sock" }, () => {
        server.shutdown();
        return new Response("relative");
      });
      process.chdir("/");`,
      [directory.path],
      { denoPermissions: ["-A"] },
    );
    await script.program.waitForLine("stderr", /^Serving FastCGI on app\.sock \(mode /);
    assertEquals(await ask(path), "200 relative");
    assertEquals(await script.program.exit, { code: 0, signal: null });
    assertEquals(await readdir(directory.path), []);
  });

  const noAbstract = process.platform !== "linux" && "Only Linux has abstract sockets";
  it("may be abstract, but then has no mode", { skip: noAbstract }, async () => {
    const path = `\0fcgi-test-${process.pid}`;
    const reason = await reasonOf(serve({ path, mode: 0o600, ...silent }, hello));
    assertStringIncludes(reason, "An abstract socket has no file, so it takes no mode");
    await using server = serve({ path, ...silent }, hello);
    await server.ready;
    assertEquals(await ask(path), "200 Hello\n");
  });
});

describe("socket file, on Deno with permission for its path alone", {
  skip: runtime !== "deno" && "Only Deno has permissions",
}, () => {
  const only = (path: string) => [
    `--allow-net=unix:${path}`,
    `--allow-read=${path}`,
    `--allow-write=${path}`,
    ...["env", "sys", "run", "ffi", "import"].map((name) => `--deny-${name}`),
  ];

  it("is taken over when stale, gets its mode, and is removed", async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "fcgi.sock");
    await leaveBehind(path);
    await using script = await runScript(
      `const path = ${JSON.stringify(path)};
      const server = serve({ path, mode: 0o666 }, () => {
        server.shutdown();
        return new Response("apart");
      });`,
      [],
      { denoPermissions: only(path) },
    );
    await script.program.waitForLine("stderr", /^Serving FastCGI on /);
    assertEquals(await modeOf(path), "666");
    assertEquals(await ask(path), "200 apart");
    assertEquals(await script.program.exit, { code: 0, signal: null });
    assertEquals(await readdir(directory.path), []);
  });

  it("survives the end of a program that has lost it to another", async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "fcgi.sock");
    await using script = await serveApart(path, { denoPermissions: only(path) });
    await rm(path);
    await using server = serve({ path, ...silent }, hello);
    await server.ready;
    script.program.kill("SIGTERM");
    assertNotEquals(await script.program.exit, { code: null, signal: "SIGKILL" });
    assertEquals(await ask(path), "200 Hello\n");
  });

  it("asks a person at a terminal for nothing", {
    skip: runtime !== "deno"
      ? "Only Deno has permissions"
      : !terminal && "script (util-linux) is not installed",
  }, async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "fcgi.sock");
    const app = join(directory.path, "app.ts");
    const module = new URL("../../mod.ts", import.meta.url).href;
    await leaveBehind(path);
    await writeFile(
      app,
      `import { serve } from ${JSON.stringify(module)};
      serve({ path: ${JSON.stringify(path)}, mode: 0o660 }, () => new Response("asked"));`,
    );
    const run =
      `${process.execPath} run --quiet --allow-net --allow-read=${path} --allow-write=${path} ${app}`;
    await using program = await spawnProgram(
      terminal!,
      ["-qefc", run, "/dev/null"],
      {
        stdin: "pipe",
        env: { NO_COLOR: "1", FORCE_COLOR: undefined },
      },
    );
    await program.waitForLine("stdout", /Serving FastCGI on /);
    assertEquals(await ask(path), "200 asked");
    assert(!/Deno requests|Allow\?/.test(program.stdout.text), program.stdout.text);
    await waitUntil(() => existsSync(path));
  });
});
