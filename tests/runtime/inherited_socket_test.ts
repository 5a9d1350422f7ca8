/** The sockets that a program may be started with, and which of them `serve()` takes. */
import { join } from "node:path";
import type { ServeAddress } from "../../mod.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
  describe,
  it,
} from "../_harness.ts";
import { freePort, type Program, runtime, tempDir, waitUntil } from "../_runtime.ts";
import { RawPeer } from "./_raw_peer.ts";
import { runScript } from "./_script.ts";
import {
  asBySystemd,
  listening,
  onConnection,
  onSystemdSocket,
  onTerminal,
  type Place,
  redirected,
  skipListening,
  skipSystemd,
  skipTerminal,
} from "./_starters.ts";

const HELLO = `serve(() => new Response("Hello\\n"));`;
const OTHER = "another with { path } or { port })";
/** What Deno needs to see systemd's variables. */
const SYSTEMD_PERMISSIONS = ["--allow-net", "--allow-env=LISTEN_FDS,LISTEN_PID"];
/** The default, which another test may have at the moment. */
const DEFAULT =
  /^Serving FastCGI on 127\.0\.0\.1:9000 \(the default; another with \{ path \} or \{ port \}\)\s*$|Cannot listen on 127\.0\.0\.1:9000: EADDRINUSE/;

/** A place that nobody listens at, and how a peer gets there. */
interface Spot extends AsyncDisposable {
  place: Place;
  address: ServeAddress;
  /** What the line at start calls it when it is inherited. */
  name: string;
}

async function spot(transport: "tcp" | "unix"): Promise<Spot> {
  const directory = await tempDir();
  const path = join(directory.path, "fcgi.sock");
  const rest = { [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
  if (transport === "unix") {
    return { place: { path }, address: { transport, path }, name: "an inherited socket", ...rest };
  }
  const port = await freePort();
  const address = { transport, hostname: "127.0.0.1", port };
  return { place: { port }, address, name: `127.0.0.1:${port}`, ...rest };
}

async function ask(address: ServeAddress): Promise<string> {
  await using peer = await RawPeer.connect(address);
  return (await peer.fetch({ keep: false })).text;
}

/** The line at start. */
async function lineOf(program: Program): Promise<string> {
  return (await program.waitForLine("stderr", /^Serving FastCGI on .*/))[0];
}

const skip = skipListening;

for (const transport of ["unix", "tcp"] as const) {
  const kind = transport === "unix" ? "Unix" : "TCP";

  describe(`inherited socket, a listening ${kind} socket`, { skip }, () => {
    it("on descriptor 0 is where serve listens, and the line says so", async () => {
      await using subject = await spot(transport);
      await using app = await runScript(HELLO, [], { starter: listening(subject.place) });
      assertEquals(
        await lineOf(app.program),
        `Serving FastCGI on ${subject.name} (descriptor 0, from the web server; ${OTHER}`,
      );
      for (let i = 0; i < 3; i++) assertEquals(await ask(subject.address), "Hello\n");
      assertEquals(app.program.stdout.text, "");
    });

    it("on descriptor 0 needs no permission of Deno's but --allow-net", {
      skip: skip || runtime !== "deno" && "Only Deno has permissions",
    }, async () => {
      await using subject = await spot(transport);
      const denied = ["read", "write", "env", "sys", "run", "ffi", "import"];
      await using app = await runScript(HELLO, [], {
        starter: listening(subject.place),
        denoPermissions: ["--allow-net", ...denied.map((name) => `--deny-${name}`)],
      });
      assertStringIncludes(await lineOf(app.program), "(descriptor 0, from the web server; ");
      assertEquals(await ask(subject.address), "Hello\n");
    });

    it("on descriptor 0 stays the web server's: its file is there after a shutdown", async () => {
      await using subject = await spot(transport);
      const source = `const server = serve(() => new Response("Hello\\n"));
        await server.ready;
        await server.shutdown();`;
      await using app = await runScript(source, [], { starter: listening(subject.place) });
      assertEquals(await app.program.exit, { code: 0, signal: null }, app.program.stderr.text);
      // ENOENT would mean that the other processes on the socket are not to be reached any more.
      await assertRejects(() => RawPeer.connect(subject.address), Error, "ECONNREFUSED");
    });

    it("on descriptor 3, with systemd's variables, is where serve listens", async () => {
      await using subject = await spot(transport);
      await using app = await runScript(HELLO, [], {
        starter: asBySystemd(subject.place),
        denoPermissions: SYSTEMD_PERMISSIONS,
      });
      assertEquals(
        await lineOf(app.program),
        `Serving FastCGI on ${subject.name} (descriptor 3, from systemd; ${OTHER}`,
      );
      assertEquals(await ask(subject.address), "Hello\n");
    });

    it("on descriptor 0 or 3 is what fd means, and the line needs no reason", async () => {
      for (const fd of [0, 3]) {
        await using subject = await spot(transport);
        await using app = await runScript(
          `serve({ fd: ${fd} }, () => new Response("Hello\\n"));`,
          [],
          {
            starter: fd === 0 ? listening(subject.place) : asBySystemd(subject.place),
          },
        );
        assertEquals(await lineOf(app.program), `Serving FastCGI on ${subject.name}`);
        assertEquals(await ask(subject.address), "Hello\n");
      }
    });

    it("is served beside the address that the program names, until the shutdown of both", async () => {
      await using subject = await spot(transport);
      await using own = await spot(transport);
      const source = `const server = serve(
          { ...${JSON.stringify(own.place)}, onListen: console.log },
          (request) => new Response(request.url),
        );
        await server.ready;
        process.on("SIGINT", () => server.shutdown());
        console.log(JSON.stringify(server.addr));`;
      await using app = await runScript(`import process from "node:process";\n${source}`, [], {
        starter: listening(subject.place),
        denoPermissions: ["--allow-net", "--allow-read", "--allow-write"],
      });
      const [line] = await app.program.waitForLine("stdout", /^\{"transport".*/);
      assertEquals(JSON.parse(line), own.address);
      assertEquals(await ask(subject.address), "http://example.org/");
      assertEquals(await ask(own.address), "http://example.org/");
      app.program.kill("SIGINT");
      assertEquals(await app.program.exit, { code: 0, signal: null }, app.program.stderr.text);
      await assertRejects(() => RawPeer.connect(subject.address));
      await assertRejects(() => RawPeer.connect(own.address));
    });

    it("is served alone when another program has the address that the program names", async () => {
      await using first = await spot(transport);
      await using second = await spot(transport);
      await using own = await spot(transport);
      const source = `import process from "node:process";
        serve({
          ...${JSON.stringify(own.place)},
          onError: (error) => console.log("onError: " + error.message),
        }, () => new Response(String(process.pid)));`;
      const start = ({ place }: Spot) =>
        runScript(source, [], {
          starter: listening(place),
          denoPermissions: ["--allow-net", "--allow-read", "--allow-write"],
        });
      await using one = await start(first);
      await lineOf(one.program);
      await using two = await start(second);
      assertEquals(
        await lineOf(two.program),
        `Serving FastCGI on ${second.name} (descriptor 0, from the web server; ${OTHER}`,
      );
      const [told] = await two.program.waitForLine("stdout", /^onError: .*/);
      assertMatch(told, /^onError: Cannot listen on .*: EADDRINUSE/);
      assertEquals(await ask(first.address), String(one.program.pid));
      assertEquals(await ask(second.address), String(two.program.pid));
      assertEquals(await ask(own.address), String(one.program.pid));
    });
  });
}

describe("inherited socket, systemd's variables", { skip }, () => {
  it("are for the process of LISTEN_PID alone", async () => {
    await using subject = await spot("unix");
    for (const variables of [{ pid: "1" }, { pid: "" }, { fds: "0" }, { fds: "two" }]) {
      await using app = await runScript(HELLO, [], {
        starter: asBySystemd(subject.place, variables),
        denoPermissions: SYSTEMD_PERMISSIONS,
      });
      await app.program.waitForLine("stderr", DEFAULT);
    }
  });

  it("come before descriptor 0", async () => {
    await using subject = await spot("unix");
    await using other = await spot("tcp");
    const [shell, flag] = redirected("");
    const run = `LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"`;
    await using app = await runScript(HELLO, [], {
      // Descriptor 3 is the first socket, descriptor 0 the second.
      starter: [
        ...listening(subject.place),
        ...redirected("3<&0"),
        ...listening(other.place),
        ...[shell!, flag!, run],
      ],
      denoPermissions: SYSTEMD_PERMISSIONS,
    });
    assertStringIncludes(await lineOf(app.program), "(descriptor 3, from systemd; ");
    assertEquals(await ask(subject.address), "Hello\n");
  });

  it("that lie about descriptor 3 end the program with a message", async () => {
    for (const redirection of ["3</dev/null", "3<&-"]) {
      const run = `LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@" ${redirection}`;
      await using app = await runScript(HELLO, [], {
        starter: ["/bin/sh", "-c", run],
        denoPermissions: SYSTEMD_PERMISSIONS,
      });
      const { code } = await app.program.exit;
      assertNotEquals(code, 0);
      const { text } = app.program.stderr;
      assertMatch(text, /Cannot listen on descriptor 3: /);
      assertStringIncludes(text, "It is no listening socket; have the program started by ");
    }
  });

  it("count as absent where Deno may not read them", {
    skip: skip || runtime !== "deno" && "Only Deno has permissions",
  }, async () => {
    await using subject = await spot("unix");
    for (const flag of ["--deny-env", "--allow-env=LISTEN_PID", "--deny-env=LISTEN_FDS"]) {
      await using app = await runScript(HELLO, [], {
        starter: asBySystemd(subject.place),
        denoPermissions: ["--allow-net", flag],
      });
      await app.program.waitForLine("stderr", DEFAULT);
      assert(!app.program.stderr.text.includes("NotCapable"), app.program.stderr.text);
    }
  });

  it("are what systemd-socket-activate sets", { skip: skipSystemd }, async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "fcgi.sock");
    await using app = await runScript(HELLO, [], {
      starter: onSystemdSocket(path),
      denoPermissions: SYSTEMD_PERMISSIONS,
    });
    await app.program.waitForLine("stderr", /^Listening on /);
    // The connection that starts the program is the first that it answers.
    assertEquals(await ask({ transport: "unix", path }), "Hello\n");
    assertStringIncludes(await lineOf(app.program), "(descriptor 3, from systemd; ");
    assertEquals(await ask({ transport: "unix", path }), "Hello\n");
  });
});

describe("inherited socket, descriptor 0 is none", () => {
  const others: Record<string, string> = {
    "is /dev/null": "</dev/null",
    "is closed": "<&-",
    "is a pipe": "<>fifo",
    "is a file": "<fifo.txt",
  };
  for (const [what, redirection] of Object.entries(others)) {
    it(`serve listens on the default when descriptor 0 ${what}`, async () => {
      await using directory = await tempDir();
      const prepare = `cd ${directory.path} && mkfifo fifo && : > fifo.txt`;
      await using app = await runScript(HELLO, [], {
        starter: ["/bin/sh", "-c", `${prepare} && exec "$0" "$@" ${redirection}`],
      });
      await app.program.waitForLine("stderr", DEFAULT);
    });
  }

  it("serve listens on the default when descriptor 0 is a terminal, and asks nothing", {
    skip: skipTerminal,
  }, async () => {
    await using app = await runScript(HELLO, [], {
      starter: onTerminal(),
      // A pipe that stays open: `script` ends with its input.
      stdin: "pipe",
    });
    await app.program.waitForLine("stdout", DEFAULT);
    assert(!/Deno requests|Allow\?/.test(app.program.stdout.text), app.program.stdout.text);
  });

  it("serve listens on the default when descriptor 0 is a connected socket", {
    skip: skipSystemd,
  }, async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "inetd.sock");
    const source = `import { fstatSync } from "node:fs";
      // What this test is about, on this runtime, too.
      console.error("Descriptor 0 is a socket:", fstatSync(0).isSocket());
      ${HELLO}`;
    await using app = await runScript(source, [], { starter: onConnection(path) });
    await app.program.waitForLine("stderr", /^Listening on /);
    await using _peer = await RawPeer.connect({ transport: "unix", path });
    await app.program.waitForLine("stderr", /^Descriptor 0 is a socket: true/);
    await app.program.waitForLine("stderr", DEFAULT);
  });

  it("serve listens where it is told, whatever descriptor 0 is", async () => {
    for (const redirection of ["</dev/null", "<&-"]) {
      await using app = await runScript(`serve({ port: 0 }, () => new Response("Hello\\n"));`, [], {
        starter: redirected(redirection),
      });
      assertMatch(await lineOf(app.program), /^Serving FastCGI on 127\.0\.0\.1:\d+$/);
      assertEquals(await ask(await app.address()), "Hello\n");
    }
  });

  it("fd ends the program with a message", async () => {
    for (const redirection of ["</dev/null", "<&-"]) {
      await using app = await runScript(`serve({ fd: 0 }, () => new Response("Hello\\n"));`, [], {
        starter: redirected(redirection),
      });
      await waitUntil(() => app.program.process.exitCode !== null, { what: "the program to end" });
      const { code } = await app.program.exit;
      assertNotEquals(code, 0);
      assertMatch(
        app.program.stderr.text,
        /Cannot listen on descriptor 0: .*It is no listening socket/,
      );
    }
  });
});
