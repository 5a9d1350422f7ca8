/**
 * What peers do to sockets, and what `serve()` makes of it: half-closed, reset, slow, empty, many
 * at once.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { join as joinPath } from "node:path";
import { type FastCgiServer, serve, type ServeAddress, type ServeHandler } from "../../mod.ts";
import { encodeRecord, encodeStream, RecordType } from "../../src/protocol/mod.ts";
import { assert, assertEquals, assertLess, assertRejects } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { tempDir, waitUntil } from "../_runtime.ts";
import { join, RawPeer, request, requestHead } from "./_raw_peer.ts";

const text = (value: string) => new TextEncoder().encode(value);

/** A server whose failures are kept, on a TCP or a Unix socket. */
interface Subject extends AsyncDisposable {
  server: FastCgiServer;
  address: ServeAddress;
  /** What `onError` heard. */
  errors: unknown[];
}

async function start(transport: "tcp" | "unix", handler: ServeHandler): Promise<Subject> {
  const directory = await tempDir();
  const errors: unknown[] = [];
  const server = serve({
    ...(transport === "tcp" ? { port: 0 } : { path: joinPath(directory.path, "fcgi.sock") }),
    onListen: () => {},
    onError: (error) => void errors.push(error),
  }, handler);
  return {
    server,
    address: await server.ready,
    errors,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** A handler whose answers a test gives out: it sees each request come, and lets it go. */
function held() {
  const started = Promise.withResolvers<Request>();
  const release = Promise.withResolvers<void>();
  const handler = async (request: Request) => {
    started.resolve(request);
    await release.promise;
    return new Response("Answered");
  };
  return { handler, started: started.promise, release: release.resolve };
}

const echo = async (request: Request) => new Response(await request.arrayBuffer());

for (const transport of ["tcp", "unix"] as const) {
  const place = transport === "tcp" ? "a TCP socket" : "a Unix socket";

  describe(`serve on ${place}`, () => {
    it("answers one request after another on a kept connection, with the same id", async () => {
      await using subject = await start(transport, (request) => new Response(request.url));
      await using peer = await RawPeer.connect(subject.address);
      for (let i = 0; i < 20; i++) {
        assertEquals((await peer.fetch({ uri: `/${i}` })).text, `http://example.org/${i}`);
      }
      assertEquals(peer.ending, null);
    });

    it("answers requests that came together on one connection, each under its id", async () => {
      await using subject = await start(transport, (request) => new Response(request.url));
      await using peer = await RawPeer.connect(subject.address);
      peer.send(...[1, 2, 300, 65535].map((id) => request({ id, uri: `/${id}` })));
      for (const id of [65535, 300, 2, 1]) {
        assertEquals((await peer.reply(id)).text, `http://example.org/${id}`);
      }
    });

    it("closes after the answer without FCGI_KEEP_CONN", async () => {
      await using subject = await start(transport, () => new Response("Hello\n"));
      await using peer = await RawPeer.connect(subject.address);
      assertEquals((await peer.fetch({ keep: false })).text, "Hello\n");
      assertEquals(await peer.closing(), "end");
    });

    it("reads a request that comes byte by byte", async () => {
      await using subject = await start(transport, echo);
      await using peer = await RawPeer.connect(subject.address);
      for (const byte of request({ method: "POST", body: text("byte by byte") })) {
        peer.send(new Uint8Array([byte]));
        // Lets the socket send it alone.
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      assertEquals((await peer.reply()).text, "byte by byte");
    });

    it("starts the handler before the body has come, and streams it", async () => {
      await using subject = await start(transport, async (request) => {
        if (request.body === null) return new Response("no body");
        const reader = request.body.getReader();
        const { value } = await reader.read();
        reader.releaseLock();
        return new Response(value);
      });
      await using peer = await RawPeer.connect(subject.address);
      peer.send(requestHead({ method: "POST", params: { CONTENT_LENGTH: "100" } }));
      peer.send(encodeRecord(RecordType.STDIN, 1, text("first part")));
      assertEquals((await peer.reply()).text, "first part");
      peer.send(encodeStream(RecordType.STDIN, 1, text("the rest, late")));
      assertEquals((await peer.fetch({ method: "POST" })).text, "no body");
    });

    it("takes an upload of 5 MB and gives it back, byte for byte", async () => {
      await using subject = await start(transport, (request) => new Response(request.body));
      await using peer = await RawPeer.connect(subject.address);
      const body = new Uint8Array(5_000_000).map((_, index) => (index * 2654435761) >>> 24);
      void peer.sendSlowly(request({ method: "POST", body }));
      const reply = await peer.reply();
      assertEquals(reply.body.length, body.length);
      assertEquals(hash(reply.body), hash(body));
      assertEquals(subject.errors, []);
    });

    it("answers a peer that has closed its sending side", async () => {
      await using subject = await start(transport, () => new Response("Hello\n"));
      await using peer = await RawPeer.connect(subject.address);
      peer.send(request());
      peer.end();
      assertEquals((await peer.reply()).text, "Hello\n");
      assertEquals(await peer.closing(), "end");
      assertEquals(subject.errors, []);
    });

    it("answers a peer that closes its sending side while the handler thinks", async () => {
      const { handler, started, release } = held();
      await using subject = await start(transport, handler);
      await using peer = await RawPeer.connect(subject.address);
      peer.send(request());
      const { signal } = await started;
      const aborted = new Promise<void>((resolve) => signal.onabort = () => resolve());
      peer.end();
      await aborted;
      assertEquals(signal.reason.name, "AbortError");
      release();
      assertEquals((await peer.reply()).text, "Answered");
      assertEquals(await peer.closing(), "end");
      assertEquals(subject.errors, []);
    });

    it("streams on to a peer that has closed its sending side", async () => {
      const more = Promise.withResolvers<void>();
      await using subject = await start(transport, () => {
        return new Response(
          new ReadableStream({
            async start(controller) {
              controller.enqueue(text("first "));
              await more.promise;
              controller.enqueue(text("last"));
              controller.close();
            },
          }),
        );
      });
      await using peer = await RawPeer.connect(subject.address);
      peer.send(request());
      await peer.until(() => peer.stdout().endsWith("first "), "the first chunk");
      peer.end();
      more.resolve();
      assertEquals((await peer.reply()).text, "first last");
    });

    it("aborts request.signal when the peer resets while the handler thinks", async () => {
      const { handler, started, release } = held();
      await using subject = await start(transport, handler);
      await using peer = await RawPeer.connect(subject.address);
      peer.send(request());
      const { signal } = await started;
      const aborted = new Promise<void>((resolve) => signal.onabort = () => resolve());
      peer.reset();
      await aborted;
      assertEquals(signal.reason.name, "AbortError");
      release();
      assertEquals(subject.errors, []);
    });

    it("cancels a response body that flows when the peer resets", async () => {
      const cancelled = Promise.withResolvers<unknown>();
      await using subject = await start(transport, () => {
        return new Response(
          new ReadableStream({
            pull: (controller) => controller.enqueue(new Uint8Array(16 * 1024)),
            cancel: cancelled.resolve,
          }, { highWaterMark: 0 }),
        );
      });
      await using peer = await RawPeer.connect(subject.address);
      peer.send(request());
      await peer.until(() => peer.received > 100_000, "some of the body");
      peer.reset();
      await cancelled.promise;
      assertEquals(subject.errors, []);
    });

    it("cancels a response body that is silent soon after the peer has gone", async () => {
      const cancelled = Promise.withResolvers<void>();
      await using subject = await start(transport, () => {
        return new Response(
          new ReadableStream({
            start: (controller) => controller.enqueue(text("and then, nothing")),
            cancel: () => cancelled.resolve(),
          }),
        );
      });
      await using peer = await RawPeer.connect(subject.address);
      peer.send(request());
      await peer.until(() => peer.stdout().endsWith("nothing"), "the first chunk");
      await peer[Symbol.asyncDispose]();
      await cancelled.promise;
      assertEquals(subject.errors, []);
    });

    it("makes no more of a body than a peer takes that does not read", async () => {
      let made = 0;
      const total = 64 * 1024 * 1024;
      await using subject = await start(transport, (request) => {
        if (request.url.endsWith("/other")) return new Response("Hello\n");
        return new Response(
          new ReadableStream({
            pull(controller) {
              made += 65536;
              controller.enqueue(new Uint8Array(65536));
              if (made === total) controller.close();
            },
          }, { highWaterMark: 0 }),
        );
      });
      await using peer = await RawPeer.connect(subject.address);
      await using other = await RawPeer.connect(subject.address);
      let taken = 0;
      peer.onStdout = (content) => taken += content.length;
      peer.send(request());
      await peer.until(() => taken > 0, "the beginning");
      peer.pause();
      // Held back: other requests are answered, and still no more of it is made.
      let before = -1;
      await waitUntil(async () => {
        const same = made === before;
        before = made;
        assertEquals((await other.fetch({ uri: "/other" })).text, "Hello\n");
        return same;
      }, { what: "the body to be held back" });
      assertLess(made, total / 2);
      peer.resume();
      await peer.reply();
      assert(taken >= total, `Got ${taken} bytes`);
    });
  });

  describe(`serve on ${place}, interrupted`, () => {
    const whole = request({ method: "POST", body: new Uint8Array(100) });
    const head = requestHead({ method: "POST" });
    const points: Record<string, Uint8Array> = {
      "before the first byte": new Uint8Array(0),
      "in the first record header": whole.subarray(0, 5),
      "after BEGIN_REQUEST": whole.subarray(0, 16),
      "in the middle of PARAMS": whole.subarray(0, 60),
      "before PARAMS end": head.subarray(0, -8),
      "before the body": head,
      "in the middle of the body": join(head, encodeRecord(RecordType.STDIN, 1, text("some"))),
      "before the end of the body": whole.subarray(0, -8),
      "after the request": whole,
      "between two requests": join(whole, request({ id: 2 }).subarray(0, 20)),
    };
    for (const [point, bytes] of Object.entries(points)) {
      for (const way of ["end", "reset"] as const) {
        it(`takes ${way === "end" ? "an end" : "a reset"} ${point} for no failure`, async () => {
          await using subject = await start(transport, echo);
          await using other = await RawPeer.connect(subject.address);
          for (let i = 0; i < 5; i++) {
            await using peer = await RawPeer.connect(subject.address);
            if (bytes.length > 0) peer.send(bytes);
            // The bytes are there: the server has answered somebody who came later.
            await other.fetch();
            peer[way]();
            if (way === "end") await peer.closing();
          }
          assertEquals((await other.fetch({ method: "POST", body: text("on") })).text, "on");
          other.end();
          await subject.server.shutdown();
          assertEquals(subject.errors, []);
        });
      }
    }

    it("takes a peer that goes away in the middle of the answer for no failure", async () => {
      await using subject = await start(
        transport,
        () => new Response(new Uint8Array(2_000_000)),
      );
      for (const way of ["end", "reset"] as const) {
        await using peer = await RawPeer.connect(subject.address);
        peer.send(request());
        await peer.until(() => peer.received > 0, "the beginning of the answer");
        peer.pause();
        peer[way]();
      }
      await using other = await RawPeer.connect(subject.address);
      assertEquals((await other.fetch()).body.length, 2_000_000);
      other.end();
      await subject.server.shutdown();
      assertEquals(subject.errors, []);
    });

    it("tells the handler that a body will never be complete", async () => {
      const failure = Promise.withResolvers<unknown>();
      await using subject = await start(transport, async (request) => {
        try {
          await request.text();
        } catch (error) {
          failure.resolve(error);
        }
        return new Response("never read");
      });
      const peer = await RawPeer.connect(subject.address);
      peer.send(requestHead({ method: "POST" }), encodeRecord(RecordType.STDIN, 1, text("so")));
      peer.end();
      assertEquals((await failure.promise as Error).name, "AbortError");
      await peer[Symbol.asyncDispose]();
      assertEquals(subject.errors, []);
    });

    it("closes on what is no FastCGI, and goes on with the others", async () => {
      await using subject = await start(transport, () => new Response("Hello\n"));
      await using peer = await RawPeer.connect(subject.address);
      peer.send(text("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"));
      await peer.closing();
      assertEquals(peer.received, 0);
      assertEquals(subject.errors.map((error) => (error as { code?: string }).code), [
        "bad_version",
      ]);
      await using other = await RawPeer.connect(subject.address);
      assertEquals((await other.fetch()).text, "Hello\n");
    });
  });

  describe(`serve on ${place}, many at once`, () => {
    it("serves 200 connections at once, each its own request", { timeout: 30_000 }, async () => {
      const count = 200;
      let inside = 0;
      const all = Promise.withResolvers<void>();
      await using subject = await start(transport, async (request) => {
        // Answers come only once all requests are there.
        if (++inside === count) all.resolve();
        await all.promise;
        return new Response(request.url);
      });
      const peers = await Promise.all(
        Array.from({ length: count }, () => RawPeer.connect(subject.address)),
      );
      const texts = await Promise.all(peers.map(async (peer, index) => {
        return (await peer.fetch({ uri: `/${index}` })).text;
      }));
      assertEquals(texts, peers.map((_, index) => `http://example.org/${index}`));
      await Promise.all(peers.map((peer) => peer[Symbol.asyncDispose]()));
      await subject.server.shutdown();
      assertEquals(subject.errors, []);
    });

    it("takes 200 connections that come and go without a byte for no failure", async () => {
      await using subject = await start(transport, () => new Response("Hello\n"));
      const ways = ["end", "reset"] as const;
      await Promise.all(Array.from({ length: 200 }, async (_, index) => {
        const peer = await RawPeer.connect(subject.address);
        peer[ways[index % 2]!]();
        if (index % 2 === 0) await peer.closing();
        await peer[Symbol.asyncDispose]();
      }));
      await using peer = await RawPeer.connect(subject.address);
      assertEquals((await peer.fetch()).text, "Hello\n");
      await peer[Symbol.asyncDispose]();
      await subject.server.shutdown();
      assertEquals(subject.errors, []);
      await assertRejects(() => RawPeer.connect(subject.address));
    });
  });
}

function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(Buffer.from(bytes)).digest("hex");
}
