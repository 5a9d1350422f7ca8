/**
 * What `fetch` has decoded goes out without its old Content-Encoding, and what is encoded keeps it,
 * whoever made the response and however the bytes come. A client's view decides: the content that
 * it is left with when it has decoded what the header block says.
 */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import * as zlib from "node:zlib";
import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { assertBytes, bytes, pattern, Random, utf8 } from "../_bytes.ts";
import type * as ContentCoding from "../../src/server/exchange/content_coding.ts";
import { Peer } from "./_peer.ts";
import { COMPLETE, type Reply } from "./_reply.ts";
import { request, type RequestSpec } from "./_request.ts";

/** The encoders, and the decoders of a client. */
const CODERS: Record<string, [encode: Coder, decode: Coder]> = {
  "gzip": [zlib.gzipSync, zlib.gunzipSync],
  "x-gzip": [zlib.gzipSync, zlib.gunzipSync],
  "br": [zlib.brotliCompressSync, zlib.brotliDecompressSync],
  "deflate": [zlib.deflateSync, zlib.inflateSync],
  "zstd": [zlib.zstdCompressSync, zlib.zstdDecompressSync],
};

type Coder = (content: Uint8Array) => Uint8Array;

/** A number of pseudo-random bytes, which nothing compresses. */
function noise(length: number): Uint8Array {
  const random = new Random(7);
  return Uint8Array.from({ length }, () => random.below(256));
}

/** The first 64 bytes of 256 MiB of zeros in brotli: five times 16 MiB. */
const BOMB = "cfffff7f002400e2b14072effff9ffff0f8004401c1680eefd3fffffff01900088" +
  "c302d0bdffe7ffff3f001200715800baf7fffcffff074002200e0b40f7fe9f";

/** What is sent, short and long, text and not; the first ones begin as codings do. */
const CONTENTS: Record<string, Uint8Array> = {
  "3 results": bytes("3 results"),
  ";(function () {})()": bytes(";(function () {})()"),
  "an escape": bytes("\x1b[0mtext"),
  "a word": bytes("ok\n"),
  "a letter": bytes("P"),
  "German": utf8("Grüße €\n".repeat(20)),
  "HTML": bytes("<!doctype html><title>x</title>" + "<p>Hello, hello, hello</p>\n".repeat(100)),
  "much text": bytes("The quick brown fox jumps over the lazy dog.\n".repeat(5000)),
  "WebAssembly": bytes([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0], "\x01\x07\x01`\x02\x7f\x7f\x01\x7f"),
  "a picture": bytes([0x89], "PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x06", noise(500)),
  "a library": bytes([0x7f], "ELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0>\0\x01\0\0\0", noise(90_000)),
};

/** Pieces of a body: of one byte first, which tells little. */
function* piecesOf(content: Uint8Array): Iterable<Uint8Array> {
  const steps = [1, 1, 3, 10, 100, 20_000];
  for (let at = 0; at < content.length;) {
    const piece = content.slice(at, at + (steps.shift() ?? 50_000));
    at += piece.length;
    yield piece;
  }
}

/** A body of pieces that come when the loop has turned. */
function slowly(content: Uint8Array): ReadableStream<Uint8Array> {
  const pieces = piecesOf(content)[Symbol.iterator]();
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      const { done, value } = pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  }, { highWaterMark: 0 });
}

/** How a handler hands over bytes. */
const WAYS: Record<string, (content: Uint8Array) => BodyInit> = {
  "at once": (content) => content as Uint8Array<ArrayBuffer>,
  "slowly": (content) => slowly(content),
};

/** The answer to one request of a handler. */
async function sent(
  make: () => Response | Promise<Response>,
  spec: RequestSpec = {},
): Promise<Reply> {
  await using peer = new Peer(make);
  const reply = await peer.ask(spec);
  assertEquals(reply.end, COMPLETE);
  return reply;
}

/** What a client makes of an answer. */
function seen(reply: Reply): Uint8Array {
  const length = reply.header("content-length");
  if (length !== undefined) assertEquals(length, `${reply.body.length}`);
  const codings = reply.header("content-encoding")?.toLowerCase().split(/\s*,\s*/) ?? [];
  let content: Uint8Array = reply.body;
  for (const coding of codings.reverse()) {
    if (coding !== "identity") content = CODERS[coding][1](content);
  }
  return content;
}

/** Brotli takes its time. */
const cache = new Map<string, Uint8Array>();

function encoded(what: string, codings: string): Uint8Array {
  const key = `${what} ${codings}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  let content = CONTENTS[what];
  for (const coding of codings.split(", ")) content = CODERS[coding][0](content);
  cache.set(key, content);
  return content;
}

/** An HTTP server of somebody else's, which encodes as the path says. */
async function withUpstream(body: (url: string) => Promise<void>): Promise<void> {
  const listener: RequestListener = async ({ url, method }, response) => {
    const { pathname, searchParams } = new URL(url!, "http://h/");
    const coding = searchParams.get("coding")!;
    const status = Number(searchParams.get("status") ?? 200);
    const content = encoded(decodeURIComponent(pathname.slice(1)), coding);
    response.writeHead(status, {
      "content-encoding": coding,
      "content-type": "application/octet-stream",
      ...(searchParams.has("unknown") ? {} : { "content-length": content.length }),
    });
    if (method === "HEAD" || status === 304) return response.end();
    for (const piece of searchParams.has("slow") ? piecesOf(content) : [content]) {
      response.write(piece);
      if (searchParams.has("slow")) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    response.end();
  };
  const server = createServer((request, response) => void listener(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await body(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Deno keeps a connection for the next `fetch`, which its test would call a leak. */
const PROXY = { sanitize: false, timeout: 60_000 };

describe("Content-Encoding", () => {
  for (const [way, make] of Object.entries(WAYS)) {
    for (const coding of Object.keys(CODERS)) {
      const headers = { "content-encoding": coding };

      it(`stays where a handler has encoded with it: ${coding}, ${way}`, async () => {
        for (const what of Object.keys(CONTENTS)) {
          const body = encoded(what, coding);
          const reply = await sent(() => new Response(make(body), { headers }));
          assertEquals(reply.header("content-encoding"), coding, what);
          assertBytes(reply.body, body, what);
        }
      });

      it(`goes where the body is not of it: ${coding}, ${way}`, async () => {
        for (const [what, content] of Object.entries(CONTENTS)) {
          // As `new Response(r.body, r)` has it, with the length that it had.
          const init = { headers: { ...headers, "content-length": "1" } };
          const reply = await sent(() => new Response(make(content), init));
          assertEquals(reply.header("content-encoding"), undefined, what);
          assertBytes(reply.body, content, what);
        }
      });
    }
  }

  it("stays with raw deflate, which some servers mean", async () => {
    for (const [what, content] of Object.entries(CONTENTS)) {
      for (const make of Object.values(WAYS)) {
        const encoded = zlib.deflateRawSync(content);
        const headers = { "content-encoding": "deflate" };
        const reply = await sent(() => new Response(make(encoded), { headers }));
        assertEquals(reply.header("content-encoding"), "deflate", what);
        assertBytes(reply.body, encoded, what);
      }
    }
  });

  it("stays with every quality and window of brotli", async () => {
    const { BROTLI_PARAM_LGWIN, BROTLI_PARAM_QUALITY } = zlib.constants;
    for (const content of [CONTENTS["HTML"], CONTENTS["a picture"], pattern(3000)]) {
      for (const quality of [0, 1, 5, 9]) {
        for (const window of [10, 16, 17, 19, 22, 24]) {
          const params = { [BROTLI_PARAM_LGWIN]: window, [BROTLI_PARAM_QUALITY]: quality };
          const encoded = zlib.brotliCompressSync(content, { params });
          const headers = { "content-encoding": "br" };
          for (const make of Object.values(WAYS)) {
            const reply = await sent(() => new Response(make(encoded), { headers }));
            assertEquals(reply.header("content-encoding"), "br", `${quality} ${window}`);
            assertBytes(reply.body, encoded);
          }
        }
      }
    }
  });

  it("stays where nothing is known of it, and where there is nothing to look at", async () => {
    const rows: [string, BodyInit | null][] = [
      ["aes128gcm", "text"],
      ["compress", "text"],
      ["gzip, aes128gcm", "text"],
      ["identity", "text"],
      ["", "text"],
      ["gzip", ""],
      ["gzip", null],
      ["br", ""],
    ];
    for (const [coding, body] of rows) {
      const headers = { "content-encoding": coding };
      const reply = await sent(() => new Response(body, { headers }));
      assertEquals(reply.headers("content-encoding").join(), coding);
      assertEquals(reply.header("content-length"), `${reply.body.length}`);
    }
  });

  it("of several is that which was applied last", async () => {
    const content = CONTENTS["HTML"];
    const both = WAYS["at once"](zlib.brotliCompressSync(zlib.gzipSync(content)));
    const bare = WAYS["at once"](content);
    for (const [coding, body] of [["gzip, br", both], ["gzip, br, identity", both]] as const) {
      const headers = { "content-encoding": coding };
      assertBytes(seen(await sent(() => new Response(body, { headers }))), content);
      assertBytes(seen(await sent(() => new Response(bare, { headers }))), content);
    }
  });

  it("of an empty content stays with its few bytes", async () => {
    for (const [coding, [encode]] of Object.entries(CODERS)) {
      const encoded = encode(bytes());
      for (const make of Object.values(WAYS)) {
        const headers = { "content-encoding": coding };
        const reply = await sent(() => new Response(make(encoded), { headers }));
        assertEquals(reply.header("content-encoding"), coding);
        assertBytes(reply.body, encoded);
      }
    }
  });

  it("is looked at byte by byte, for Deno makes at once what a few bytes of brotli are", async () => {
    const { DecompressionStream } = globalThis;
    const writes: number[] = [];
    class Recorded {
      readonly readable: ReadableStream<Uint8Array>;
      readonly writable: WritableStream<BufferSource>;

      constructor(format: CompressionFormat) {
        const decoder = new DecompressionStream(format);
        const writer = decoder.writable.getWriter();
        this.readable = decoder.readable;
        this.writable = new WritableStream({
          write(bytes) {
            writes.push(bytes.byteLength);
            return writer.write(bytes);
          },
          close: () => writer.close(),
          abort: (reason) => writer.abort(reason),
        });
      }
    }
    globalThis.DecompressionStream = Recorded as unknown as typeof DecompressionStream;
    try {
      // A copy of the module that was loaded with it.
      const copy = "../../src/server/exchange/content_coding.ts?recorded";
      const { lookAtCoding } = await import(copy) as typeof ContentCoding;
      const start = Uint8Array.from(BOMB.match(/../g)!, (byte) => parseInt(byte, 16));
      const response = new Response(null, { headers: { "content-encoding": "br" } });
      const reader = new ReadableStream<Uint8Array>().getReader();
      const known = { chunks: [start], length: start.length, ended: false };
      assertEquals((await lookAtCoding(response, reader, known)).decoded, false);
    } finally {
      globalThis.DecompressionStream = DecompressionStream;
    }
    assertEquals([Math.max(...writes), writes.length <= 64], [1, true]);
  });

  it("is not waited for where there is no body: a HEAD", async () => {
    const cancelled = Promise.withResolvers<unknown>();
    const body = new ReadableStream<Uint8Array>({ cancel: cancelled.resolve });
    const headers = { "content-encoding": "gzip", "content-length": "5" };
    const reply = await sent(() => new Response(body, { headers }), { method: "HEAD" });
    assertEquals(reply.header("content-encoding"), "gzip");
    assertEquals(reply.header("content-length"), "5");
    await cancelled.promise;
  });

  it("waits for the first bytes, and ends with the request that is given up meanwhile", async () => {
    const cancelled = Promise.withResolvers<unknown>();
    const body = new ReadableStream<Uint8Array>({ cancel: cancelled.resolve });
    const peer = new Peer(() => new Response(body, { headers: { "content-encoding": "gzip" } }));
    void peer.send(request());
    await peer.fence();
    peer.hangUp(new Error("Gone"));
    await cancelled.promise;
    await peer[Symbol.asyncDispose]();
  });
});

/** How a handler passes on what it has fetched. */
const PROXIES: Record<string, (url: string, init: object) => Promise<Response>> = {
  "fetch": (url, init) => fetch(url, init),
  "a clone": async (url, init) => {
    const response = await fetch(url, init);
    const copy = response.clone();
    // Once the copy has ended, too.
    void response.body?.cancel();
    return copy;
  },
  "new Response(r.body, r)": async (url, init) => {
    const response = await fetch(url, init);
    return new Response(response.body, response);
  },
  "its bytes": async (url, init) => {
    const response = await fetch(url, init);
    return new Response(await response.arrayBuffer(), response);
  },
  "without decoding, where that can be said": (url, init) =>
    fetch(url, { ...init, decompress: false } as object),
  "an accept-encoding of its own": (url, init) =>
    fetch(url, { ...init, headers: { "accept-encoding": "identity" } }),
};

describe("return fetch(upstream)", () => {
  for (const [how, proxy] of Object.entries(PROXIES)) {
    for (const coding of [...Object.keys(CODERS), "gzip, br"]) {
      it(`gives a client the content: ${how}, ${coding}`, PROXY, async () => {
        await withUpstream(async (base) => {
          for (const [what, content] of Object.entries(CONTENTS)) {
            for (const mode of ["", "&slow", "&unknown&status=404"]) {
              const url = `${base}/${encodeURIComponent(what)}?coding=${coding}${mode}`;
              const reply = await sent(() => proxy(url, {}));
              assertBytes(seen(reply), content, `${what}${mode}`);
            }
          }
        });
      });
    }
  }

  it("says no length that is not true for HEAD, 304 and 206", PROXY, async () => {
    await withUpstream(async (base) => {
      const url = `${base}/HTML?coding=gzip`;
      const head = await sent(() => fetch(url, { method: "HEAD" }), { method: "HEAD" });
      assertEquals([head.status, head.header("content-encoding")], [200, undefined]);
      assertEquals([head.header("content-length"), head.text], [undefined, ""]);
      const ofGet = await sent(() => fetch(url), { method: "HEAD" });
      assertEquals([ofGet.status, ofGet.text], [200, ""]);
      const length = Number(ofGet.header("content-length") ?? CONTENTS["HTML"].length);
      assertEquals(length, CONTENTS["HTML"].length);
      const unchanged = await sent(() => fetch(`${url}&status=304`));
      assertEquals([unchanged.status, unchanged.header("content-length")], [304, undefined]);
      const part = await sent(() => fetch(`${url}&status=206`, { headers: { range: "bytes=0-" } }));
      assertBytes(seen(part), CONTENTS["HTML"]);
    });
  });

  it("keeps what has no coding as it is", PROXY, async () => {
    const server = createServer((_, response) => {
      response.writeHead(200, { "content-length": 3, "x-a": "b" }).end("abc");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const reply = await sent(() => fetch(`http://127.0.0.1:${port}/`));
    assertEquals([reply.text, reply.header("x-a"), reply.header("content-length")], [
      "abc",
      "b",
      "3",
    ]);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});
