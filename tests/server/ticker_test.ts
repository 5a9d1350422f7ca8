/** The clock of the timeouts: how often it looks, and when it stands. */
import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { Ticker } from "../../src/server/ticker.ts";
import { hello } from "./_handlers.ts";
import { Peer } from "./_peer.ts";
import { Ticks } from "./_ticks.ts";

describe("Ticker", () => {
  it("looks at the clock four times in the shortest timeout, within bounds", () => {
    const periods = [[1000, 250], [401, 101], [8, 10], [20_000, 1000], [4000, 1000]];
    for (const [timeout, period] of periods) {
      using ticks = new Ticks();
      const ticker = new Ticker([0, Infinity, 360_000, timeout], () => true);
      ticker.start();
      ticker.start();
      assertEquals(ticks.periods, [period]);
      assertEquals(ticker.ticksOf(timeout), Math.ceil(timeout / period));
      ticker.stop();
      assertEquals(ticks.periods, []);
    }
  });

  it("does not run without a timeout, nor when there is nothing to wait for", () => {
    using ticks = new Ticks();
    const never = new Ticker([0, Infinity], () => true);
    never.start();
    assertEquals([ticks.periods, never.ticksOf(0), never.ticksOf(Infinity)], [
      [],
      Infinity,
      Infinity,
    ]);
    let isWaiting = true;
    const ticker = new Ticker([1000], () => isWaiting);
    ticker.start();
    ticks.tick(3);
    assertEquals(ticks.periods.length, 1);
    isWaiting = false;
    ticks.tick();
    assertEquals(ticks.periods, []);
  });
});

describe("the clock of a server", () => {
  it("stands while its connections are kept and idle, and goes on with the next request", async () => {
    using ticks = new Ticks();
    await using peer = new Peer((request) => new Response(request.method), { paramsTimeout: 1000 });
    assertEquals(ticks.periods, [250]);
    await peer.ask();
    ticks.tick();
    assertEquals(ticks.periods, []);
    for (let round = 0; round < 3; round++) {
      assertEquals((await peer.ask()).text, "GET");
      assertEquals(ticks.periods, [250]);
      ticks.tick();
      assertEquals(ticks.periods, []);
    }
  });

  it("stands when the last connection has gone", async () => {
    using ticks = new Ticks();
    {
      await using _peer = new Peer(() => new Response());
      assertEquals(ticks.periods, [1000]);
    }
    assertEquals(ticks.periods, []);
  });

  it("does not run where there is no timeout", async () => {
    using ticks = new Ticks();
    const options = { paramsTimeout: 0, handlerTimeout: 0, writeTimeout: 0 };
    await using peer = new Peer(hello, options);
    assertEquals([(await peer.ask()).text, ticks.periods], ["Hello\n", []]);
  });
});
