/**
 * A shutdown that does not end by itself: `request.signal` aborts, then an honest end, then any
 * end.
 */
import { assertEquals, assertInstanceOf, assertMatch, assertStringIncludes } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { bytes, concat } from "../_bytes.ts";
import { parseRecords } from "../_records.ts";
import { FastCgiError, serve, type ServeHandler } from "../../mod.ts";
import { Service } from "../../src/server/service.ts";
import { RawPeer, request as rawRequest } from "../runtime/_raw_peer.ts";
import { hello } from "./_handlers.ts";
import { LongTimers } from "./_long_timers.ts";
import { ManualBody } from "./_manual_body.ts";
import { Recorder } from "./_recorder.ts";
import { COMPLETE, Reply } from "./_reply.ts";
import { at, begin, openRequest, request } from "./_request.ts";
import { settle } from "./_settle.ts";
import { Ticks } from "./_ticks.ts";

const TIMEOUT = 7000;
const GRACE = 400;
/** Milliseconds over sockets: short, so that the tests are. */
const SHORT = 40;

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

describe("shutdownTimeout", () => {
  const silent = { port: 0, onListen: () => {} };

  it("aborts request.signal first: a handler that hears of it still answers", async () => {
    const server = serve({ ...silent, shutdownTimeout: SHORT }, ({ signal }) => {
      return new Promise((resolve) => {
        signal.addEventListener("abort", () => resolve(new Response("cut short\n")));
      });
    });
    await using peer = await RawPeer.connect(await server.ready);
    peer.send(rawRequest());
    await peer.fence();
    const stopped = server.shutdown();
    assertEquals((await peer.reply()).text, "cut short\n");
    assertEquals(await peer.closing(), "end");
    peer.end();
    await stopped;
  });

  it("forces the rest: 503 where there is no answer, a broken one where there is, and no waitUntil", async () => {
    const errors: unknown[] = [];
    const server = serve({
      ...silent,
      shutdownTimeout: SHORT,
      onError: (error) => void errors.push(error),
    }, (request, info) => {
      info.waitUntil(new Promise(() => {}));
      if (request.url.endsWith("/never")) return new Promise(() => {});
      const body = new ManualBody();
      body.push("first");
      return new Response(body.stream);
    });
    const address = await server.ready;
    await using unanswered = await RawPeer.connect(address);
    await using unfinished = await RawPeer.connect(address);
    unfinished.send(rawRequest({ uri: "/endless" }));
    await unfinished.until(() => unfinished.received > 0, "the header block");
    unanswered.send(rawRequest({ uri: "/never" }));
    await unanswered.fence();
    await server.shutdown();
    assertEquals((await unanswered.reply()).status, 503);
    await unfinished.until(() => unfinished.isBroken, "an invalid record");
    assertEquals(await unfinished.replyOrEnd(), null);
    const [error, ...more] = errors;
    assertInstanceOf(error, FastCgiError);
    assertEquals([error.code, more], ["timed_out", []]);
    assertMatch(error.message, /2 promises of waitUntil/);
  });

  it("is not waited for when all has ended, and never comes when it is 0", async () => {
    const gate = Promise.withResolvers<void>();
    const server = serve({ ...silent, shutdownTimeout: 0 }, async () => {
      await gate.promise;
      return new Response("in the end\n");
    });
    await using peer = await RawPeer.connect(await server.ready);
    peer.send(rawRequest());
    await peer.fence();
    const stopped = server.shutdown();
    // One with a timeout, and with nothing to wait for, has long been through its own.
    const other = serve({ ...silent, shutdownTimeout: 60_000 }, hello);
    await other.ready;
    await other.shutdown();
    gate.resolve();
    assertEquals((await peer.reply()).text, "in the end\n");
    peer.end();
    await stopped;
  });
});
