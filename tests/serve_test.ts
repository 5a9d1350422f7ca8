/**
 * `serve()` as its callers see it: signatures, addresses, how it starts and how it ends. Over real
 * sockets.
 */
import { stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { runInNewContext } from "node:vm";
import {
  type FastCgiServer,
  serve,
  type ServeAddress,
  type ServeApplication,
  type ServeHandlerInfo,
  type ServeOptions,
  type ServeSettings,
} from "../mod.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "./_assert.ts";
import { describe, it } from "./_harness.ts";
import { tempDir, waitUntil } from "./_runtime.ts";
import { RawPeer, request, requestHead } from "./runtime/_raw_peer.ts";
import { runScript } from "./runtime/_script.ts";
import { hello } from "./server/_handlers.ts";

const LOCAL = { hostname: "127.0.0.1", port: 0 } as const;
const silent: ServeSettings = { onListen: () => {} };

/** One request on a connection of its own. */
async function ask(address: ServeAddress, uri = "/"): Promise<string> {
  await using peer = await RawPeer.connect(address);
  const { status, text } = await peer.fetch({ uri, keep: false });
  return `${status} ${text}`;
}

/** A port of 127.0.0.1 that somebody listens on. */
async function busyPort(): Promise<{ port: number } & AsyncDisposable> {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" ? address!.port : 0,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** What the runtimes take for every interface, or look up in vain. */
const NO_HOSTNAMES = [
  ...["", " ", "127.0.0.1 ", " 127.0.0.1", "127.0.0.1\n", "\0", "*", "[::1]", "[]", "::1/128"],
  ...["0", "00", "0x0", "0x7f000001", "127.1", "0.0", "0.0.0.0.", "256.0.0.1", "1.2.3.4.5"],
  // The same in other digits, which a resolver reads as those.
  ...["\uff10", "\u24ea", "0\u30020", "\uff11\uff12\uff17\uff0e1", "\uff0a"],
  ...["localhost:9000", "http://localhost", "a b", "a@b", 0, true, ["::1"]],
];

describe("serve, signatures", () => {
  it("takes a handler alone, and means 127.0.0.1:9000", async () => {
    // Another program may have that port: then the reason names it.
    const server = serve(hello);
    assertEquals(server.addr, { transport: "tcp", hostname: "127.0.0.1", port: 9000 });
    try {
      assertEquals(await ask(await server.ready), "200 Hello\n");
    } catch (error) {
      assertStringIncludes(String(error), "Cannot listen on 127.0.0.1:9000: EADDRINUSE");
    }
    await server.shutdown();
  });

  it("takes options and a handler", async () => {
    await using server = serve({ ...LOCAL, ...silent }, (request, info) => {
      return new Response(`${new URL(request.url).pathname} for ${info.remoteAddr.hostname}`);
    });
    assertEquals(await ask(await server.ready, "/a/b?c"), "200 /a/b for 192.0.2.1");
  });

  it("takes an object with a fetch method, and calls it on that object", async () => {
    const app = {
      ...LOCAL,
      ...silent,
      greeting: "Hello from a method",
      fetch() {
        return new Response(this.greeting);
      },
    };
    await using server = serve(app);
    assertEquals(await ask(await server.ready), "200 Hello from a method");
  });

  it("prefers the handler given as the second argument to a fetch method", async () => {
    const init = { ...LOCAL, ...silent, fetch: () => new Response("method") };
    await using server = serve(init, () => new Response("argument"));
    assertEquals(await ask(await server.ready), "200 argument");
  });

  for (
    const [what, call] of Object.entries<() => unknown>({
      "without a handler": () => serve({ port: 0 } as never),
      "with something else for a handler": () => serve({ port: 0 }, "Hello" as never),
      "with a fetch that is no function": () => serve({ port: 0, fetch: "Hello" } as never),
      "with both a path and a port": () => serve({ path: "/tmp/x.sock", port: 0 } as never, hello),
      "with both a path and a hostname": () =>
        serve({ path: "/tmp/x.sock", hostname: "127.0.0.1" } as never, hello),
      "with both a path and an fd": () => serve({ path: "/tmp/x.sock", fd: 3 } as never, hello),
      "with both a hostname and an fd": () =>
        serve({ hostname: "127.0.0.1", fd: 3 } as never, hello),
      "with an empty path": () => serve({ path: "" }, hello),
      "with a mode and no path": () => serve({ port: 0, mode: 0o660 } as never, hello),
      "with a mode that is no set of permissions": () =>
        serve({ path: "/tmp/x.sock", mode: 0o1000 }, hello),
      "with a mode written as text": () =>
        serve({ path: "/tmp/x.sock", mode: "660" as never }, hello),
      "with an owner and no path": () => serve({ port: 0, owner: "root" } as never, hello),
      "with a group and no path": () => serve({ group: 0 } as never, hello),
      "with an owner that is empty": () => serve({ path: "/tmp/x.sock", owner: "" }, hello),
      "with an owner that is a line": () => serve({ path: "/tmp/x.sock", owner: "root:x" }, hello),
      "with a group with a line feed": () => serve({ path: "/tmp/x.sock", group: "root\n" }, hello),
      "with a group with a space": () => serve({ path: "/tmp/x.sock", group: " root" }, hello),
      "with a negative group": () => serve({ path: "/tmp/x.sock", group: -1 }, hello),
      "with a group that means none": () =>
        serve({ path: "/tmp/x.sock", group: 0xffff_ffff }, hello),
      "with such a group as text": () => serve({ path: "/tmp/x.sock", group: "4294967295" }, hello),
      "with an owner that is no whole number": () =>
        serve({ path: "/tmp/x.sock", owner: 1.5 }, hello),
      "with an owner that is NaN": () => serve({ path: "/tmp/x.sock", owner: NaN }, hello),
      "with an owner that is null": () =>
        serve({ path: "/tmp/x.sock", owner: null as never }, hello),
      "with a group that is a list": () =>
        serve({ path: "/tmp/x.sock", group: ["root"] as never }, hello),
      ...Object.fromEntries(NO_HOSTNAMES.map((hostname) => [
        `with the hostname ${JSON.stringify(hostname)}`,
        () => serve({ port: 0, hostname: hostname as never }, hello),
      ])),
      "with an empty hostname alone": () => serve({ hostname: "" }, hello),
      "with a negative fd": () => serve({ fd: -1 }, hello),
      "with an fd that is no number": () => serve({ fd: "0" as never }, hello),
      "with a port above 65535": () => serve({ port: 65536 }, hello),
      "with a negative port": () => serve({ port: -1 }, hello),
      "with a port that is no whole number": () => serve({ port: 1.5 }, hello),
      "with a port that is no number": () => serve({ port: "http" as never }, hello),
      "with a mount and another basePath": () =>
        serve({ port: 0, mount: "/a", basePath: "/b" }, hello),
      "with a mount and the root as basePath": () =>
        serve({ port: 0, mount: "/a", basePath: "/" }, hello),
    })
  ) {
    it(`throws a TypeError ${what}`, () => {
      const error = assertThrows(call, TypeError, "Cannot serve: ");
      assertMatch(error.message, /[^.]$/);
    });
  }
});

/** Applications as frameworks make them; each answers `at work`. Their own names are no options. */
const APPLICATIONS: Record<string, () => ServeApplication> = {
  "an instance with methods named as options (Hono, h3, Elysia)": () => {
    class App {
      port = -1;
      answer = "at work";
      mount() {}
      basePath() {}
      onError() {}
      path() {}
      fetch() {
        return new Response(this.answer);
      }
    }
    return new App();
  },
  "an instance whose fetch is a property (Hono)": () => {
    class App {
      answer = "at work";
      fetch = (_request: Request, _env?: unknown, _context?: { waitUntil(): void }) =>
        Promise.resolve(new Response(this.answer));
    }
    return new App();
  },
  "an object that has a property of every name (itty-router)": () => {
    const methods = new Proxy({}, { get: () => () => methods });
    return Object.assign(Object.create(methods), {
      fetch: () => Promise.resolve(new Response("at work")),
    });
  },
  "a plain object with a method named as an option (fetch-router)": () => ({
    mount() {},
    fetch: (_input: string | URL | Request, _init?: RequestInit) =>
      Promise.resolve(new Response("at work")),
  }),
  "a function with a fetch method (GraphQL Yoga)": () =>
    Object.assign(() => new Response("the function"), {
      answer: "at work",
      fetch() {
        return new Response(this.answer);
      },
    }),
  "an object without a prototype": () =>
    Object.assign(Object.create(null), { fetch: () => new Response("at work") }),
  "a fetch that returns a promise of another making": () => ({
    fetch: () => ({ then: (resolve) => Promise.resolve(new Response("at work")).then(resolve) }),
  }),
};

describe("serve, applications", () => {
  for (const [what, make] of Object.entries(APPLICATIONS)) {
    it(`takes ${what} behind options`, async () => {
      await using server = serve({ ...LOCAL, ...silent }, make());
      assertEquals(await ask(await server.ready), "200 at work");
    });

    it(`takes ${what} alone`, async () => {
      const server = serve(make());
      assertEquals(server.addr, { transport: "tcp", hostname: "127.0.0.1", port: 9000 });
      try {
        assertEquals(await ask(await server.ready), "200 at work");
      } catch (error) {
        assertStringIncludes(String(error), "Cannot listen on 127.0.0.1:9000: EADDRINUSE");
      }
      await server.shutdown();
    });
  }

  it("gives them the request and its info, and finds a fetch that is put in later", async () => {
    const app = { fetch: (_request: Request, _info: ServeHandlerInfo) => new Response("first") };
    await using server = serve({ ...LOCAL, ...silent }, app);
    app.fetch = ({ url }, { remoteAddr }) => new Response(`${url} for ${remoteAddr.hostname}`);
    assertEquals(await ask(await server.ready), "200 http://example.org/ for 192.0.2.1");
  });

  it("reads the options in a module namespace", async () => {
    const source = "export const port = 0, idleTimeout = 10, onListen = () => {};" +
      "export const fetch = () => new Response('from a module');";
    const module = await import(`data:text/javascript,${encodeURIComponent(source)}`);
    await using server = serve(module);
    assertEquals(server.addr, { transport: "tcp", hostname: "127.0.0.1", port: 0 });
    assertEquals(await ask(await server.ready), "200 from a module");
  });

  it("reads the options of another realm, as a test runner makes them", async () => {
    const options = runInNewContext("({ port: 0, onListen() {} })");
    await using server = serve(options, hello);
    assertEquals(server.addr, { transport: "tcp", hostname: "127.0.0.1", port: 0 });
    assertEquals(await ask(await server.ready), "200 Hello\n");
  });

  it("reads the options in an object made for Bun or deno serve, which may hold others", async () => {
    const app = {
      port: 0,
      onListen() {},
      idleTimeout: 10,
      development: true,
      prot: 1,
      error: () => new Response("", { status: 500 }),
      websocket: { message() {} },
      fetch: () => new Response("Bun's"),
    };
    await using server = serve(app);
    assertEquals(await ask(await server.ready), "200 Bun's");
  });

  for (
    const [what, first] of Object.entries<unknown>({
      "null": null,
      "an array": [],
      "a number": 9000,
      "an instance of a class": new (class Settings {
        port = 0;
      })(),
    })
  ) {
    it(`throws a TypeError for ${what} where the options belong`, () => {
      assertThrows(
        () => serve(first as never, hello),
        TypeError,
        `Cannot serve: the first of two arguments is ${what}, not a plain object of options`,
      );
    });
  }

  it("throws a TypeError for the arguments the other way round", () => {
    for (const app of [hello, { fetch: hello }, APPLICATIONS[Object.keys(APPLICATIONS)[0]!]!()]) {
      assertThrows(() => serve(app as never, { port: 0 } as never), TypeError, "Cannot serve: ");
    }
  });

  for (
    const [name, nearest] of Object.entries({
      prot: "port",
      Path: "path",
      host: "hostname",
      hostName: "hostname",
      unix: undefined,
      basepath: "basePath",
      onerror: "onError",
      maxBodySize: "maxBodyBytes",
      maxRequestPerConnection: "maxRequestsPerConnection",
      timeout: undefined,
      toString: undefined,
    })
  ) {
    it(`throws a TypeError that names ${nearest ?? "nothing"} for an option ${name}`, () => {
      const { message } = assertThrows(
        () => serve({ port: 0, [name]: undefined } as ServeOptions, hello),
        TypeError,
      );
      const advice = nearest === undefined ? "" : `; ${nearest} is the nearest`;
      assertEquals(message, `Cannot serve: there is no option "${name}"${advice}`);
    });
  }
});

describe("serve, addresses", () => {
  it("lets the system choose with port 0, and tells in addr, ready and onListen", async () => {
    const heard: ServeAddress[] = [];
    await using server = serve({ port: 0, onListen: (address) => heard.push(address) }, hello);
    assertEquals(server.addr, { transport: "tcp", hostname: "127.0.0.1", port: 0 });
    assertEquals(heard, []);
    const address = await server.ready;
    assert(address.transport === "tcp");
    assertGreater(address.port, 0);
    assertEquals(server.addr, address);
    assertEquals(heard, [address]);
    assertEquals(await ask(address), "200 Hello\n");
  });

  it("listens on 127.0.0.1 alone unless a hostname says otherwise", async () => {
    await using server = serve({ port: 0, ...silent }, hello);
    const address = await server.ready;
    assert(address.transport === "tcp");
    assertEquals(address.hostname, "127.0.0.1");
    const others = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
      .filter(({ family, internal }) => family === "IPv4" && !internal)
      .map(({ address }) => address);
    // Linux answers on all of 127.0.0.0/8 whoever listens on all interfaces.
    if (process.platform === "linux") others.push("127.0.0.2");
    for (const hostname of others) {
      await assertRejects(() => RawPeer.connect({ ...address, hostname }), Error, "ECONNREFUSED");
    }
  });

  const hasIpv6 = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
    .some(({ address }) => address === "::1");
  it("listens on an IPv6 address", { skip: !hasIpv6 && "No ::1 on this machine" }, async () => {
    await using server = serve({ hostname: "::1", port: 0, ...silent }, hello);
    const address = await server.ready;
    assert(address.transport === "tcp");
    assertEquals(address.hostname, "::1");
    assertEquals(await ask(address), "200 Hello\n");
  });

  it("listens on a Unix socket", async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "fcgi.sock");
    await using server = serve({ path, ...silent }, hello);
    assertEquals(server.addr, { transport: "unix", path });
    assertEquals(await server.ready, { transport: "unix", path });
    assert((await stat(path)).isSocket());
    assertEquals(await ask(server.addr), "200 Hello\n");
  });

  it("removes its socket file when it shuts down", async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "fcgi.sock");
    const server = serve({ path, ...silent }, hello);
    await server.ready;
    await server.shutdown();
    await assertRejects(() => stat(path), Error, "ENOENT");
  });

  it("writes one line to stderr when it listens, and nothing to stdout", async () => {
    await using script = await runScript(
      `const server = serve({ port: 0 }, () => new Response());
      await server.ready;
      await server.shutdown();`,
    );
    const { program } = script;
    assertEquals(await program.exit, { code: 0, signal: null });
    assertEquals(program.stdout.text, "");
    assertMatch(program.stderr.text, /^Serving FastCGI on 127\.0\.0\.1:\d+\n$/);
  });

  it("brackets an IPv6 address in that line", {
    skip: !hasIpv6 && "No ::1 on this machine",
  }, async () => {
    await using script = await runScript(
      `const server = serve({ hostname: "::1", port: 0 }, () => new Response());
      await server.ready;
      await server.shutdown();`,
    );
    await script.program.exit;
    assertMatch(script.program.stderr.text, /^Serving FastCGI on \[::1\]:\d+\n$/);
  });

  it("leaves that line to an onListen of the caller's", async () => {
    await using script = await runScript(
      `const onListen = (address) => console.log(address.transport);
      const server = serve({ port: 0, onListen }, () => new Response());
      await server.ready;
      await server.shutdown();`,
    );
    const { program } = script;
    assertEquals(await program.exit, { code: 0, signal: null });
    assertEquals(program.stdout.text, "tcp\n");
    assertEquals(program.stderr.text, "");
  });
});

describe("serve, when it cannot listen", () => {
  /** Resolves with the reason, once the server has finished, too. */
  async function reasonOf(server: FastCgiServer): Promise<Error> {
    const error = await assertRejects(() => server.ready, Error, "Cannot listen on ");
    await server.finished;
    await server.shutdown();
    return error;
  }

  it("rejects ready with the address, the reason and what to do for a port in use", async () => {
    await using busy = await busyPort();
    const { message, cause } = await reasonOf(serve({ port: busy.port, ...silent }, hello));
    assertStringIncludes(message, `Cannot listen on 127.0.0.1:${busy.port}: EADDRINUSE. `);
    assertStringIncludes(message, "choose another port");
    assertEquals((cause as { code?: string }).code, "EADDRINUSE");
  });

  it("calls no onListen then", async () => {
    await using busy = await busyPort();
    const heard: ServeAddress[] = [];
    const onListen = (address: ServeAddress) => void heard.push(address);
    await reasonOf(serve({ port: busy.port, onListen }, hello));
    assertEquals(heard, []);
  });

  it("says that a socket path is taken, and leaves it to the one who has it", async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "fcgi.sock");
    await using first = serve({ path, ...silent }, () => new Response("first"));
    await first.ready;
    const { message } = await reasonOf(serve({ path, ...silent }, hello));
    assertStringIncludes(message, `Cannot listen on ${path}: EADDRINUSE. `);
    assertEquals(await ask(first.addr), "200 first");
  });

  it("leaves a file alone that is no socket", async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "precious.txt");
    await writeFile(path, "precious");
    await reasonOf(serve({ path, ...silent }, hello));
    assert((await stat(path)).isFile());
  });

  it("says that the directory of a socket path is missing", async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "missing", "fcgi.sock");
    const { message } = await reasonOf(serve({ path, ...silent }, hello));
    assertStringIncludes(message, `Cannot listen on ${path}: `);
    assertStringIncludes(message, `${join(directory.path, "missing")} does not exist; create it`);
  });

  it("says that a directory of a socket path is none", async () => {
    await using directory = await tempDir();
    const file = join(directory.path, "file");
    await writeFile(file, "");
    const { message } = await reasonOf(serve({ path: join(file, "fcgi.sock"), ...silent }, hello));
    assertStringIncludes(message, "is not a directory");
  });

  it("says that a socket path is too long", async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "x".repeat(150));
    const { message } = await reasonOf(serve({ path, ...silent }, hello));
    assertStringIncludes(message, "too long");
    assertStringIncludes(message, "107 bytes");
    await assertRejects(() => stat(path.slice(0, 107)), Error, "ENOENT");
  });

  it("says that the machine has no such address", async () => {
    // TEST-NET-1: no machine has it.
    const { message } = await reasonOf(
      serve({ ...LOCAL, hostname: "192.0.2.1", ...silent }, hello),
    );
    assertStringIncludes(message, "Cannot listen on 192.0.2.1:0: ");
    assertStringIncludes(message, "no such address");
  });

  it("ends the program with the reason on stderr when nobody looks at ready", async () => {
    await using busy = await busyPort();
    for (
      const source of [
        `serve({ port: ${busy.port} }, () => new Response());`,
        // Other work does not keep it going, and looking at `finished` is not looking at the
        // reason.
        `serve({ port: ${busy.port} }, () => new Response()); setInterval(() => {}, 1000);`,
        `await serve({ port: ${busy.port} }, () => new Response()).finished;`,
      ]
    ) {
      await using script = await runScript(source);
      const { code, signal } = await script.program.exit;
      assertEquals(signal, null);
      assertNotEquals(code, 0);
      const { stdout, stderr } = script.program;
      assertStringIncludes(stderr.text, `Cannot listen on 127.0.0.1:${busy.port}: EADDRINUSE. `);
      assertEquals(stdout.text, "");
    }
  });

  it("lets a program go on that has looked at ready", async () => {
    await using busy = await busyPort();
    await using script = await runScript(
      `const server = serve({ port: ${busy.port} }, () => new Response());
      await server.ready.catch(() => console.log("caught"));
      await server.finished;
      console.log("goes on");`,
    );
    assertEquals(await script.program.exit, { code: 0, signal: null });
    assertEquals(script.program.stdout.text, "caught\ngoes on\n");
    assertEquals(script.program.stderr.text, "");
  });
});

/** Waits until nobody accepts connections any more: for a moment whoever comes is still let in. */
async function refused(address: ServeAddress): Promise<void> {
  await waitUntil(async () => {
    const peer = await RawPeer.connect(address).catch((error) => error as NodeJS.ErrnoException);
    if (!(peer instanceof RawPeer)) return peer.code === "ECONNREFUSED";
    await peer[Symbol.asyncDispose]();
    return false;
  }, { what: "a refusal" });
}

describe("serve, shutdown", () => {
  it("answers the request in flight, and refuses new connections meanwhile", async () => {
    const started = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const server = serve({ ...LOCAL, ...silent }, async () => {
      started.resolve();
      await release.promise;
      return new Response("Answered");
    });
    const address = await server.ready;
    await using peer = await RawPeer.connect(address);
    peer.send(request());
    await started.promise;
    const stopped = server.shutdown();
    await refused(address);
    const before = await Promise.race([stopped.then(() => "stopped"), nextTurn("in flight")]);
    assertEquals(before, "in flight");
    release.resolve();
    assertEquals((await peer.reply()).text, "Answered");
    assertEquals(await peer.closing(), "end");
    peer.end();
    await stopped;
    await server.finished;
  });

  it("lets a response that streams go on to its end", async () => {
    const last = Promise.withResolvers<void>();
    const server = serve({ ...LOCAL, ...silent }, () => {
      return new Response(
        new ReadableStream({
          async start(controller) {
            controller.enqueue(new TextEncoder().encode("first "));
            await last.promise;
            controller.enqueue(new TextEncoder().encode("last"));
            controller.close();
          },
        }),
      );
    });
    await using peer = await RawPeer.connect(await server.ready);
    peer.send(request());
    await peer.until(() => peer.stdout().endsWith("first "), "the first chunk");
    const stopped = server.shutdown();
    last.resolve();
    assertEquals((await peer.reply()).text, "first last");
    peer.end();
    await stopped;
  });

  it("closes kept connections that are idle", async () => {
    const server = serve({ ...LOCAL, ...silent }, hello);
    await using used = await RawPeer.connect(await server.ready);
    await using unused = await RawPeer.connect(await server.ready);
    assertEquals((await used.fetch()).text, "Hello\n");
    const stopped = server.shutdown();
    assertEquals([await used.closing(), await unused.closing()], ["end", "end"]);
    used.end();
    unused.end();
    await stopped;
  });

  it("does not wait for ever for peers that never close their side", async () => {
    const server = serve({ ...LOCAL, ...silent }, hello);
    await using peer = await RawPeer.connect(await server.ready);
    assertEquals((await peer.fetch()).text, "Hello\n");
    await server.shutdown();
  });

  it("drops a request that has not come whole when the peer goes", async () => {
    let calls = 0;
    const server = serve({ ...LOCAL, ...silent }, () => new Response(String(++calls)));
    await using peer = await RawPeer.connect(await server.ready);
    peer.send(requestHead().subarray(0, 30));
    await using other = await RawPeer.connect(await server.ready);
    assertEquals((await other.fetch({ keep: false })).text, "1");
    other.end();
    const stopped = server.shutdown();
    peer.end();
    await stopped;
    assertEquals(calls, 1);
  });

  it("waits for what the handler gave to waitUntil", async () => {
    const log: string[] = [];
    const release = Promise.withResolvers<void>();
    const server = serve({ ...LOCAL, ...silent }, (_request, info) => {
      info.waitUntil(release.promise.then(() => void log.push("written")));
      return new Response("Hello\n");
    });
    assertEquals(await ask(await server.ready), "200 Hello\n");
    const stopped = server.shutdown().then(() => log.push("stopped"));
    await nextTurn("");
    assertEquals(log, []);
    release.resolve();
    await stopped;
    assertEquals(log, ["written", "stopped"]);
  });

  it("is the same shutdown however often it is asked for", async () => {
    const server = serve({ ...LOCAL, ...silent }, hello);
    await server.ready;
    assertEquals(server.shutdown(), server.shutdown());
    await Promise.all([server.shutdown(), server.finished, server[Symbol.asyncDispose]()]);
  });

  it("works before the server listens", async () => {
    const server = serve({ ...LOCAL, ...silent }, hello);
    await server.shutdown();
    await server.finished;
  });

  it("is what the signal asks for", async () => {
    const abort = new AbortController();
    const release = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const server = serve({ ...LOCAL, ...silent, signal: abort.signal }, async () => {
      started.resolve();
      await release.promise;
      return new Response("Answered");
    });
    const address = await server.ready;
    await using peer = await RawPeer.connect(address);
    peer.send(request());
    await started.promise;
    abort.abort();
    await refused(address);
    release.resolve();
    assertEquals((await peer.reply()).text, "Answered");
    peer.end();
    await server.finished;
  });

  it("comes at once with a signal that has aborted already", async () => {
    const server = serve({ ...LOCAL, ...silent, signal: AbortSignal.abort() }, hello);
    await server.finished;
    await assertRejects(() => RawPeer.connect(server.addr));
  });

  it("comes at the end of an await using block", async () => {
    let address: ServeAddress;
    {
      await using server = serve({ ...LOCAL, ...silent }, hello);
      address = await server.ready;
      assertEquals(await ask(address), "200 Hello\n");
    }
    await assertRejects(() => RawPeer.connect(address), Error, "ECONNREFUSED");
  });

  it("lets the same port be used again at once", async () => {
    const first = serve({ ...LOCAL, ...silent }, () => new Response("first"));
    const address = await first.ready;
    assert(address.transport === "tcp");
    assertEquals(await ask(address), "200 first");
    await first.shutdown();
    await using second = serve(
      { port: address.port, ...silent },
      () => new Response("second"),
    );
    await second.ready;
    assertEquals(await ask(address), "200 second");
  });
});

describe("serve, the life of the process", () => {
  it("keeps the process running until it is shut down", async () => {
    await using script = await runScript(
      `const server = serve({ port: 0 }, () => {
        server.shutdown();
        return new Response("Bye");
      });`,
    );
    const address = await script.address();
    assertEquals(await ask(address), "200 Bye");
    assertEquals(await script.program.exit, { code: 0, signal: null });
  });

  it("leaves nothing behind that keeps the process running after a kept connection", async () => {
    await using script = await runScript(
      `const server = serve({ port: 0 }, (request) => {
        if (request.url.endsWith("/stop")) server.shutdown();
        return new Response("Hello\\n");
      });`,
    );
    await using peer = await RawPeer.connect(await script.address());
    assertEquals((await peer.fetch({ uri: "/" })).text, "Hello\n");
    assertEquals((await peer.fetch({ uri: "/stop" })).text, "Hello\n");
    assertEquals(await peer.closing(), "end");
    peer.end();
    assertEquals(await script.program.exit, { code: 0, signal: null });
  });

  for (
    const [when, source] of [
      ["before it listens", "server.unref(); await server.ready;"],
      ["once it listens", "await server.ready; server.unref();"],
    ]
  ) {
    it(`lets the process end after unref ${when}`, async () => {
      await using script = await runScript(
        `const server = serve({ port: 0 }, () => new Response()); ${source}
        console.log("last line");`,
      );
      assertEquals(await script.program.exit, { code: 0, signal: null });
      assertEquals(script.program.stdout.text, "last line\n");
    });
  }

  it("keeps the process running after unref and ref", async () => {
    await using script = await runScript(
      `const server = serve({ port: 0 }, () => {
        server.unref();
        return new Response("Still here");
      });
      await server.ready;
      server.unref();
      server.ref();`,
    );
    const address = await script.address();
    assertEquals(await ask(address), "200 Still here");
    assertEquals(await script.program.exit, { code: 0, signal: null });
  });

  it("needs nothing but { path } and a handler", async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "fcgi.sock");
    await using script = await runScript(
      `serve({ path: ${JSON.stringify(path)} }, (request) => new Response(request.url));`,
      [],
      {
        denoPermissions: [
          `--allow-net=unix:${path}`,
          `--allow-read=${path}`,
          `--allow-write=${path}`,
        ],
      },
    );
    await script.program.waitForLine("stderr", new RegExp(`^Serving FastCGI on ${path} \\(mode `));
    assertEquals(await ask({ transport: "unix", path }, "/x?y"), "200 http://example.org/x?y");
  });

  it("ends by SIGTERM with exit code 0", async () => {
    await using script = await runScript(`serve({ port: 0 }, () => new Response());`);
    await script.address();
    script.program.kill("SIGTERM");
    assertEquals(await script.program.exit, { code: 0, signal: null });
  });
});

describe("serve, handlers", () => {
  it("answers 500 for a handler that throws, tells onError and the web server's log", async () => {
    const errors: unknown[] = [];
    const failure = new RangeError("Out of cheese");
    await using server = serve({
      ...LOCAL,
      ...silent,
      onError: (error) => void errors.push(error),
    }, () => {
      throw failure;
    });
    await using peer = await RawPeer.connect(await server.ready);
    const { status, text, stderr } = await peer.fetch();
    assertEquals([status, text], [500, "Internal Server Error\n"]);
    assertStringIncludes(stderr, "RangeError: Out of cheese");
    assertEquals(errors, [failure]);
    assertEquals((await peer.fetch()).status, 500);
  });

  it("gives the handler a real Request", async () => {
    let seen: Request | undefined;
    await using server = serve({ ...LOCAL, ...silent }, (request) => {
      seen = request;
      return new Response("Hello\n");
    });
    await ask(await server.ready);
    assertInstanceOf(seen, Request);
    assertEquals(new Request(seen).url, "http://example.org/");
  });
});

/** Resolves with `value` after everything that is due has run. */
function nextTurn<T>(value: T): Promise<T> {
  return new Promise((resolve) => setTimeout(() => resolve(value), 0));
}
