/**
 * Limits over sockets, with the clock of the machine: what is too large, too many or too late, and
 * a shutdown's end.
 */
import { join as joinPath } from "node:path";
import {
  FastCgiError,
  type FastCgiServer,
  serve,
  type ServeAddress,
  type ServeHandler,
  type ServeSettings,
} from "../../mod.ts";
import { encodeRecord, encodeStream, RecordType } from "../../src/protocol/mod.ts";
import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertInstanceOf,
  assertStringIncludes,
} from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { tempDir, waitUntil } from "../_runtime.ts";
import { RawPeer, request, requestHead } from "./_raw_peer.ts";
import { runScript } from "./_script.ts";

/** A server whose failures are kept. */
interface Subject extends AsyncDisposable {
  server: FastCgiServer;
  address: ServeAddress;
  /** The codes of what `onError` has heard. */
  codes: string[];
}

async function start(
  transport: "tcp" | "unix",
  options: ServeSettings,
  handler: ServeHandler,
): Promise<Subject> {
  const directory = await tempDir();
  const codes: string[] = [];
  const server = serve({
    ...(transport === "tcp" ? { port: 0 } : { path: joinPath(directory.path, "fcgi.sock") }),
    ...options,
    onListen: () => {},
    onError: (error) => void codes.push(error instanceof FastCgiError ? error.code : `${error}`),
  }, handler);
  return {
    server,
    address: await server.ready,
    codes,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await directory[Symbol.asyncDispose]();
    },
  };
}

const MEGABYTE = 1024 * 1024;
const upload = encodeStream(RecordType.STDIN, 1, new Uint8Array(4 * MEGABYTE));

/** A response body that has begun, and goes no further. */
function standingBody(cancelled: (reason: unknown) => void): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: (controller) => controller.enqueue(new TextEncoder().encode("begun")),
    cancel: cancelled,
  });
}

for (const transport of ["tcp", "unix"] as const) {
  describe(`limits on a ${transport === "tcp" ? "TCP" : "Unix"} socket`, () => {
    for (const isDeclared of [true, false]) {
      const params: Record<string, string> = isDeclared
        ? { CONTENT_LENGTH: `${4 * MEGABYTE}` }
        : {};
      const what = isDeclared ? "declared" : "undeclared";

      it(`maxBodyBytes answers 413 while an ${what} upload runs, and the connection is kept`, async () => {
        const failures: unknown[] = [];
        await using subject = await start(
          transport,
          { maxBodyBytes: MEGABYTE },
          async (request) => {
            try {
              return new Response(`${(await request.bytes()).length}`);
            } catch (error) {
              failures.push(error);
              throw error;
            }
          },
        );
        await using peer = await RawPeer.connect(subject.address);
        const half = upload.length / 2;
        peer.send(requestHead({ method: "POST", params }));
        if (!isDeclared) await peer.sendSlowly(upload.subarray(0, half));
        const { status, protocolStatus } = await peer.reply();
        assertEquals([status, protocolStatus], [413, 0]);
        await peer.sendSlowly(isDeclared ? upload : upload.subarray(half));
        for (let i = 0; i < 3; i++) {
          const body = new Uint8Array(MEGABYTE);
          assertEquals((await peer.fetch({ method: "POST", body })).text, `${MEGABYTE}`);
        }
        assertEquals([peer.ending, subject.codes], [null, []]);
        assertEquals(failures.length, isDeclared ? 0 : 1);
        if (!isDeclared) assertEquals((failures[0] as Error).name, "AbortError");
      });

      it(`maxBodyBytes answers 413 to an ${what} upload and closes without a reset`, async () => {
        await using subject = await start(
          transport,
          { maxBodyBytes: MEGABYTE },
          async (request) => new Response(await request.bytes()),
        );
        await using peer = await RawPeer.connect(subject.address);
        peer.send(requestHead({ method: "POST", keep: false, params }));
        // All of it is taken, whether the answer has come or not.
        await peer.sendSlowly(upload);
        assertEquals((await peer.reply()).status, 413);
        peer.end();
        assertEquals(await peer.closing(), "end");
        assertEquals(subject.codes, []);
      });
    }

    it("maxRequests answers 503 on another connection, and takes the next when there is room", async () => {
      const gate = Promise.withResolvers<void>();
      const begun = Promise.withResolvers<void>();
      await using subject = await start(transport, { maxRequests: 1 }, async () => {
        begun.resolve();
        await gate.promise;
        return new Response("Hello\n");
      });
      await using first = await RawPeer.connect(subject.address);
      await using second = await RawPeer.connect(subject.address);
      first.send(request());
      await begun.promise;
      const refused = await second.fetch();
      assertEquals([refused.status, refused.headers.get("retry-after")], [503, "1"]);
      gate.resolve();
      assertEquals((await first.reply()).text, "Hello\n");
      assertEquals((await second.fetch()).text, "Hello\n");
    });

    for (const way of ["resets", "aborts", "aborts and resets"]) {
      it(`maxRequests bounds the handlers of a peer that asks and ${way}`, async () => {
        const gate = Promise.withResolvers<void>();
        let running = 0;
        let aborted = 0;
        const options = { maxRequests: 10, maxConnections: 20 };
        await using subject = await start(transport, options, async (request) => {
          running++;
          request.signal.addEventListener("abort", () => aborted++);
          await gate.promise;
          running--;
          return new Response("Hello\n");
        });
        const peers: RawPeer[] = [];
        for (let i = 0; i < 50; i++) {
          const peer = await RawPeer.connect(subject.address);
          peers.push(peer);
          peer.send(request());
          if (i < 10) {
            await waitUntil(() => running === i + 1, { what: "the handler" });
          } else {
            const { status, headers } = await peer.reply();
            assertEquals([status, headers.get("retry-after")], [503, "1"]);
          }
          if (way.startsWith("aborts")) {
            peer.send(encodeRecord(RecordType.ABORT_REQUEST, 1));
            if (i < 10) await peer.reply();
          }
          if (way === "aborts") await peer.fence();
          else peer.reset();
          if (i < 10) await waitUntil(() => aborted === i + 1, { what: "the abort" });
        }
        assertEquals(running, 10);
        gate.resolve();
        await waitUntil(() => running === 0, { what: "the handlers to settle" });
        await using next = await RawPeer.connect(subject.address);
        assertEquals((await next.fetch()).status, 200);
        for (const peer of peers) await peer[Symbol.asyncDispose]();
        assertEquals(subject.codes, []);
      });
    }

    it("paramsTimeout answers 408 to half a request and closes, and other connections stay", async () => {
      const options = { paramsTimeout: 200 };
      await using subject = await start(transport, options, () => new Response("Hello\n"));
      await using kept = await RawPeer.connect(subject.address);
      await kept.fetch();
      await using half = await RawPeer.connect(subject.address);
      const begun = performance.now();
      half.send(request().subarray(0, 40));
      await using empty = await RawPeer.connect(subject.address);
      assertEquals((await half.reply()).status, 408);
      assertGreaterOrEqual(performance.now() - begun, 199);
      assertEquals([await half.closing(), await empty.closing()], ["end", "end"]);
      assertEquals((await kept.fetch()).text, "Hello\n");
      assertEquals(subject.codes, ["timed_out"]);
      half.end();
      empty.end();
    });

    it("handlerTimeout answers 504, and the connection is kept", async () => {
      const aborted = Promise.withResolvers<void>();
      await using subject = await start(transport, { handlerTimeout: 200 }, (request) => {
        if (request.url.endsWith("/next")) return new Response("next");
        request.signal.addEventListener("abort", () => aborted.resolve());
        return new Promise<Response>(() => {});
      });
      await using peer = await RawPeer.connect(subject.address);
      const begun = performance.now();
      const reply = await peer.fetch();
      assertGreaterOrEqual(performance.now() - begun, 199);
      assertEquals(reply.status, 504);
      assertStringIncludes(reply.stderr, "The handler has given nothing for 200 ms");
      await aborted.promise;
      assertEquals((await peer.fetch({ uri: "/next" })).text, "next");
      assertEquals(subject.codes, ["timed_out"]);
    });

    it("handlerTimeout breaks off an answer that stands still, so that nobody takes it for whole", async () => {
      const cancelled = Promise.withResolvers<unknown>();
      const options = { handlerTimeout: 200 };
      const handler = () => new Response(standingBody(cancelled.resolve));
      await using subject = await start(transport, options, handler);
      await using peer = await RawPeer.connect(subject.address);
      peer.send(request());
      assertEquals(await peer.closing(), "end");
      assert(peer.isBroken);
      assert(peer.stdout().endsWith("\r\n\r\nbegun"));
      assertInstanceOf(await cancelled.promise, DOMException);
      peer.end();
    });

    it("writeTimeout closes a connection whose peer reads nothing, and no other", async () => {
      const cancelled = Promise.withResolvers<void>();
      const aborted = Promise.withResolvers<void>();
      await using subject = await start(transport, { writeTimeout: 300 }, (request) => {
        if (request.url.endsWith("/other")) return new Response("Hello\n");
        request.signal.addEventListener("abort", () => aborted.resolve());
        return new Response(
          new ReadableStream({
            pull: (controller) => controller.enqueue(new Uint8Array(65536)),
            cancel: () => cancelled.resolve(),
          }),
        );
      });
      await using peer = await RawPeer.connect(subject.address);
      await using other = await RawPeer.connect(subject.address);
      assertEquals((await other.fetch({ uri: "/other" })).status, 200);
      peer.pause();
      peer.send(request());
      await Promise.all([cancelled.promise, aborted.promise]);
      assertEquals(subject.codes, ["timed_out"]);
      peer.onStdout = () => {};
      peer.resume();
      await peer.closing();
      assertEquals((await other.fetch({ uri: "/other" })).text, "Hello\n");
    });

    it("shutdownTimeout ends handlers, answers and work that do not end by themselves", async () => {
      const cancelled = Promise.withResolvers<unknown>();
      const signals: AbortSignal[] = [];
      await using subject = await start(transport, { shutdownTimeout: 200 }, (request, info) => {
        signals.push(request.signal);
        info.waitUntil(new Promise(() => {}));
        return request.url.endsWith("/stream")
          ? new Response(standingBody(cancelled.resolve))
          : new Promise<Response>(() => {});
      });
      await using streaming = await RawPeer.connect(subject.address);
      await using silent = await RawPeer.connect(subject.address);
      silent.send(request());
      streaming.send(request({ uri: "/stream" }));
      await streaming.until(() => streaming.stdout().endsWith("begun"), "the beginning");
      await waitUntil(() => signals.length === 2, { what: "both requests" });
      const begun = performance.now();
      const stopped = subject.server.shutdown();
      assertEquals((await silent.reply()).status, 503);
      assertGreaterOrEqual(performance.now() - begun, 199);
      assertEquals([await silent.closing(), await streaming.closing()], ["end", "end"]);
      assert(streaming.isBroken);
      await stopped;
      assertEquals(signals.map(({ aborted }) => aborted), [true, true]);
      assertInstanceOf(await cancelled.promise, DOMException);
      assertEquals(subject.codes, ["timed_out"]);
    });

    it("protocol errors of many peers are told once, with a count when the server stops", async () => {
      await using subject = await start(transport, {}, () => new Response("Hello\n"));
      await using good = await RawPeer.connect(subject.address);
      for (let i = 0; i < 20; i++) {
        await using bad = await RawPeer.connect(subject.address);
        bad.send(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
        assertEquals(await bad.closing(), "end");
      }
      // Twenty connections may take a second on a busy machine.
      assert(subject.codes.length < 20, `${subject.codes.length} reports`);
      assertEquals((await good.fetch()).text, "Hello\n");
      await good[Symbol.asyncDispose]();
      await subject.server.shutdown();
      assertEquals(new Set(subject.codes), new Set(["bad_version"]));
    });
  });
}

describe("a program with shutdownTimeout", () => {
  it("ends with 0 at SIGTERM although its handlers never do", async () => {
    await using script = await runScript(`
      serve({ port: 0, shutdownTimeout: 300, onError: (error) => console.log(error.code) }, (request, info) => {
        info.waitUntil(new Promise(() => {}));
        request.signal.addEventListener("abort", () => console.log("aborted"));
        console.log("started");
        return new Promise(() => setInterval(() => {}, 1000));
      });`);
    await using peer = await RawPeer.connect(await script.address());
    peer.send(request());
    await script.program.waitForLine("stdout", /^started$/);
    script.program.kill("SIGTERM");
    assertEquals((await peer.reply()).status, 503);
    assertEquals(await peer.closing(), "end");
    await peer[Symbol.asyncDispose]();
    assertEquals(await script.program.exit, { code: 0, signal: null });
    assertEquals(script.program.stdout.lines, ["started", "aborted", "timed_out"]);
  });
});
