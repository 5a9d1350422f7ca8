/** Handlers that give nothing, tick by tick: the clock is the test's. */
import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { FastCgiError } from "../../mod.ts";
import { RecordType } from "../../src/protocol/mod.ts";
import { path } from "./_handlers.ts";
import { ManualBody } from "./_manual_body.ts";
import { Peer } from "./_peer.ts";
import { quiet } from "./_quiet.ts";
import { BROKEN, COMPLETE } from "./_reply.ts";
import { at, request } from "./_request.ts";
import { Ticks } from "./_ticks.ts";

/** With a timeout of 1000 ms the clock ticks each 250 ms: it has not passed yet. */
const IN_TIME = 4;

/** Fails unless `onError` has heard of one timeout of a handler, and of nothing else. */
function assertTimedOut(peer: Peer): void {
  const [error, ...more] = peer.takeErrors();
  assertInstanceOf(error, FastCgiError);
  assertEquals([error.code, error.fault, more], ["timed_out", "application", []]);
}

describe("handlerTimeout, tick by tick", () => {
  const options = { handlerTimeout: 1000 };

  it("counts for each request: another one on the connection goes on", async () => {
    using ticks = new Ticks();
    const gate = Promise.withResolvers<void>();
    await using peer = new Peer(async (request, info) => {
      await gate.promise;
      return path(request, info);
    }, options);
    void peer.send(request(at("/1")));
    await peer.fence();
    ticks.tick(2);
    void peer.send(request(at("/3", { id: 3 })));
    await peer.fence();
    ticks.tick(2);
    await peer.fence();
    assertEquals(peer.writes.filter((write) => write[1] === RecordType.STDOUT), []);
    ticks.tick(1);
    assertEquals((await peer.reply(1)).status, 504);
    gate.resolve();
    assertEquals((await peer.reply(3)).text, "/3");
    assertTimedOut(peer);
  });

  for (const isShared of [false, true]) {
    const what = isShared ? "ends it alone among others" : "breaks the connection";
    it(`breaks off an answer that has begun and stands still: ${what}`, async () => {
      using ticks = new Ticks();
      const body = new ManualBody();
      const gate = Promise.withResolvers<void>();
      let signal: AbortSignal | undefined;
      await using peer = new Peer(async (request, info) => {
        if (new URL(request.url).pathname === "/other") {
          await gate.promise;
          return path(request, info);
        }
        signal = request.signal;
        return new Response(body.stream);
      }, options);
      body.push("begun");
      void peer.send(request());
      assertEquals((await peer.nextOf(1)).type, RecordType.STDOUT);
      ticks.tick(3);
      if (isShared) void peer.send(request(at("/other", { id: 3 })));
      await peer.fence();
      assertEquals(signal?.aborted, false);
      ticks.tick(2);
      const rest = await peer.reply();
      assertEquals(rest.end, isShared ? BROKEN : undefined);
      assertStringIncludes(rest.stderr, "The handler has given nothing for 1000 ms");
      assertEquals(signal?.aborted, true);
      assertEquals((await body.cancelled as Error).name, "AbortError");
      assertTimedOut(peer);
      if (isShared) {
        gate.resolve();
        assertEquals((await peer.reply(3)).text, "/other");
      } else {
        assertEquals(peer.writes.at(-1), new Uint8Array(8));
        await peer.finish();
      }
    });
  }

  it("lets an answer go on that gives something now and then", async () => {
    using ticks = new Ticks();
    const body = new ManualBody();
    await using peer = new Peer(() => new Response(body.stream), options);
    void peer.send(request());
    await peer.fence();
    for (let part = 0; part < 10; part++) {
      ticks.tick(IN_TIME);
      body.push(`${part}`);
      assertEquals((await peer.nextOf()).type, RecordType.STDOUT);
    }
    body.close();
    assertEquals((await peer.reply()).end, COMPLETE);
  });

  it("does not blame the handler for a web server that does not read", async () => {
    using ticks = new Ticks();
    let made = 0;
    await using peer = new Peer(() =>
      new Response(
        new ReadableStream({
          pull(controller) {
            if (++made > 20) controller.close();
            else controller.enqueue(new Uint8Array(50_000));
          },
        }, { highWaterMark: 0 }),
      ), options);
    void peer.send(request());
    await quiet(() => made);
    assert(made < 20);
    ticks.tick(100);
    assertEquals((await peer.reply()).body.length, 1_000_000);
  });
});
