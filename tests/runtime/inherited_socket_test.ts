/** The sockets that a program may be started with, and which of them `serve()` takes. */
import { constants } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { ServeAddress } from "../../mod.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { freePort, type Program, runtime, tempDir, waitUntil, which } from "../_runtime.ts";
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

const python = await which("python3");
const skipIpv6 = !Object.values(networkInterfaces()).flat()
  .some((address) => address?.address === "::1") && "No ::1 on this machine";

const HELLO = `serve(() => new Response("Hello\\n"));`;
const OTHER = "another with { path } or { port })";
/** What Deno needs to see systemd's variables. */
const SYSTEMD_PERMISSIONS = ["--allow-net", "--allow-env=LISTEN_FDS,LISTEN_PID"];
/** What Deno needs to see that this is no CGI program either. */
const SEES_ALL = ["--allow-net", "--allow-env"];

/** The default, with what may be said behind it; another test may have it at the moment. */
function theDefault(doubt = ""): RegExp {
  return new RegExp(
    "^Serving FastCGI on 127\\.0\\.0\\.1:9000 " +
      `\\(the default; another with \\{ path \\} or \\{ port \\}${doubt}\\)\\s*$` +
      `|Cannot listen on 127\\.0\\.0\\.1:9000: EADDRINUSE\\. .*another port${doubt}\\s*$`,
  );
}
const DEFAULT = theDefault();
/** The same where Deno keeps the environment to itself. */
const DOUBTFUL_DEFAULT = runtime === "deno"
  ? theDefault("; deno may not read the environment: a CGI program needs --allow-env")
  : DEFAULT;

/** The flags of a descriptor are read from `/proc`. */
const skipFlags = process.platform !== "linux" && "Only Linux has /proc";
/** How a program may end that others share the socket with. */
const ENDS = {
  "SIGTERM": `process.kill(process.pid, "SIGTERM");`,
  "process.exit": "process.exit(3);",
  "an uncaught error": `setTimeout(() => { throw new Error("uncaught"); });`,
};

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

    for (const [how, end] of Object.entries(ENDS)) {
      it(`on descriptor 0 stays non-blocking after ${how}`, { skip: skipFlags }, async () => {
        await using subject = await spot(transport);
        const source = `import process from "node:process";
          const server = serve(() => new Response("Hello\\n"));
          await server.ready;
          ${end}`;
        // The shell has the socket, too, and its flags are those of all.
        const flags = '"$0" "$@"; sed -n "s/^flags:\\s*/flags /p" /proc/self/fdinfo/0';
        await using app = await runScript(source, [], {
          starter: [...listening(subject.place), "/bin/sh", "-c", flags],
        });
        await app.program.exit;
        const [, octal] = await app.program.waitForLine("stdout", /^flags (\d+)$/);
        assertEquals(parseInt(octal!, 8) & constants.O_NONBLOCK, constants.O_NONBLOCK);
      });
    }

    it("on descriptor 0 is left without an error where Node may open nothing", {
      skip: skip || runtime !== "node" && "Only Node has --permission",
    }, async () => {
      await using subject = await spot(transport);
      const source = `import process from "node:process";
        await serve(() => new Response("Hello\\n")).ready;
        process.kill(process.pid, "SIGTERM");`;
      const root = fileURLToPath(new URL("../../", import.meta.url));
      await using app = await runScript(source, [], {
        starter: listening(subject.place),
        env: {
          NODE_OPTIONS: `--permission --allow-fs-read=${root} --allow-fs-read=${tmpdir()}/`,
          NODE_NO_WARNINGS: "1",
        },
      });
      assertEquals(await app.program.exit, { code: 0, signal: null }, app.program.stderr.text);
      assertMatch(app.program.stderr.text, /^Serving FastCGI on .*\n$/);
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
  const absent = [{ pid: "" }, { pid: "me" }, { fds: "0" }, { fds: "two" }, { fds: "-1" }, {
    fds: "1e3",
  }];
  for (const variables of absent) {
    it(`count as absent with ${JSON.stringify(variables)}`, async () => {
      await using subject = await spot("unix");
      await using app = await runScript(HELLO, [], {
        starter: asBySystemd(subject.place, variables),
        denoPermissions: SEES_ALL,
      });
      await app.program.waitForLine("stderr", DEFAULT);
    });
  }

  /** systemd, a shell that stays in between, and the program. */
  function wrapped(place: Place, redirections: string): string[] {
    const run = `export LISTEN_FDS=1 LISTEN_PID=$$; "$0" "$@" ${redirections}; exit $?`;
    return [...listening(place), "/bin/sh", "-c", run];
  }

  it("of another process end the program with a message, behind sh -c", async () => {
    await using subject = await spot("unix");
    // `npx` hands on the variables alone.
    for (const redirections of ["3<&0 </dev/null", "</dev/null"]) {
      await using app = await runScript(HELLO, [], {
        starter: wrapped(subject.place, redirections),
        denoPermissions: SYSTEMD_PERMISSIONS,
      });
      assertNotEquals((await app.program.exit).code, 0);
      assertStringIncludes(
        app.program.stderr.text,
        `Cannot listen: systemd passed a socket to process ${app.program.pid}, not to this one: ` +
          "say `exec` in the wrapper, or start the program without one; " +
          "or name an address with { path } or { port }",
      );
      assert(!app.program.stderr.text.includes("Serving"), app.program.stderr.text);
    }
  });

  it("of another process do not concern one with an address, or on descriptor 0", async () => {
    await using subject = await spot("unix");
    for (const [address, redirections] of [["{ port: 0 }", "</dev/null"], ["{}", ""]]) {
      const source = `const server = serve(${address}, () => new Response("Hello\\n"));
        await server.ready;
        await server.shutdown();`;
      await using app = await runScript(source, [], {
        starter: wrapped(subject.place, redirections!),
        denoPermissions: SYSTEMD_PERMISSIONS,
      });
      assertEquals(await app.program.exit, { code: 0, signal: null }, app.program.stderr.text);
      assert(!(await lineOf(app.program)).includes("systemd"), app.program.stderr.text);
    }
  });

  it("of another process are mentioned at a terminal, where they may be old", {
    skip: skipTerminal,
  }, async () => {
    await using app = await runScript(HELLO, [], {
      starter: onTerminal(),
      env: { LISTEN_FDS: "1", LISTEN_PID: "1" },
      denoPermissions: SEES_ALL,
      stdin: "pipe",
    });
    const doubt =
      "; systemd passed a socket to process 1, not to this one: say `exec` in the wrapper, .*";
    await app.program.waitForLine("stdout", theDefault(doubt));
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

  const skipPermissions = skip || runtime !== "deno" && "Only Deno has permissions";
  for (const transport of ["unix", "tcp"] as const) {
    for (const flag of ["--deny-env", "--allow-env=LISTEN_PID", "--allow-env=LISTEN_FDS"]) {
      it(`that Deno keeps back end the program with the flag (${transport}, ${flag})`, {
        skip: skipPermissions,
      }, async () => {
        await using subject = await spot(transport);
        await using app = await runScript(HELLO, [], {
          starter: asBySystemd(subject.place),
          denoPermissions: ["--allow-net", flag],
        });
        assertNotEquals((await app.program.exit).code, 0);
        assertStringIncludes(
          app.program.stderr.text,
          "Cannot listen: descriptor 3 is a listening socket, and deno may not read whether " +
            "systemd passed it: run deno with --allow-env=LISTEN_FDS,LISTEN_PID; " +
            "or name an address with { path } or { port }",
        );
        assert(!app.program.stderr.text.includes("NotCapable"), app.program.stderr.text);
      });
    }
  }

  it("that Deno keeps back are not suspected behind other descriptors", {
    skip: skipPermissions,
  }, async () => {
    for (const redirection of ["3<&-", "3</dev/null", "3<>fifo", "3>&1"]) {
      await using directory = await tempDir();
      const prepare = `cd ${directory.path} && mkfifo fifo`;
      await using app = await runScript(HELLO, [], {
        starter: ["/bin/sh", "-c", `${prepare} && exec "$0" "$@" ${redirection}`],
      });
      await app.program.waitForLine("stderr", DOUBTFUL_DEFAULT);
    }
  });

  /** Starts a program with a list of listening sockets from descriptor 3 on, as systemd does. */
  const passing = (sockets: string) => [
    python!,
    "-c",
    `import os, socket, sys
family = {"tcp": socket.AF_INET, "tcp6": socket.AF_INET6, "unix": socket.AF_UNIX}
sockets = []
for kind, place in ${sockets}:
    type = socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM
    if kind == "file": s = open("/dev/null")
    elif kind == "pair": s = socket.socketpair()[0]
    else: s = socket.socket(family.get(kind, socket.AF_INET), type)
    if kind == "unix": s.bind(place)
    elif kind in ("tcp", "udp"): s.bind(("127.0.0.1", place))
    elif kind == "tcp6": s.bind(("::1", place))
    if kind in family: s.listen()
    sockets.append(s)
saved = [os.dup(s.fileno()) for s in sockets]
saved = [__import__("fcntl").fcntl(fd, 0, 100) for fd in saved]
for fd, s in enumerate(saved): os.dup2(s, 3 + fd, inheritable=True)
os.environ.update(LISTEN_FDS=str(len(saved)), LISTEN_PID=str(os.getpid()))
os.environ["LISTEN_FDNAMES"] = "http:admin:http"
os.execvp(sys.argv[1], sys.argv[1:])`,
  ];
  const skipPassing = python === null && "python3 is not installed, which can pass several sockets";

  it("that pass several sockets have them all served, whatever their kinds and names", {
    skip: skipPassing || skipIpv6,
  }, async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "fcgi.sock");
    const [v4, v6] = [await freePort(), await freePort()];
    const source = `import process from "node:process";
      const server = serve(() => new Response("Hello\\n"));
      await server.ready;
      process.on("SIGINT", () => server.shutdown());
      console.log(JSON.stringify(server.addr));`;
    await using app = await runScript(source, [], {
      starter: passing(`[("tcp6", ${v6}), ("unix", "${path}"), ("tcp", ${v4})]`),
      denoPermissions: SYSTEMD_PERMISSIONS,
    });
    assertEquals(
      await lineOf(app.program),
      `Serving FastCGI on [::1]:${v6}, an inherited socket and 127.0.0.1:${v4} ` +
        `(descriptors 3 to 5, from systemd; ${OTHER}`,
    );
    const [addr] = await app.program.waitForLine("stdout", /^\{.*/);
    const addresses: ServeAddress[] = [
      { transport: "tcp", hostname: "::1", port: v6 },
      { transport: "unix", path },
      { transport: "tcp", hostname: "127.0.0.1", port: v4 },
    ];
    assertEquals(JSON.parse(addr), addresses[0]);
    for (const address of addresses) assertEquals(await ask(address), "Hello\n");
    app.program.kill("SIGINT");
    assertEquals(await app.program.exit, { code: 0, signal: null }, app.program.stderr.text);
    for (const address of addresses) await assertRejects(() => RawPeer.connect(address));
  });

  for (const other of ["udp", "pair", "file"]) {
    const what = { udp: "a datagram socket", pair: "a connected socket", file: "a file" }[other];
    it(`that pass ${what} among several end the program, and say which descriptor`, {
      skip: skipPassing,
    }, async () => {
      const [one, two] = [await freePort(), await freePort()];
      await using app = await runScript(HELLO, [], {
        starter: passing(`[("tcp", ${one}), ("${other}", ${two})]`),
        denoPermissions: SYSTEMD_PERMISSIONS,
      });
      assertNotEquals((await app.program.exit).code, 0);
      assertMatch(
        app.program.stderr.text,
        /Cannot listen on descriptor 4: .*It is no listening socket; have the program started by /,
      );
    });
  }

  it("that pass several sockets are served beside the address that the program names", {
    skip: skipPassing,
  }, async () => {
    await using own = await spot("unix");
    const [one, two] = [await freePort(), await freePort()];
    const source = `serve(${JSON.stringify(own.place)}, () => new Response("Hello\\n"));`;
    await using app = await runScript(source, [], {
      starter: passing(`[("tcp", ${one}), ("tcp", ${two})]`),
      denoPermissions: ["-A"],
    });
    assertMatch(
      await lineOf(app.program),
      new RegExp(`on .*fcgi\\.sock \\(.*\\), 127\\.0\\.0\\.1:${one} and 127\\.0\\.0\\.1:${two}$`),
    );
    assertEquals(await ask(own.address), "Hello\n");
    for (const port of [one, two]) {
      assertEquals(await ask({ transport: "tcp", hostname: "127.0.0.1", port }), "Hello\n");
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
      await app.program.waitForLine("stderr", DOUBTFUL_DEFAULT);
    });

    it(`the line doubts nothing with the environment when descriptor 0 ${what}`, async () => {
      await using directory = await tempDir();
      const prepare = `cd ${directory.path} && mkfifo fifo && : > fifo.txt`;
      await using app = await runScript(HELLO, [], {
        starter: ["/bin/sh", "-c", `${prepare} && exec "$0" "$@" ${redirection}`],
        denoPermissions: SEES_ALL,
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
    await app.program.waitForLine("stderr", DOUBTFUL_DEFAULT);
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
