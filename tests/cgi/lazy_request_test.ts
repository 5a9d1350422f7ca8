/**
 * What is made from a request follows its signal. Where it does not, the gap is a named skip: the
 * day a runtime closes it, a test of what it does instead fails.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { createRequest } from "../../src/cgi/request.ts";
import { paramsOf } from "./_captures.ts";

interface Made {
  request: Request;
  abort: AbortController;
  /** How often the signal was asked for. */
  asked(): number;
}

function make(method = "GET", body: ReadableStream<Uint8Array> | Uint8Array | null = null): Made {
  const abort = new AbortController();
  let asked = 0;
  const params = paramsOf({
    REQUEST_METHOD: method,
    HTTP_HOST: "127.0.0.1:1",
    REQUEST_URI: "/x?y=1",
    HTTP_X_A: "b",
    CONTENT_TYPE: "text/plain",
  });
  const signal = () => {
    asked++;
    return abort.signal;
  };
  const request = createRequest(params, body, { signal });
  assertInstanceOf(request, Request);
  return { request, abort, asked: () => asked };
}

function streamOf(text: string): ReadableStream<Uint8Array> {
  return new Blob([text]).stream();
}

/** Node's `Request` reads the signal of another `Request` from a private field. */
const readsPrivateSignal = (() => {
  const abort = new AbortController();
  class Probe extends Request {
    override get signal(): AbortSignal {
      return abort.signal;
    }
  }
  const symbols = Object.getOwnPropertySymbols(Request.prototype);
  if (symbols.some(({ description }) => description === "signal")) return false;
  const copy = new Request(new Probe("http://h/"));
  abort.abort();
  return !copy.signal.aborted;
})();
const PRIVATE_SIGNAL = readsPrivateSignal && "Node reads a private field that only it can set";

describe("FastCgiRequest", () => {
  it("is a Request by every test", () => {
    const { request } = make();
    assertInstanceOf(request, Request);
    assertEquals(request.constructor.name, "Request");
    assertEquals(Object.prototype.toString.call(request), "[object Request]");
    assertEquals(Object.keys(request), Object.keys(new Request("http://h/")));
  });

  it("makes its signal when it is first asked for, once", () => {
    const { request, abort, asked } = make("POST", new Uint8Array(3));
    request.headers.get("x-a");
    assertEquals([request.method, request.url], ["POST", "http://127.0.0.1:1/x?y=1"]);
    assertEquals(request.body instanceof ReadableStream, true);
    assertEquals(asked(), 0);
    assertStrictEquals(request.signal, abort.signal);
    assertStrictEquals(request.signal, request.signal);
    assertEquals(asked(), 1);
  });

  it("has a signal of its own, never aborted, if no source is given", () => {
    const request = createRequest(paramsOf({ REQUEST_METHOD: "GET" }), null);
    assertInstanceOf(request, Request);
    assertEquals(request.signal.aborted, false);
  });

  it("is followed by a clone, asked for before or after", async () => {
    for (const askFirst of [false, true]) {
      const { request, abort, asked } = make("POST", streamOf("body"));
      if (askFirst) request.signal;
      const clone = request.clone();
      const second = clone.clone();
      abort.abort("gone");
      for (const copy of [clone, second]) {
        assertInstanceOf(copy, Request);
        assertEquals([copy.signal.aborted, copy.signal.reason], [true, "gone"]);
        assertEquals(copy.headers.get("x-a"), "b");
        assertEquals([copy.method, copy.url], [request.method, request.url]);
      }
      assertEquals(asked(), 1);
      assertEquals(await Promise.all([request, clone, second].map((r) => r.text())), [
        "body",
        "body",
        "body",
      ]);
    }
  });

  it("cannot be cloned once its body is used", async () => {
    const { request } = make("POST", streamOf("body"));
    await request.text();
    let thrown: unknown;
    try {
      request.clone();
    } catch (error) {
      thrown = error;
    }
    assertInstanceOf(thrown, TypeError);
  });

  it("is followed by new Request(url, request), with method, headers and body", async () => {
    const { request, abort } = make("POST", streamOf("body"));
    const copy = new Request("http://other/", request);
    assertEquals([copy.method, copy.headers.get("x-a")], ["POST", "b"]);
    abort.abort();
    assert(copy.signal.aborted);
    assertEquals(await copy.text(), "body");
  });

  it("can be given to new Request with and without an init", async () => {
    const plain = new Request(make("POST", streamOf("body")).request);
    assertEquals([plain.method, plain.url], ["POST", "http://127.0.0.1:1/x?y=1"]);
    assertEquals([plain.headers.get("x-a"), await plain.text()], ["b", "body"]);
    const changed = new Request(make("POST", streamOf("body")).request, {
      headers: { "x-c": "d" },
    });
    assertEquals([changed.headers.get("x-c"), changed.headers.get("x-a")], ["d", null]);
    assertEquals(await changed.text(), "body");
  });

  it("is followed by new Request(request)", { skip: PRIVATE_SIGNAL }, () => {
    for (const init of [undefined, { headers: { "x-c": "d" } }]) {
      const { request, abort } = make();
      const copy = new Request(request, init);
      assert(!copy.signal.aborted);
      abort.abort();
      assert(copy.signal.aborted);
    }
  });

  it("is followed by new Request(request, { signal: request.signal }) everywhere", () => {
    const { request, abort } = make();
    const copy = new Request(request, { signal: request.signal });
    abort.abort();
    assert(copy.signal.aborted);
  });

  it("can be given a signal of one's own", () => {
    const { request, abort } = make();
    const own = new AbortController();
    const copy = new Request(request, { signal: own.signal });
    abort.abort();
    assert(!copy.signal.aborted);
    own.abort();
    assert(copy.signal.aborted);
  });

  it("stops fetch(request) if it is aborted already", { skip: PRIVATE_SIGNAL }, async () => {
    const { request, abort } = make();
    abort.abort();
    assertEquals(await fetch(request).then(() => "fetched", nameOf), "AbortError");
  });

  it("stops fetch(url, request) and fetch(request, { signal }) everywhere", async () => {
    const { request, abort } = make();
    abort.abort();
    const { url, signal } = request;
    assertEquals(await fetch(url, request).then(() => "fetched", nameOf), "AbortError");
    assertEquals(await fetch(request, { signal }).then(() => "fetched", nameOf), "AbortError");
  });

  it("can be changed as any Request: its headers are open", () => {
    const { request } = make();
    request.headers.set("x-a", "c");
    request.headers.delete("content-type");
    assertEquals([...request.headers], [["host", "127.0.0.1:1"], ["x-a", "c"]]);
  });
});

describe("FastCgiRequest's headers", () => {
  const FORM = "--x\r\ncontent-disposition: form-data; name=a\r\n\r\nb\r\n--x--\r\n";

  function makeForm(): Request {
    const params = paramsOf({
      REQUEST_METHOD: "POST",
      HTTP_HOST: "127.0.0.1:1",
      REQUEST_URI: "/",
      CONTENT_TYPE: "multipart/form-data; boundary=x",
    });
    const request = createRequest(params, new TextEncoder().encode(FORM));
    assertInstanceOf(request, Request);
    return request;
  }

  // Each on a request whose headers nobody has looked at before.
  const uses: [name: string, use: (request: Request) => unknown, expected: unknown][] = [
    ["formData()", async (request) => (await request.formData()).get("a"), "b"],
    ["blob()", async (request) => (await request.blob()).type.split(";")[0], "multipart/form-data"],
    ["clone()", (request) => request.clone().headers.get("host"), "127.0.0.1:1"],
    ["a clone's formData()", async (request) => (await request.clone().formData()).get("a"), "b"],
    ["new Request(request)", (request) => new Request(request).headers.get("host"), "127.0.0.1:1"],
    [
      "new Request(url, request)",
      (request) => new Request("http://h/", request).headers.get("host"),
      "127.0.0.1:1",
    ],
    [
      "a Response made of them",
      (request) => new Response(null, { headers: request.headers }).headers.get("host"),
      "127.0.0.1:1",
    ],
    ["console.log", (request) => shown(request).includes("127.0.0.1:1"), true],
  ];
  for (const [name, use, expected] of uses) {
    it(`are there for ${name}`, async () => {
      assertEquals(await use(makeForm()), expected);
    });
  }

  it("are the same object each time, and say what a handler has changed", () => {
    const request = makeForm();
    request.headers.set("x-a", "1");
    assertStrictEquals(request.headers, request.headers);
    assertEquals(request.clone().headers.get("x-a"), "1");
    assertEquals(new Request(request).headers.get("x-a"), "1");
  });

  it("travel with fetch(request)", async () => {
    await using server = await echoServer();
    const request = createRequest(
      paramsOf({
        REQUEST_METHOD: "POST",
        HTTP_HOST: `127.0.0.1:${server.port}`,
        REQUEST_URI: "/",
        HTTP_X_A: "b",
        // What a client tells the web server alone; curl does for an upload.
        HTTP_EXPECT: "100-continue",
        HTTP_CONNECTION: "keep-alive, upgrade",
        HTTP_KEEP_ALIVE: "timeout=5",
        HTTP_TRANSFER_ENCODING: "chunked",
        HTTP_UPGRADE: "h2c",
        HTTP_TE: "trailers",
      }),
      new TextEncoder().encode("body"),
    );
    assertInstanceOf(request, Request);
    assertEquals(await (await fetch(request)).json(), { header: "b", body: "body" });
  });
});

/** What `console.log` prints; Bun's `node:util` has another idea of it. */
function shown(value: unknown): string {
  const { Bun } = globalThis as { Bun?: { inspect(value: unknown): string } };
  return Bun === undefined ? inspect(value) : Bun.inspect(value);
}

/** An HTTP server that tells what it was sent. */
async function echoServer(): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    response.setHeader("connection", "close");
    response.end(JSON.stringify({ header: request.headers["x-a"], body }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function nameOf(error: Error): string {
  return error.name;
}
