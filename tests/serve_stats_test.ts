/** That `server.stats()` counts each request and connection once, as what it was. */
import { serve, type ServeHandler, type ServerStats, type ServeSettings } from "../mod.ts";
import { assert, assertEquals } from "./_assert.ts";
import { bytes } from "./_bytes.ts";
import { describe, it } from "./_harness.ts";
import { waitUntil } from "./_runtime.ts";
import { RawPeer, request, requestHead } from "./runtime/_raw_peer.ts";

const quiet = { port: 0, handleSignals: false, onListen: () => {}, onError: () => {} };

async function withServer(
  options: Pick<ServeSettings, "maxBodyBytes" | "maxConnections">,
  handler: ServeHandler,
  use: (connect: () => Promise<RawPeer>, stats: () => ServerStats) => Promise<void>,
): Promise<void> {
  const server = serve({ ...quiet, ...options }, handler);
  await server.ready;
  try {
    await use(() => RawPeer.connect(server.addr), () => server.stats());
  } finally {
    await server.shutdown();
  }
}

/** Waits until nothing is in progress; returns the counters of requests. */
async function settled(stats: () => ServerStats): Promise<ServerStats["requests"]> {
  await waitUntil(() => stats().requests.active === 0);
  return stats().requests;
}

describe("stats", () => {
  it("are none at the start, with the time of the start", async () => {
    const before = Date.now();
    await withServer({}, () => new Response(), (_, stats) => {
      const { startTime, ...counters } = stats();
      assert(startTime >= before && startTime <= Date.now());
      assertEquals(counters, {
        connections: { active: 0, accepted: 0, refused: 0 },
        requests: { active: 0, maxActive: 0, accepted: 0, rejected: 0, failed: 0, aborted: 0 },
      });
      return Promise.resolve();
    });
  });

  it("count requests in progress, and the most of them", async () => {
    const gate = Promise.withResolvers<void>();
    await withServer({}, async () => {
      await gate.promise;
      return new Response();
    }, async (connect, stats) => {
      await using one = await connect();
      await using other = await connect();
      one.send(request());
      other.send(request());
      await waitUntil(() => stats().requests.active === 2);
      assertEquals(stats().connections, { active: 2, accepted: 2, refused: 0 });
      gate.resolve();
      await one.reply();
      await other.reply();
      assertEquals(await settled(stats), {
        ...{ active: 0, maxActive: 2, accepted: 2 },
        ...{ rejected: 0, failed: 0, aborted: 0 },
      });
      await one[Symbol.asyncDispose]();
      await waitUntil(() => stats().connections.active === 1);
      assertEquals(stats().connections.accepted, 2);
    });
  });

  it("count what the server answers in place of the handler as rejected, once each", async () => {
    await withServer({ maxBodyBytes: 3 }, () => new Response(), async (connect, stats) => {
      for (
        const [init, status] of [
          [{ method: "POST", body: bytes("abcd") }, 413],
          [{ method: "CONNECT" }, 501],
          [{ params: { REQUEST_METHOD: "" } }, 400],
        ] as const
      ) {
        await using peer = await connect();
        assertEquals((await peer.fetch(init)).status, status);
      }
      const { accepted, rejected, failed, aborted } = await settled(stats);
      assertEquals([accepted, rejected, failed, aborted], [3, 3, 0, 0]);
    });
  });

  it("count a handler that throws, and a response that breaks off, as failed", async () => {
    await withServer({}, ({ url }) => {
      if (url.endsWith("/throw")) throw new Error("broken");
      return new Response(
        new ReadableStream({
          pull(controller) {
            controller.enqueue(bytes("some"));
            controller.error(new Error("broken"));
          },
        }),
      );
    }, async (connect, stats) => {
      await using one = await connect();
      assertEquals((await one.fetch({ uri: "/throw" })).status, 500);
      await using other = await connect();
      await other.fetch({ uri: "/break" }).catch(() => {});
      const { accepted, rejected, failed, aborted } = await settled(stats);
      assertEquals([accepted, rejected, failed, aborted], [2, 0, 2, 0]);
    });
  });

  it("count requests whose peer has gone as aborted, with parameters and without", async () => {
    const gate = Promise.withResolvers<void>();
    await withServer({}, async () => {
      await gate.promise;
      return new Response();
    }, async (connect, stats) => {
      {
        await using peer = await connect();
        peer.send(requestHead().subarray(0, 30));
        await waitUntil(() => stats().requests.accepted === 1);
      }
      {
        await using peer = await connect();
        peer.send(request());
        await waitUntil(() => stats().requests.accepted === 2);
        peer.reset();
      }
      await waitUntil(() => stats().requests.aborted === 2);
      gate.resolve();
      const { accepted, rejected, failed, aborted } = await settled(stats);
      assertEquals([accepted, rejected, failed, aborted], [2, 0, 0, 2]);
    });
  });

  it("count connections beyond the limit as refused", async () => {
    const gate = Promise.withResolvers<void>();
    await withServer({ maxConnections: 1 }, async () => {
      await gate.promise;
      return new Response();
    }, async (connect, stats) => {
      await using busy = await connect();
      busy.send(request());
      await waitUntil(() => stats().requests.active === 1);
      await using other = await connect();
      assertEquals((await other.fetch()).status, 503);
      assertEquals([stats().connections.refused, stats().requests.rejected], [1, 1]);
      gate.resolve();
      assertEquals((await busy.reply()).status, 200);
    });
  });
});
