/** A shutdown that does not end by itself: `request.signal` aborts, then an honest end, then any end. */
import { assertEquals, assertInstanceOf, assertMatch, assertStringIncludes } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { bytes, concat } from "../_bytes.ts";
import { FastCgiError, type ServeHandler } from "../../mod.ts";
import { Service } from "../../src/server/service.ts";
import { parseRecords } from "../_records.ts";
import { ManualBody } from "./_manual_body.ts";
import { COMPLETE, Reply } from "./_reply.ts";
import { at, begin, openRequest, request } from "./_request.ts";
import { settle } from "./_settle.ts";
import { LongTimers } from "./_long_timers.ts";
import { Recorder } from "./_recorder.ts";
import { Ticks } from "./_ticks.ts";

const TIMEOUT = 7000;
const GRACE = 400;

/** A service with its failures, and what a test watches of its end. */
function service(handler: ServeHandler) {
  const errors: unknown[] = [];
  const service = new Service(handler, { onError: (error) => void errors.push(error) });
  return { errors, service };
}

describe("Service.drain with a timeout", () => {
  it("has no deadline when all ends in time", async () => {
    using timers = new LongTimers();
    using _ticks = new Ticks();
    const gate = Promise.withResolvers<void>();
    const { service: one, errors } = service(() => gate.promise.then(() => new Response("ok")));
    const { connection, transport } = Recorder.accept(one);
    connection.receive(request());
    const drained = one.drain(TIMEOUT);
    assertEquals(timers.delays, [TIMEOUT]);
    gate.resolve();
    await settle();
    assertEquals(new Reply(transport.take()).text, "ok");
    transport.ended();
    connection.receiveEnd();
    await drained;
    assertEquals([timers.delays, errors], [[], []]);
  });

  for (const timeout of [0, Infinity]) {
    it(`waits as long as it takes with ${timeout}`, async () => {
      using timers = new LongTimers();
      using _ticks = new Ticks();
      const { service: one } = service(() => new Promise<Response>(() => {}));
      const { connection } = Recorder.accept(one);
      connection.receive(request());
      const drained = one.drain(timeout);
      await settle();
      assertEquals(timers.delays, []);
      connection.closed();
      await drained;
    });
  }

  it("aborts request.signal first, and takes the answer that a handler gives to that", async () => {
    using timers = new LongTimers();
    using _ticks = new Ticks();
    const { service: one, errors } = service((request) =>
      new Promise((resolve) => {
        request.signal.onabort = () => resolve(new Response("cut short"));
      })
    );
    const { connection, transport } = Recorder.accept(one);
    connection.receive(request());
    const drained = one.drain(TIMEOUT);
    await settle();
    assertEquals(transport.take(), []);
    assertEquals(await timers.elapse(), TIMEOUT);
    await settle();
    const reply = new Reply(transport.take());
    assertEquals([reply.status, reply.text, reply.end], [200, "cut short", COMPLETE]);
    transport.ended();
    connection.receiveEnd();
    await drained;
    assertEquals([timers.delays, errors], [[], []]);
  });

  it("answers 503 to those without an answer, and breaks off one that has begun", async () => {
    using timers = new LongTimers();
    using _ticks = new Ticks();
    const body = new ManualBody();
    body.push("begun");
    const signals: AbortSignal[] = [];
    const { service: one, errors } = service((request) => {
      signals.push(request.signal);
      const isStream = new URL(request.url).pathname === "/stream";
      return isStream ? new Response(body.stream) : new Promise<Response>(() => {});
    });
    const [silent, streaming, both, early] = Array.from({ length: 4 }, () => Recorder.accept(one));
    const stream = at("/stream");
    silent.connection.receive(openRequest());
    streaming.connection.receive(request(stream));
    both.connection.receive(concat([request({ id: 1 }), request({ id: 3 })]));
    early.connection.receive(begin());
    await settle();
    const begun = streaming.transport.take();
    let isDrained = false;
    const drained = one.drain(TIMEOUT).then(() => isDrained = true);
    assertEquals(await timers.elapse(), TIMEOUT);
    assertEquals(signals.map(({ aborted }) => aborted), [true, true, true, true]);
    await settle();
    assertEquals(silent.transport.take(), []);
    assertEquals(await timers.elapse(), GRACE);
    await settle();
    for (const { connection, transport } of [silent, both, early]) {
      const records = transport.take();
      for (const id of connection === both.connection ? [1, 3] : [1]) {
        const reply = new Reply(records.filter((record) => record.id === id));
        assertEquals([reply.status, reply.header("retry-after"), reply.end], [503, "1", COMPLETE]);
      }
      assertEquals(transport.events, ["end"]);
    }
    assertStringIncludes(new Reply(begun).text, "begun");
    // Eight zero bytes, then the end.
    assertEquals(streaming.transport.take(), parseRecords(bytes(new Uint8Array(8))));
    assertEquals(streaming.transport.events, ["end"]);
    assertEquals((await body.cancelled as Error).name, "AbortError");
    const [error, ...more] = errors;
    assertInstanceOf(error, FastCgiError);
    assertEquals([error.code, error.fault, more], ["timed_out", "application", []]);
    assertMatch(error.message, /longer for 5 requests and 0 promises of waitUntil: .* 7000 ms$/);
    assertEquals(isDrained, false);
    // Their peers never close: that is not waited for.
    assertEquals(await timers.elapse(), GRACE);
    await drained;
    for (const { transport } of [silent, streaming, both, early]) {
      assertEquals(transport.events, ["end", "destroy"]);
    }
    assertEquals([timers.delays, errors.length], [[], 1]);
  });

  it("does not wait for waitUntil any longer, and tells how much that was", async () => {
    using timers = new LongTimers();
    using _ticks = new Ticks();
    const { service: one, errors } = service((_, info) => {
      info.waitUntil(new Promise(() => {}));
      info.waitUntil(new Promise(() => {}));
      return new Response();
    });
    const { connection, transport } = Recorder.accept(one);
    connection.receive(request({ keep: false }));
    await settle();
    transport.ended();
    connection.receiveEnd();
    const drained = one.drain(TIMEOUT);
    assertEquals(await timers.elapse(), TIMEOUT);
    assertEquals(await timers.elapse(), GRACE);
    await drained;
    assertEquals(timers.delays, []);
    assertMatch(String(errors), /longer for 0 requests and 2 promises of waitUntil/);
  });

  it("tells nobody of a connection that only its peer keeps open", async () => {
    using timers = new LongTimers();
    using _ticks = new Ticks();
    const { service: one, errors } = service(() => new Response());
    const { connection, transport } = Recorder.accept(one);
    connection.receive(request({ keep: false }));
    await settle();
    assertEquals(transport.events, ["end"]);
    const drained = one.drain(TIMEOUT);
    assertEquals(timers.delays, [TIMEOUT]);
    for (const delay of [TIMEOUT, GRACE, GRACE]) assertEquals(await timers.elapse(), delay);
    await drained;
    assertEquals([transport.events, errors], [["end", "destroy"], []]);
  });
});
