/**
 * Responses that the runtime's own `Response` did not make. Those of npm's undici, node-fetch and
 * @whatwg-node/fetch are built here by hand, as they look: what has a status, headers that iterate
 * and a body of bytes is a response.
 */
import { Readable } from "node:stream";
import { createContext, runInContext } from "node:vm";
import { assertEquals, assertInstanceOf, assertStringIncludes } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { assertBytes, bytes, concat, pattern, utf8 } from "../_bytes.ts";
import { runtime } from "../_runtime.ts";
import type { ServeHandler } from "../../mod.ts";
import { foreignResponse } from "../../src/server/exchange/foreign_response.ts";
import { Peer } from "./_peer.ts";
import { COMPLETE, type Reply } from "./_reply.ts";
import { request, type RequestSpec } from "./_request.ts";

/** What comes of something that a handler returned. */
async function sent(answer: () => unknown, spec: RequestSpec = {}): Promise<Reply> {
  await using peer = new Peer(answer as ServeHandler);
  const reply = await peer.ask(spec);
  assertEquals(reply.end, COMPLETE);
  return reply;
}

/** A response with nothing but what one must have. */
function plain(body: unknown, init: Record<string, unknown> = {}): unknown {
  return { status: 200, headers: new Map([["content-type", "text/plain"]]), body, ...init };
}

/** What undici and @whatwg-node/fetch hand out: a class, accessors, a stream of Buffers. */
class ForeignResponse {
  readonly #body: unknown;
  readonly #init: ResponseInit;
  readonly headers: ForeignHeaders;

  constructor(body: unknown, init: ResponseInit = {}) {
    this.#body = body;
    this.#init = init;
    this.headers = new ForeignHeaders(Object.entries(init.headers ?? {}));
  }

  get status(): number {
    return this.#init.status ?? 200;
  }

  get statusText(): string {
    return this.#init.statusText ?? "";
  }

  get body(): unknown {
    return this.#body;
  }

  get bodyUsed(): boolean {
    return false;
  }

  get [Symbol.toStringTag](): string {
    return "Response";
  }
}

/** `Headers` that join cookies when they iterate, as node-fetch's do. */
class ForeignHeaders {
  readonly #lines: [string, string][];

  constructor(lines: [string, string][]) {
    this.#lines = lines;
  }

  *[Symbol.iterator](): Iterator<[string, string]> {
    const names = new Set(this.#lines.map(([name]) => name.toLowerCase()));
    for (const name of names) yield [name, this.#valuesOf(name).join(", ")];
  }

  raw(): Record<string, string[]> {
    return Object.fromEntries(this.#lines.map(([name]) => [name, this.#valuesOf(name)]));
  }

  #valuesOf(name: string): string[] {
    return this.#lines.filter(([key]) => key.toLowerCase() === name.toLowerCase())
      .flatMap(([, value]) => value);
  }
}

/** A stream that is none of the runtime's, with `getReader` and nothing else. */
function foreignStream(chunks: unknown[], cancelled?: (reason: unknown) => void): unknown {
  return {
    locked: false,
    getReader: () => ({
      read: () => {
        const done = chunks.length === 0;
        return Promise.resolve({ done, value: chunks.shift() });
      },
      // As some do, without a promise.
      cancel: (reason: unknown) => cancelled?.(reason),
    }),
  };
}

/** Bodies that are bytes in some way, and what they are. */
const BODIES: Record<string, [make: () => unknown, expected: Uint8Array]> = {
  "null": [() => null, bytes()],
  "a stream of the runtime's": [() => new Blob(["abc"]).stream(), bytes("abc")],
  "a stream of another making": [
    () => foreignStream([bytes("a"), bytes("bc")]),
    bytes("abc"),
  ],
  "a stream of Buffers": [() => foreignStream([Buffer.from("abc")]), bytes("abc")],
  "a Readable": [() => Readable.from([Buffer.from("ab"), Buffer.from("c")]), bytes("abc")],
  "a Readable of strings": [() => Readable.from(["ä", "bc"]), utf8("äbc")],
  "a large Readable": [() => Readable.from([pattern(200_000)]), pattern(200_000)],
  "an async generator": [
    async function* () {
      yield "a";
      await new Promise((resolve) => setTimeout(resolve, 0));
      yield bytes("b");
      yield "";
      yield "c";
    },
    bytes("abc"),
  ],
  "a Buffer": [() => Buffer.from("abc"), bytes("abc")],
  "a string": [() => "äbc", utf8("äbc")],
  "an ArrayBuffer": [() => bytes("abc").buffer, bytes("abc")],
  "no bytes": [() => Buffer.alloc(0), bytes()],
};

/** Chunks that are bytes or text, and what they are. */
const CHUNKS: Record<string, [make: () => unknown, expected: Uint8Array]> = {
  "a string": [() => "Grüße €\u{1f600}", utf8("Grüße €\u{1f600}")],
  "a string of 100 kB": [() => "ä".repeat(50_000), utf8("ä".repeat(50_000))],
  "an empty string": [() => "", bytes()],
  "a Buffer": [() => Buffer.from("abc"), bytes("abc")],
  "a part of a larger buffer": [() => bytes("xabcx").subarray(1, 4), bytes("abc")],
  "an ArrayBuffer": [() => bytes("abc").buffer, bytes("abc")],
  "a SharedArrayBuffer": [() => new SharedArrayBuffer(3), bytes([0, 0, 0])],
  "a Uint16Array": [() => new Uint16Array([0x6161, 0x6262]), bytes("aabb")],
  "a part of a DataView": [() => new DataView(bytes("xabcx").buffer, 1, 3), bytes("abc")],
  "a Uint8ClampedArray": [() => new Uint8ClampedArray([97]), bytes("a")],
  "a BigInt64Array": [() => new BigInt64Array([0n]), new Uint8Array(8)],
};

/** A stream of these very chunks. */
function streamOf(...chunks: unknown[]): ReadableStream<Uint8Array> {
  return new ReadableStream<unknown>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  }) as ReadableStream<Uint8Array>;
}

describe("foreignResponse", () => {
  it("is a failed response if its body gives what is no chunk", async () => {
    for (const chunk of [undefined, null]) {
      const body = { [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve(chunk) }) };
      await using peer = new Peer((() => plain(body)) as unknown as ServeHandler);
      assertEquals((await peer.ask()).status, 500);
      assertInstanceOf(peer.takeErrors()[0], TypeError);
    }
  });

  describe("a body", () => {
    for (const [what, [make, expected]] of Object.entries(BODIES)) {
      it(`may be ${what}`, async () => {
        const reply = await sent(() => plain(make(), { status: 201 }));
        assertEquals(reply.status, 201);
        assertEquals(reply.header("content-type"), "text/plain");
        assertBytes(reply.body, expected);
      });
    }

    it("has its Content-Length if it is known", async () => {
      for (const what of ["a Buffer", "a string", "a stream of Buffers", "a Readable"]) {
        const [make, expected] = BODIES[what];
        const reply = await sent(() => plain(make()));
        assertEquals(reply.header("content-length"), `${expected.length}`, what);
      }
    });

    it("that fails is a failure like any other", async () => {
      const reason = new Error("The reason of it all");
      const failing: (() => unknown)[] = [
        () =>
          new Readable({
            read() {
              this.destroy(reason);
            },
          }),
        // deno-lint-ignore require-yield
        async function* () {
          await undefined;
          throw reason;
        },
        () => ({ getReader: () => ({ read: () => Promise.reject(reason), cancel() {} }) }),
        () => ({
          getReader() {
            throw reason;
          },
        }),
      ];
      for (const make of failing) {
        await using peer = new Peer((() => plain(make())) as ServeHandler);
        assertEquals((await peer.ask()).status, 500);
        assertEquals(peer.takeErrors(), [reason]);
      }
    });
  });

  describe("headers", () => {
    const cookies = ["a=1; Expires=Thu, 01 Jan 2026 00:00:00 GMT", "b=2"];
    const kinds: Record<string, () => unknown> = {
      "pairs": () => [["Set-Cookie", cookies[0]], ["X-A", "1"], ["set-cookie", cookies[1]]],
      "a Map with a list": () => new Map<string, unknown>([["set-cookie", cookies], ["x-a", 1]]),
      "Headers": () =>
        new Headers([["x-a", "1"], ...cookies.map((it) => ["set-cookie", it])] as [
          string,
          string,
        ][]),
      "node-fetch's Headers": () => {
        const lines = [...cookies.map((it) => ["Set-Cookie", it]), ["x-a", "1"]];
        return new ForeignHeaders(lines as [string, string][]);
      },
    };
    for (const [what, make] of Object.entries(kinds)) {
      it(`may be ${what}, each cookie a line`, async () => {
        const reply = await sent(() => plain("body", { headers: make() }));
        assertEquals(reply.headers("set-cookie"), cookies);
        assertEquals([reply.header("x-a"), reply.header("content-length")], ["1", "4"]);
      });
    }

    it("end no line and frame no body", async () => {
      const headers = [["x-a", "a\r\nX-B: c"], ["a b", "1"], ["transfer-encoding", "chunked"]];
      const reply = await sent(() => plain(foreignStream(["abc"]), { headers }));
      assertEquals(reply.headLines, ["X-A: a  X-B: c", "Content-Length: 3", "Status: 200 OK"]);
    });

    it("hold a length that is kept to", async () => {
      const headers = [["Content-Length", "5"]];
      const headIsOut = Promise.withResolvers<void>();
      const slow = async function* () {
        yield "abc";
        await headIsOut.promise;
        yield "defgh";
      };
      await using peer = new Peer((() => plain(slow(), { headers })) as ServeHandler);
      void peer.send(request());
      await peer.toPeer.until(() => peer.writes.length > 0);
      headIsOut.resolve();
      const reply = await peer.reply();
      assertEquals([reply.header("content-length"), reply.text], ["5", "abcde"]);
      assertStringIncludes(String(peer.takeErrors()), "longer than its Content-Length");
    });
  });

  it("may be a class with accessors", async () => {
    const headers = { "content-type": "application/json" };
    const make = () => new ForeignResponse(foreignStream([Buffer.from("{}")]), { headers });
    for (const answer of [make, () => Promise.resolve(make())]) {
      const reply = await sent(answer);
      assertEquals([reply.status, reply.text], [200, "{}"]);
      assertEquals(reply.header("content-type"), "application/json");
    }
    const none = await sent(() => new ForeignResponse(null, { status: 299, statusText: "Hm" }));
    assertEquals([none.header("status"), none.text], ["299 Hm", ""]);
  });

  it("may have the prototype of the runtime's Response, and accessors of its own", async () => {
    // As older @hono/node-server made them.
    const make = () => {
      const light = Object.create(Response.prototype);
      const headers = new Headers({ "x-a": "b" });
      const own = { status: 202, statusText: "", headers, body: null, bodyUsed: false, url: "" };
      for (const [name, value] of Object.entries(own)) {
        Object.defineProperty(light, name, { value });
      }
      return light;
    };
    assertEquals((await sent(make)).status, 202);
  });

  it("may be of a subclass with a body of its own, as Bun's node-fetch has it", async () => {
    class Own extends Response {
      override get body(): never {
        return Readable.from([Buffer.from("abc")]) as never;
      }
    }
    const reply = await sent(() => new Own("unseen", { headers: { "x-a": "b" } }));
    assertEquals([reply.status, reply.header("x-a"), reply.text], [200, "b", "abc"]);
  });

  it("may be of another realm", {
    skip: runtime !== "node" && "only Node gives another realm its own bytes and streams",
  }, async () => {
    const realm = createContext({ Response, ReadableStream });
    const answers: [code: string, text: string][] = [
      ["new Response(new Uint8Array([97, 98]))", "ab"],
      [
        "new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array([97])); c.close() } }))",
        "a",
      ],
      ["({ status: 200, headers: new Map(), body: new Uint16Array([0x6161]) })", "aa"],
      ["({ status: 200, headers: [], body: new Uint8Array([97]).buffer })", "a"],
      ["({ status: 200, headers: [], body: (async function* () { yield 'a' })() })", "a"],
    ];
    for (const [code, text] of answers) {
      const reply = await sent(() => runInContext(code, realm));
      assertEquals([reply.status, reply.text], [200, text], code);
    }
  });

  describe("a body is cancelled", () => {
    /** Bodies without an end that say when they have been told. */
    const endless: Record<string, (cancelled: (reason?: unknown) => void) => unknown> = {
      "a stream of another making": (cancelled) => ({
        locked: false,
        getReader: () => ({ read: () => new Promise(() => {}), cancel: cancelled }),
      }),
      "a Readable": (cancelled) =>
        new Readable({
          read() {},
          destroy(error, callback) {
            cancelled();
            callback(error);
          },
        }),
      "a Readable that fails when it is destroyed": (cancelled) =>
        new Readable({
          read() {},
          destroy(_, callback) {
            cancelled();
            callback(new Error("Nobody has to hear of this"));
          },
        }),
      "an async iterable": (cancelled) => ({
        [Symbol.asyncIterator]: () => ({
          next: () => new Promise(() => {}),
          return: () => {
            cancelled();
            return Promise.resolve({ done: true, value: undefined });
          },
        }),
      }),
    };
    for (const [what, make] of Object.entries(endless)) {
      it(`once when the web server goes: ${what}`, async () => {
        let count = 0;
        const cancelled = Promise.withResolvers<void>();
        const peer = new Peer(
          (() =>
            plain(make(() => {
              count++;
              cancelled.resolve();
            }))) as ServeHandler,
        );
        void peer.send(request());
        await peer.nextOf();
        peer.hangUp(new Error("Gone"));
        await cancelled.promise;
        await peer[Symbol.asyncDispose]();
        await new Promise((resolve) => setTimeout(resolve, 0));
        assertEquals(count, 1);
      });

      it(`when the request is a HEAD: ${what}`, async () => {
        const cancelled = Promise.withResolvers<void>();
        const reply = await sent(() => plain(make(() => cancelled.resolve())), { method: "HEAD" });
        assertEquals([reply.status, reply.text], [200, ""]);
        await cancelled.promise;
      });
    }
  });

  describe("a reader", () => {
    const readerOf = (body: unknown) => foreignResponse(plain(body)).body!.getReader();

    it("ends the read that is under way when it is cancelled, and every later one", async () => {
      let stopped = 0;
      const reader = readerOf({
        [Symbol.asyncIterator]: () => ({
          next: () => new Promise(() => {}),
          return: () => Promise.resolve(void stopped++),
        }),
      });
      const reading = reader.read();
      await reader.cancel();
      assertEquals(await reading, { done: true, value: undefined });
      assertEquals(await reader.read(), { done: true, value: undefined });
      await reader.cancel();
      assertEquals(stopped, 1);
    });

    it("cancels nothing that has ended", async () => {
      let stopped = 0;
      const reader = readerOf({
        [Symbol.asyncIterator]: () => ({
          next: () => Promise.resolve({ done: true, value: undefined }),
          return: () => Promise.resolve(void stopped++),
        }),
      });
      assertEquals((await reader.read()).done, true);
      await reader.cancel();
      assertEquals(stopped, 0);
    });

    it("hears, for the process, of a Readable that fails while it is destroyed unread", async () => {
      const body = new Readable({
        read() {},
        destroy(_, callback) {
          callback(new Error("Nobody has to hear of this"));
        },
      });
      const closed = new Promise((resolve) => body.once("close", resolve));
      await readerOf(body).cancel();
      await closed;
      assertEquals(body.destroyed, true);
    });
  });

  describe("is a 500, and lets nobody in, for", () => {
    const refused: Record<string, () => unknown> = {
      "an object without a status": () => plain("x", { status: undefined }),
      "a status that is a string": () => plain("x", { status: "200" }),
      "a status that is an object": () => plain("x", { status: new Number(200) }),
      "a status that is NaN": () => plain("x", { status: NaN }),
      "a status of 0": () => plain("x", { status: 0 }),
      "a status of 101": () => plain("x", { status: 101 }),
      "a status of 200.5": () => plain("x", { status: 200.5 }),
      "headers that do not iterate": () => plain("x", { headers: {} }),
      "no headers": () => plain("x", { headers: undefined }),
      "headers that are text": () => plain("x", { headers: "a: b" }),
      "headers that hold no pairs": () => plain("x", { headers: [null] }),
      "no body, which an answer of axios has not": () => plain(undefined),
      "a body that is a number": () => plain(5),
      "a body that is an object": () => plain({}),
      "a body that is a list": () => plain([bytes("a")]),
      "a body that has been used": () => plain(streamOf("x"), { bodyUsed: true }),
      "a body that is locked": () => plain({ locked: true, getReader() {} }),
      "an empty object": () => ({}),
      "an object with the prototype of Response": () => Object.create(Response.prototype),
      "a Response whose status is none": () =>
        Object.defineProperty(new Response(), "status", { value: undefined }),
      "a Request": () => new Request("http://h/"),
      "an object without a prototype": () => Object.create(null),
      "a function": () => () => new Response(),
      "a number": () => 200,
      "true": () => true,
      "a class": () => Response,
    };
    for (const [what, answer] of Object.entries(refused)) {
      it(what, async () => {
        for (const role of ["responder", "authorizer"] as const) {
          await using peer = new Peer(answer as ServeHandler, { roles: [role] });
          const reply = await peer.ask({ role: role === "responder" ? 1 : 2 });
          assertEquals([reply.status, reply.end], [500, COMPLETE]);
          assertEquals(peer.takeErrors().length, 1);
        }
      });
    }
  });

  it("is asked of what onError returns, too", async () => {
    for (
      const [answer, status] of [[plain("page", { status: 503 }), 503], [
        plain("x", { status: "200" }),
        500,
      ]]
    ) {
      await using peer = new Peer(() => {
        throw new Error("The reason of it all");
      }, { onError: (() => answer) as () => Response });
      assertEquals((await peer.ask()).status, status);
      peer.takeErrors();
    }
  });
});

describe("bytesOf", () => {
  for (const [what, [make, expected]] of Object.entries(CHUNKS)) {
    it(`takes ${what} in a stream, known at once or not`, async () => {
      assertBytes((await sent(() => new Response(streamOf(make())))).body, expected);
      const later = async () => {
        const { readable, writable } = new TransformStream<unknown>();
        const writer = writable.getWriter();
        void writer.ready.then(async () => {
          await writer.write("first ");
          await new Promise((resolve) => setTimeout(resolve, 0));
          await writer.write(make());
          await writer.close();
        });
        return await Promise.resolve(new Response(readable as ReadableStream<Uint8Array>));
      };
      assertBytes((await sent(later)).body, concat([bytes("first "), expected]));
    });
  }

  it("refuses anything else", async () => {
    for (const chunk of [5, null, undefined, true, {}, [97], Symbol("a"), new Date(), () => "a"]) {
      await using peer = new Peer(() => new Response(streamOf(chunk)));
      assertEquals((await peer.ask()).status, 500);
      const [error] = peer.takeErrors();
      assertInstanceOf(error, TypeError);
      assertStringIncludes(error.message, "not bytes or text");
    }
  });
});
