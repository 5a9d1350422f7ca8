/** The HTTP server of the gateway, with handlers that give what no application would. */
import { startHttpFront } from "../../src/runtime/http/start_http_front.ts";
import { assert, assertEquals } from "../_assert.ts";
import { bytes } from "../_bytes.ts";
import { describe, it } from "../_harness.ts";
import { rawHttp } from "../client/_gateway.ts";

/** A body of several chunks, each a little later than the last. */
function slowly(...chunks: string[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      const chunk = chunks.shift();
      if (chunk === undefined) controller.close();
      else controller.enqueue(bytes(chunk));
    },
  }, { highWaterMark: 0 });
}

async function open(handler: (request: Request) => Response | Promise<Response>) {
  const front = await startHttpFront({
    hostname: "127.0.0.1",
    port: 0,
    handler: async (request) => await handler(request),
  });
  const raw = await rawHttp(`http://127.0.0.1:${front.addr.port}/`);
  return {
    raw,
    front,
    [Symbol.asyncDispose]() {
      raw.leave();
      front.close();
      return Promise.resolve();
    },
  };
}

const GET = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

describe("startHttpFront", () => {
  it("sends no more than the Content-Length, and the next response behind it", async () => {
    let left = 2;
    await using room = await open(() =>
      left-- === 2
        ? new Response(slowly("ab", "cd", "ef"), { headers: { "content-length": "3" } })
        : new Response("second")
    );
    room.raw.send(GET);
    assert((await room.raw.until((text) => text.includes("abc"))).endsWith("\r\n\r\nabc"));
    room.raw.send(GET);
    const all = await room.raw.until((text) => text.includes("second"));
    assert(all.includes("\r\n\r\nabcHTTP/1.1 200 OK\r\n"), all);
  });

  it("closes the connection when a body ends short of its Content-Length, or errors", async () => {
    const failing = () =>
      new ReadableStream({
        pull: () => Promise.reject(new Error("broken")),
      }, { highWaterMark: 0 });
    for (const body of [() => slowly("ab"), failing]) {
      await using room = await open(() =>
        new Response(body(), { headers: { "content-length": "3" } })
      );
      room.raw.send(GET);
      while (!room.raw.isClosed) await new Promise((resolve) => setTimeout(resolve, 2));
      assert(!/HTTP[^]*HTTP/.test(room.raw.text), room.raw.text);
    }
  });

  it("sends the head before the first chunk", async () => {
    const begun = Promise.withResolvers<void>();
    await using room = await open(() =>
      new Response(new ReadableStream({ pull: () => begun.promise }), { headers: { "x-a": "1" } })
    );
    room.raw.send(GET);
    await room.raw.until((text) => /x-a: 1\r\n[^]*\r\n\r\n/i.test(text));
    begun.resolve();
  });

  it("reads a body no faster than the client does, and cancels it when that goes", async () => {
    const cancelled = Promise.withResolvers<void>();
    let chunks = 0;
    await using room = await open(() =>
      new Response(
        new ReadableStream({
          pull(controller) {
            chunks++;
            controller.enqueue(new Uint8Array(65_536));
          },
          cancel: () => cancelled.resolve(),
        }, { highWaterMark: 0 }),
      )
    );
    room.raw.pause();
    room.raw.send(GET);
    let last = -1;
    while (chunks !== last || chunks === 0) {
      last = chunks;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert(chunks < 1000, `${chunks} chunks`);
    room.raw.leave();
    await cancelled.promise;
  });

  it("answers HEAD without its body, which is cancelled", async () => {
    const cancelled = Promise.withResolvers<void>();
    await using room = await open((request) => {
      if (request.method === "GET") return new Response("second");
      return new Response(new ReadableStream({ cancel: () => cancelled.resolve() }));
    });
    room.raw.send(GET.replace("GET", "HEAD") + GET);
    const all = await room.raw.until((text) => text.includes("second"));
    await cancelled.promise;
    assertEquals(all.match(/HTTP\/1\.1 200/g)?.length, 2);
    assert(!/content-length: 0/i.test(all), all);
  });

  it("says that there is no body, where there could be one", async () => {
    for (
      const [status, length] of [[200, true], [205, true], [301, true], [204, false], [304, false]]
    ) {
      await using room = await open(() => new Response(null, { status: status as number }));
      room.raw.send(GET);
      const head = await room.raw.until((text) => text.endsWith("\r\n\r\n"));
      assertEquals(/^content-length: 0\r$/im.test(head), length, head);
      assert(!/transfer-encoding/i.test(head), head);
    }
  });

  it("aborts the signal of a request whose client goes, and of no other", async () => {
    const signals: AbortSignal[] = [];
    const waiting = Promise.withResolvers<void>();
    await using room = await open(async (request) => {
      signals.push(request.signal);
      if (signals.length === 2) {
        waiting.resolve();
        await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
      }
      return new Response("first");
    });
    room.raw.send(GET);
    await room.raw.until((text) => text.includes("first"));
    room.raw.send(GET);
    await waiting.promise;
    room.raw.leave();
    while (!signals[1].aborted) await new Promise((resolve) => setTimeout(resolve, 2));
    assertEquals(signals.map(({ aborted }) => aborted), [false, true]);
  });

  it("leaves a body that nobody reads, and answers", async () => {
    await using room = await open(() => new Response("answer"));
    const body = "x".repeat(200_000);
    room.raw.send(
      `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}${GET}`,
    );
    await room.raw.until((text) => (text.match(/answer/g)?.length ?? 0) === 2);
  });
});
