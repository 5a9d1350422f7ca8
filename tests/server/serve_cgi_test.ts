/** `serveCgi`: one request of a CGI program, over streams in memory. */
import { isCgiEnvironment, serveCgi } from "../../src/server/serve_cgi.ts";
import type { ConnectionOptions } from "../../src/server/application/connection_options.ts";
import type { ServeHandler } from "../../mod.ts";
import { bytes, concat, latin1 } from "../_bytes.ts";
import { assert, assertEquals, assertLess, assertMatch } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { echo, echoText, hello } from "./_handlers.ts";
import { ManualBody, readyBody } from "./_manual_body.ts";
import { quiet } from "./_quiet.ts";

interface Start extends ConnectionOptions {
  env?: Record<string, string>;
  stdin?: ReadableStream<Uint8Array>;
  stdout?: WritableStream<Uint8Array>;
}

/** A CGI program at work on one request; by default GET / without a body. */
function start(handler: ServeHandler, { env = {}, stdin, stdout, ...options }: Start = {}) {
  const written: Uint8Array[] = [];
  const logged: Uint8Array[] = [];
  /** What happened to the outputs, in order. */
  const order: string[] = [];
  const sink = (name: string, chunks: Uint8Array[]) =>
    new WritableStream<Uint8Array>({
      write(chunk) {
        order.push(name);
        chunks.push(chunk.slice());
      },
      close: () => void order.push(`${name} closed`),
    });
  const served = serveCgi(
    {
      env: Object.entries({
        GATEWAY_INTERFACE: "CGI/1.1",
        REQUEST_METHOD: "GET",
        REQUEST_URI: "/",
        HTTP_HOST: "example.org",
        ...env,
      }),
      stdin: stdin ?? new ReadableStream({ pull: () => Promise.reject(new Error("Was read")) }),
      stdout: stdout ?? sink("stdout", written),
      stderr: sink("stderr", logged),
    },
    handler,
    options,
  );
  return {
    served,
    order,
    get stdout() {
      return latin1(concat(written));
    },
    get stderr() {
      return new TextDecoder().decode(concat(logged));
    },
  };
}

/** Runs a whole request. */
async function run(handler: ServeHandler, options: Start = {}) {
  const program = start(handler, options);
  const complete = await program.served;
  const [head = "", ...body] = program.stdout.split("\r\n\r\n");
  return {
    complete,
    order: program.order,
    lines: head.split("\r\n"),
    body: body.join("\r\n\r\n"),
    stderr: program.stderr,
  };
}

const post = (length: number | undefined, env: Record<string, string> = {}) => ({
  REQUEST_METHOD: "POST",
  ...(length === undefined ? {} : { CONTENT_LENGTH: String(length) }),
  ...env,
});

describe("isCgiEnvironment", () => {
  const cases: [Record<string, string>, boolean][] = [
    [{ GATEWAY_INTERFACE: "CGI/1.1", REQUEST_METHOD: "GET" }, true],
    [{ GATEWAY_INTERFACE: "CGI/1.2", REQUEST_METHOD: "PURGE" }, true],
    [{ GATEWAY_INTERFACE: "CGI/1.1" }, false],
    [{ GATEWAY_INTERFACE: "CGI/1.1", REQUEST_METHOD: "" }, false],
    [{ GATEWAY_INTERFACE: "CGI-PHP/1.1", REQUEST_METHOD: "GET" }, false],
    [{ REQUEST_METHOD: "GET" }, false],
    [{}, false],
  ];
  for (const [env, is] of cases) {
    it(`says ${is} to ${JSON.stringify(env)}`, () => {
      assertEquals(isCgiEnvironment((name) => env[name]), is);
    });
  }
});

describe("serveCgi", () => {
  it("answers a GET with one header block, its Status line once and last, and the body", async () => {
    const answer = await run(() => new Response("Hello\n", { status: 201 }));
    assertEquals(answer.complete, true);
    assertEquals(answer.lines, [
      "Content-Type: text/plain;charset=UTF-8",
      "Content-Length: 6",
      "Status: 201 Created",
    ]);
    assertEquals([answer.body, answer.stderr], ["Hello\n", ""]);
    assertEquals(answer.order, ["stdout", "stdout closed", "stderr closed"]);
  });

  it("sends no body for HEAD", async () => {
    const answer = await run(hello, { env: { REQUEST_METHOD: "HEAD" } });
    assertEquals([answer.complete, answer.body], [true, ""]);
    assert(answer.lines.includes("Content-Length: 6"));
  });

  it("has every variable as a parameter, byte for byte, the system's too", async () => {
    const env = { PATH: "/bin", HTTP_X: "\xe9\x80\xff", EMPTY: "", PATH_INFO: "/\xc3\xb6" };
    let seen: Record<string, string> = {};
    let header: string | null = "";
    await run((request, info) => {
      seen = Object.fromEntries(info.params);
      header = request.headers.get("x");
      return new Response();
    }, { env });
    for (const [name, value] of Object.entries(env)) assertEquals(seen[name], value);
    assertEquals([seen.GATEWAY_INTERFACE, header], ["CGI/1.1", env.HTTP_X]);
  });

  it("makes no header of HTTP_PROXY (httpoxy)", async () => {
    const answer = await run(
      (request, info) =>
        Response.json([request.headers.has("proxy"), info.params.get("HTTP_PROXY")]),
      {
        env: { HTTP_PROXY: "http://evil.example" },
      },
    );
    assertEquals(answer.body, '[false,"http://evil.example"]');
  });

  it("takes SCRIPT_NAME for the mount point, with and without a PATH_INFO", async () => {
    const handler: ServeHandler = (_request, { scriptName, pathInfo }) =>
      Response.json([scriptName, pathInfo]);
    for (const [info, uri] of [[undefined, "/app.cgi"], ["/x", "/app.cgi/x"]] as const) {
      const { body } = await run(handler, {
        env: {
          SCRIPT_NAME: "/app.cgi",
          REQUEST_URI: uri,
          ...(info === undefined ? {} : { PATH_INFO: info }),
        },
      });
      assertEquals(JSON.parse(body), ["/app.cgi", info ?? ""]);
    }
  });

  it("needs neither REQUEST_URI nor HTTP_HOST, which RFC 3875 does not know", async () => {
    const { body } = await run((request) => new Response(request.url), {
      env: {
        REQUEST_URI: "",
        HTTP_HOST: "",
        SERVER_NAME: "example.net",
        SERVER_PORT: "8080",
        SCRIPT_NAME: "/app",
        PATH_INFO: "/a b",
        QUERY_STRING: "q=1",
      },
    });
    assertEquals(body, "http://example.net:8080/app/a%20b?q=1");
  });

  describe("body", () => {
    it("is CONTENT_LENGTH bytes of standard input, and no more is read", async () => {
      const stdin = new ManualBody();
      stdin.push("ab", "cdefgh");
      const answer = await run(echoText, { env: post(5), stdin: stdin.stream });
      assertEquals([answer.complete, answer.body], [true, "abcde"]);
    });

    it("is empty, and standard input not read, without a length or with one of 0", async () => {
      for (const env of [post(undefined), post(0), post(undefined, { CONTENT_LENGTH: "" })]) {
        const answer = await run(
          async (request) => Response.json([request.body === null, await request.text()]),
          { env },
        );
        assertEquals([answer.complete, answer.body], [true, '[true,""]']);
      }
    });

    it("is all of standard input when the web server has taken it out of chunks", async () => {
      const answer = await run(echoText, {
        env: post(undefined, { HTTP_TRANSFER_ENCODING: "chunked" }),
        stdin: readyBody("ab", "c"),
      });
      assertEquals([answer.complete, answer.body], [true, "abc"]);
    });

    it("fails, and request.signal aborts, where standard input ends before CONTENT_LENGTH", async () => {
      let reason: unknown;
      const answer = await run(async (request) => {
        reason = await request.text().catch((error) => error.name);
        return new Response(String(request.signal.aborted));
      }, { env: post(5), stdin: readyBody("abc") });
      assertEquals([answer.complete, answer.body, reason], [true, "true", "AbortError"]);
    });

    it("fails in the same way where standard input cannot be read", async () => {
      const stdin = new ManualBody();
      stdin.error(new Error("EIO"));
      const answer = await run(
        async (request) => new Response(await request.text().catch((error) => error.name)),
        {
          env: post(5),
          stdin: stdin.stream,
        },
      );
      assertEquals([answer.complete, answer.body], [true, "AbortError"]);
    });

    it("comes as it is read: the handler starts before it and holds it back", async () => {
      let taken = 0;
      const stdin = new ReadableStream<Uint8Array>({
        pull(controller) {
          taken += 16_384;
          controller.enqueue(new Uint8Array(16_384));
        },
      }, { highWaterMark: 0 });
      const go = Promise.withResolvers<void>();
      const length = 4 * 1024 * 1024;
      const program = start(async (request) => {
        await go.promise;
        return new Response(String((await request.arrayBuffer()).byteLength));
      }, { env: post(length), stdin });
      assertLess(await quiet(() => taken), 200_000);
      go.resolve();
      assertEquals(await program.served, true);
      assert(program.stdout.endsWith(`\r\n\r\n${length}`));
      assertEquals(taken, length);
    });

    it("is read to its end behind an answer that did not want it", async () => {
      const stdin = new ManualBody();
      const program = start(() => new Response("No, thanks\n"), {
        env: post(6),
        stdin: stdin.stream,
      });
      stdin.push("abc");
      await quiet(() => program.order.length);
      assert(program.stdout.endsWith("No, thanks\n"));
      let isServed = false;
      void program.served.then(() => isServed = true);
      assertEquals(await quiet(() => Number(isServed)), 0);
      stdin.push("def");
      assertEquals(await program.served, true);
    });
  });

  describe("answer", () => {
    it("is streamed: what there is goes out before the rest", async () => {
      const body = new ManualBody();
      const program = start(() => new Response(body.stream));
      body.push("first\n");
      await quiet(() => program.stdout.length);
      assert(program.stdout.endsWith("Status: 200 OK\r\n\r\nfirst\n"));
      body.push("second\n");
      body.close();
      assertEquals(await program.served, true);
      assert(program.stdout.endsWith("first\nsecond\n"));
    });

    it("is made no faster than standard output takes it", async () => {
      let made = 0;
      const room = new ManualGate();
      const stdout = new WritableStream<Uint8Array>({ write: () => room.passed() });
      const program = start(() =>
        new Response(
          new ReadableStream({
            async pull(controller) {
              await undefined;
              if (++made === 200) controller.close();
              else controller.enqueue(new Uint8Array(16_384));
            },
          }, { highWaterMark: 0 }),
        ), { stdout });
      assertLess(await quiet(() => made), 20);
      room.open();
      assertEquals(await program.served, true);
      assertEquals(made, 200);
    });

    it("does not wait for the body at Apache, which takes it only behind the body", async () => {
      const length = 1024 * 1024;
      for (const [software, isServed] of [["Apache/2.4.71", true], ["lighttpd/1.4.69", false]]) {
        let taken = 0;
        const room = new ManualGate();
        const program = start(echo, {
          env: post(length, { SERVER_SOFTWARE: String(software) }),
          stdin: new ReadableStream({
            pull(controller) {
              taken += 16_384;
              controller.enqueue(new Uint8Array(16_384));
              // What Apache does next.
              if (taken === length) room.open();
            },
          }, { highWaterMark: 0 }),
          stdout: new WritableStream({ write: () => room.passed() }),
        });
        await quiet(() => taken);
        assertEquals(taken === length, isServed);
        room.open();
        assertEquals(await program.served, true);
      }
    });

    it("of a handler that throws is 500, with the reason in one line of standard error", async () => {
      const answer = await run(() => {
        throw new Error("Thrown");
      });
      assertEquals([answer.complete, answer.body], [true, "Internal Server Error\n"]);
      assert(answer.lines.includes("Status: 500 Internal Server Error"));
      assertMatch(answer.stderr, /^Error: Thrown[^\n]*\n$/);
    });

    it("is onError's where there is one, and the reason is in standard error all the same", async () => {
      const heard: unknown[] = [];
      const answer = await run(() => {
        throw new Error("Thrown");
      }, {
        onError(error) {
          heard.push((error as Error).message);
          return new Response("Sorry\n", { status: 503 });
        },
      });
      assertEquals([answer.body, heard], ["Sorry\n", ["Thrown"]]);
      assertMatch(answer.stderr, /^Error: Thrown[^\n]*\n$/);
    });

    it("of a request over a limit is made without the handler", async () => {
      const answer = await run(() => new Response("Not called"), { maxParams: 3 });
      assert(answer.lines.includes("Status: 431 Request Header Fields Too Large"));
      assertEquals(answer.complete, true);
    });

    it("stops where its body breaks, which is no whole answer", async () => {
      const body = new ManualBody();
      const program = start(() => new Response(body.stream));
      body.push("first\n");
      await quiet(() => program.stdout.length);
      body.error(new Error("Broke"));
      assertEquals(await program.served, false);
      assert(program.stdout.endsWith("\r\n\r\nfirst\n"));
      assertMatch(program.stderr, /^Error: Broke[^\n]*\n$/);
    });

    it("is refused in a role the handler does not take", async () => {
      const program = start(() => new Response("Not called"), { roles: ["authorizer"] });
      assertEquals([await program.served, program.stdout], [
        false,
        "Status: 500 Internal Server Error\r\n\r\n",
      ]);
    });
  });

  it("writes what is logged before the answer, for lighttpd kills a program that has given it", async () => {
    const gate = new ManualGate();
    const order: string[] = [];
    const served = serveCgi({
      env: [["REQUEST_METHOD", "GET"], ["REQUEST_URI", "/"]],
      stdin: readyBody(),
      stdout: new WritableStream({ write: () => void order.push("stdout") }),
      stderr: new WritableStream({
        async write() {
          await gate.passed();
          order.push("stderr");
        },
      }),
    }, (_request, info) => {
      info.log("line");
      return new Response("Hello\n");
    });
    assertEquals(await quiet(() => order.length), 0);
    gate.open();
    await served;
    assertEquals(order, ["stderr", "stdout"]);
  });

  it("goes on where standard error is gone", async () => {
    const served = serveCgi({
      env: [["REQUEST_METHOD", "GET"], ["REQUEST_URI", "/"]],
      stdin: readyBody(),
      stdout: new WritableStream(),
      stderr: new WritableStream({ write: () => Promise.reject(new Error("EPIPE")) }),
    }, (_request, info) => {
      info.log("line");
      return new Response("Hello\n");
    });
    assertEquals(await served, true);
  });

  it("waits for info.waitUntil, behind the answer, and says what became of it", async () => {
    const work = Promise.withResolvers<void>();
    const program = start((_request, info) => {
      info.waitUntil(work.promise);
      return new Response("Hello\n");
    });
    await quiet(() => program.order.length);
    assertEquals(program.order, ["stdout", "stdout closed"]);
    work.reject(new Error("Too late"));
    assertEquals(await program.served, true);
    assertMatch(program.stderr, /^Error: Too late[^\n]*\n$/);
  });

  it("takes a broken standard output for a client that has gone", async () => {
    const body = new ManualBody();
    let signal: AbortSignal | undefined;
    const gone = Promise.withResolvers<unknown>();
    const program = start((request, info) => {
      signal = request.signal;
      info.completed.catch(gone.resolve);
      return new Response(body.stream);
    }, {
      stdout: new WritableStream({ write: () => Promise.reject(new Error("EPIPE")) }),
    });
    body.push("first\n");
    assertEquals(await program.served, false);
    await body.cancelled;
    assertEquals([signal?.aborted, signal?.reason.name], [true, "AbortError"]);
    assertMatch(String(await gone.promise), /EPIPE/);
    assertEquals(program.stderr, "");
  });

  it("tells a small answer that met a broken standard output from one that went out", async () => {
    const program = start(hello, {
      stdout: new WritableStream({ write: () => Promise.reject(new Error("EPIPE")) }),
    });
    assertEquals(await program.served, false);
  });

  it("lets go of standard input when the answer cannot be sent", async () => {
    const stdin = new ManualBody();
    stdin.push(bytes("abc"));
    const program = start(echo, {
      env: post(100),
      stdin: stdin.stream,
      stdout: new WritableStream({ write: () => Promise.reject(new Error("EPIPE")) }),
    });
    assertEquals(await program.served, false);
    await stdin.cancelled;
  });
});

/** Writes wait at it until it is open. */
class ManualGate {
  readonly #opened = Promise.withResolvers<void>();

  passed(): Promise<void> {
    return this.#opened.promise;
  }

  open(): void {
    this.#opened.resolve();
  }
}
