/** How long a connection is held behind its last answer: where something may still come. */
import { Role } from "../../src/protocol/mod.ts";
import { Service } from "../../src/server/service.ts";
import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { rawRecord } from "../_records.ts";
import { LongTimers } from "./_long_timers.ts";
import { abort, begin, openRequest, params, request, stdin } from "./_request.ts";
import { settle } from "./_settle.ts";
import { Recorder } from "./_recorder.ts";
import { Ticks } from "./_ticks.ts";

/** The timers where a body, or the rest of a record, is on its way: for the whole time. */
const MORE = [5000];
/** The timers where the peer may go on, but need not: in all, and since its last byte. */
const ANYTHING = [5000, 300];
/** Where there is nothing to wait for, the connection is closed. */
const NOTHING: number[] = [];

/** A connection whose answers, and the end behind them, are out. */
async function ended(...chunks: Uint8Array[]) {
  const service = new Service(() => new Response("answer"), {
    roles: ["responder", "authorizer", "filter"],
    maxBodyBytes: 4,
    onError() {},
  });
  const { connection, transport } = Recorder.accept(service);
  for (const chunk of chunks) {
    connection.receive(chunk);
    await settle();
  }
  connection.drain();
  while (!transport.events.includes("end")) await settle();
  transport.ended();
  return { connection, isClosed: () => transport.events.at(-1) === "destroy" };
}

const whole = { keep: false };
const filter = { keep: false, role: Role.FILTER };
const authorizer = { keep: false, role: Role.AUTHORIZER };

const CASES: [string, Uint8Array[], number[]][] = [
  ["a whole request without FCGI_KEEP_CONN", [request(whole)], NOTHING],
  ["one whose body came behind its answer", [openRequest(), stdin(), request(whole)], NOTHING],
  ["a whole request of a filter", [request({ ...filter, data: "data" })], NOTHING],
  ["a whole request in a role that is refused", [request({ ...whole, role: 9 })], NOTHING],
  ["a body that was too much", [request({ ...whole, stdin: "too much" })], NOTHING],
  ["a last request without FCGI_KEEP_CONN", [request(), request(whole)], NOTHING],
  ["a kept connection", [request()], ANYTHING],
  ["a kept connection that was used again", [request(), request()], ANYTHING],
  ["a body that came behind its answer", [openRequest(), stdin("late"), stdin()], ANYTHING],
  ["another request in place of the body", [openRequest(), request()], ANYTHING],
  ["the end of an authorizer's STDIN", [openRequest(authorizer)], ANYTHING],
  ["the end of what was aborted", [begin(whole), abort()], ANYTHING],
  ["what was no record", [request(), rawRecord({ version: 9, type: 1 })], ANYTHING],
  ["a body that has not come", [openRequest(whole)], MORE],
  ["a body that has not come, on a kept connection", [openRequest()], MORE],
  ["one of two bodies", [openRequest({ id: 1 }), openRequest({ id: 3 }), stdin("", 3)], MORE],
  ["the rest of a body that was too much", [openRequest(whole), stdin("too much")], MORE],
  ["parameters in a role that is refused", [begin({ ...whole, role: 9 }), params()], MORE],
  ["the DATA of a filter", [request(filter)], MORE],
  ["the rest of a record", [openRequest(whole), stdin().slice(0, 7)], MORE],
];

describe("Connection, behind its end", () => {
  for (const [what, chunks, delays] of CASES) {
    it(`waits ${delays.at(-1) ?? 0} ms at the most for more, with ${what}`, async () => {
      using _ticks = new Ticks();
      using timers = new LongTimers();
      const { connection, isClosed } = await ended(...chunks);
      assertEquals([isClosed(), timers.delays], [delays === NOTHING, delays]);
      connection.receiveEnd();
      assertEquals([isClosed(), timers.delays], [true, []]);
    });
  }

  it("does not wait longer than for the end of a body", async () => {
    using _ticks = new Ticks();
    using timers = new LongTimers();
    const { connection, isClosed } = await ended(openRequest(whole));
    connection.receive(stdin("late"));
    assertEquals([isClosed(), timers.delays], [false, MORE]);
    const end = stdin();
    connection.receive(end.slice(0, 5));
    assertEquals([isClosed(), timers.delays], [false, MORE]);
    connection.receive(end.slice(5));
    assertEquals([isClosed(), timers.delays], [true, []]);
  });

  it("waits a moment behind the end of a body on a kept connection", async () => {
    using _ticks = new Ticks();
    using timers = new LongTimers();
    const { connection, isClosed } = await ended(openRequest());
    connection.receive(stdin());
    assertEquals([isClosed(), timers.delays], [false, ANYTHING]);
  });

  it("waits for the rest of what crosses it, and drops that", async () => {
    using _ticks = new Ticks();
    using timers = new LongTimers();
    const { connection, isClosed } = await ended(request());
    const next = request();
    connection.receive(next.slice(0, 30));
    assertEquals([isClosed(), timers.delays], [false, MORE]);
    connection.receive(next.slice(30));
    assertEquals([isClosed(), timers.delays], [false, ANYTHING]);
  });

  it("waits for a peer that goes on and on no longer than it has to", async () => {
    using _ticks = new Ticks();
    using timers = new LongTimers();
    const { connection, isClosed } = await ended(request());
    for (let i = 0; i < 10; i++) connection.receive(request());
    assertEquals([isClosed(), timers.delays], [false, ANYTHING]);
    assertEquals(await timers.elapse(), 5000);
    assertEquals([isClosed(), timers.delays], [true, []]);
    // Nobody is there to hear it.
    connection.receive(request());
    connection.receiveEnd();
    assertEquals([isClosed(), timers.delays], [true, []]);
  });
});
