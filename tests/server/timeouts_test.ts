/**
 * Timeouts: what lasts too long is given up, with an answer where one can still be given; nobody
 * else on the connection notices. Tick by tick the clock is the test's.
 */
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertLess,
  assertStringIncludes,
} from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { waitUntil } from "../_runtime.ts";
import { RecordType } from "../../src/protocol/mod.ts";
import { FastCgiError, serve } from "../../mod.ts";
import { Service } from "../../src/server/service.ts";
import { RawPeer, request as rawRequest } from "../runtime/_raw_peer.ts";
import { echoText, hello, path } from "./_handlers.ts";
import { LongTimers } from "./_long_timers.ts";
import { ManualBody } from "./_manual_body.ts";
import { Peer } from "./_peer.ts";
import { quiet } from "./_quiet.ts";
import { Recorder } from "./_recorder.ts";
import { BROKEN, COMPLETE, Reply } from "./_reply.ts";
import { at, begin, openRequest, params, question, record, request, stdin } from "./_request.ts";
import { settle } from "./_settle.ts";
import { Ticks } from "./_ticks.ts";

/** Milliseconds: short, so that the tests are. Nothing depends on how long it takes in the end. */
const SHORT = 40;

/** With a timeout of 1000 ms the clock ticks each 250 ms: it has not passed yet. */
const IN_TIME = 4;

/** Takes the one error that was reported: a timeout, and whose fault it was. */
function takeTimeout(peer: Peer): FastCgiError {
  const [error, ...more] = peer.takeErrors();
  assertInstanceOf(error, FastCgiError);
  assertEquals([error.code, more], ["timed_out", []]);
  return error;
}

describe("paramsTimeout", () => {
  const options = { paramsTimeout: SHORT };

  it("answers 408 and closes when the parameters of a request do not end", async () => {
    await using peer = new Peer(hello, options);
    assertEquals((await peer.ask()).text, "Hello\n");
    void peer.send(begin(), record(RecordType.PARAMS, "\x01"));
    const reply = await peer.reply();
    assertEquals([reply.status, reply.end], [408, COMPLETE]);
    assertEquals(await peer.finish(), []);
    assertEquals(takeTimeout(peer).fault, "peer");
  });

  it("lets the other requests of the connection end first", async () => {
    const gate = Promise.withResolvers<void>();
    await using peer = new Peer(async () => {
      await gate.promise;
      return new Response("in the end\n");
    }, options);
    void peer.send(request({ id: 1 }), begin({ id: 3 }));
    assertEquals((await peer.reply(3)).status, 408);
    gate.resolve();
    assertEquals((await peer.reply(1)).text, "in the end\n");
    assertEquals(await peer.finish(), []);
    takeTimeout(peer);
  });

  it("closes a connection on which nothing comes, and one that stops in a record, and tells nobody", async () => {
    for (const sent of [new Uint8Array(), begin().subarray(0, 5)]) {
      await using peer = new Peer(hello, options);
      if (sent.length > 0) void peer.send(sent);
      assertEquals(await peer.finish(), []);
      assertEquals(peer.errorCount, 0);
    }
  });

  it("leaves a kept connection alone that is idle, however long", async () => {
    await using idle = new Peer(hello, options);
    assertEquals((await idle.ask()).text, "Hello\n");
    // Another connection runs into the same timeout ten times meanwhile.
    for (let round = 0; round < 10; round++) {
      await using other = new Peer(hello, options);
      await other.finish();
    }
    assertEquals([idle.isServed, (await idle.ask()).text], [false, "Hello\n"]);
  });

  it("is over for a request whose parameters have come, whatever its body and its handler take", async () => {
    await using peer = new Peer(echoText, options);
    void peer.send(openRequest({ id: 1 }), stdin("slow, ", 1));
    void peer.send(begin({ id: 3 }));
    assertEquals((await peer.reply(3)).status, 408);
    void peer.send(stdin("but sure", 1), stdin("", 1));
    assertEquals((await peer.reply(1)).text, "slow, but sure");
    takeTimeout(peer);
  });

  it("does not count while the connection is not read: what is not taken cannot come", async () => {
    // A body that nobody reads is not given up meanwhile.
    using _timers = new LongTimers();
    const gate = Promise.withResolvers<void>();
    await using peer = new Peer(async (request) => {
      await gate.promise;
      return new Response(await request.text());
    }, { ...options, maxBufferedBodyBytes: 1000 });
    void peer.send(openRequest({ id: 1 }), begin({ id: 3 }), stdin("a".repeat(2000), 1));
    void peer.send(params({ id: 3 }), stdin("", 3), stdin("", 1));
    // Other connections run into the same timeout meanwhile.
    for (let round = 0; round < 5; round++) {
      await using other = new Peer(hello, options);
      await other.finish();
    }
    gate.resolve();
    assertEquals((await peer.reply(3)).status, 200);
    assertEquals((await peer.reply(1)).text, "a".repeat(2000));
  });

  it("closes what nobody uses over sockets, and serves the others", async () => {
    await using server = serve({ port: 0, onListen: () => {}, ...options }, hello);
    const address = await server.ready;
    await using used = await RawPeer.connect(address);
    assertEquals((await used.fetch()).status, 200);
    await using silent = await RawPeer.connect(address);
    assertEquals(await silent.closing(), "end");
    assertEquals((await used.fetch()).status, 200);
  });
});

describe("handlerTimeout", () => {
  const options = { handlerTimeout: SHORT };

  it("answers 504, aborts request.signal, and drops what the handler says later", async () => {
    const late = Promise.withResolvers<Response>();
    const body = new ManualBody();
    let signal: AbortSignal | undefined;
    await using peer = new Peer((request, info) => {
      if (signal !== undefined) return hello(request, info);
      signal = request.signal;
      return late.promise;
    }, options);
    const reply = await peer.ask();
    assertEquals([reply.status, reply.end], [504, COMPLETE]);
    assertEquals(reply.stderr, `The handler has given nothing for ${SHORT} ms\n`);
    assertEquals(signal!.aborted, true);
    assertEquals(takeTimeout(peer).fault, "application");
    late.resolve(new Response(body.stream));
    // The body it made is told that nobody wants it.
    assertInstanceOf(await body.cancelled, DOMException);
    assertEquals((await peer.ask()).text, "Hello\n");
  });

  it("is no limit by default", async () => {
    const gate = Promise.withResolvers<void>();
    // The other timeouts have the clock running.
    await using peer = new Peer(async () => {
      await gate.promise;
      return hello(undefined!, undefined!);
    }, { paramsTimeout: SHORT });
    void peer.send(request({ id: 1 }), begin({ id: 3 }));
    assertEquals((await peer.reply(3)).status, 408);
    gate.resolve();
    assertEquals((await peer.reply(1)).status, 200);
    takeTimeout(peer);
  });
});

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
    assertEquals(takeTimeout(peer).fault, "application");
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
      assertEquals(takeTimeout(peer).fault, "application");
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

describe("writeTimeout", () => {
  it("ends a connection whose peer reads nothing, and frees what the answer held", async () => {
    const body = new ManualBody();
    await using peer = new Peer(() => new Response(body.stream), {
      writeTimeout: SHORT,
      capacity: 1024,
    });
    void peer.send(request());
    for (let part = 0; part < 16; part++) body.push(new Uint8Array(65_536));
    assertInstanceOf(await body.cancelled, DOMException);
    await peer.served;
    assertEquals(takeTimeout(peer).fault, "peer");
  });

  it("does not end one whose peer reads slowly", async () => {
    const body = new ManualBody();
    await using peer = new Peer(() => new Response(body.stream), {
      writeTimeout: 400,
      capacity: 1024,
    });
    void peer.send(request());
    for (let part = 0; part < 16; part++) body.push(new Uint8Array(65_536));
    body.close();
    const started = performance.now();
    // Longer than the timeout in all, and never as long between two records.
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      const { type } = await peer.nextOf();
      if (type === RecordType.END_REQUEST) break;
    }
    assert(performance.now() - started > 400);
    assertEquals(peer.errorCount, 0);
  });

  it("ends over a socket what is not read, while others are answered", async () => {
    const errors: unknown[] = [];
    await using server = serve({
      port: 0,
      onListen: () => {},
      onError: (error) => void errors.push(error),
      writeTimeout: SHORT,
      fetch: ({ url }) => new Response(url.endsWith("/large") ? new Uint8Array(50_000_000) : "ok"),
    });
    const address = await server.ready;
    await using deaf = await RawPeer.connect(address);
    deaf.pause();
    deaf.send(rawRequest({ uri: "/large" }));
    await using other = await RawPeer.connect(address);
    assertEquals((await other.fetch()).text, "ok");
    await waitUntil(() => errors.length > 0, { what: "the timeout" });
    assertEquals(errors.map((error) => (error as FastCgiError).code), ["timed_out"]);
    assertEquals((await other.fetch()).text, "ok");
  });
});

describe("writeTimeout, tick by tick", () => {
  const options = { writeTimeout: 1000 };

  it("destroys a connection whose peer takes nothing, and aborts its requests", async () => {
    using ticks = new Ticks();
    const body = new ManualBody();
    const signals: AbortSignal[] = [];
    await using peer = new Peer((request) => {
      signals.push(request.signal);
      return signals.length > 1 ? new Promise<Response>(() => {}) : new Response(body.stream);
    }, { ...options, capacity: 1000 });
    const aborted = () => signals.map((signal) => signal.aborted);
    void peer.send(request(), request({ id: 3 }));
    body.push(new Uint8Array(100_000));
    await quiet(() => peer.writes.length);
    // The first tick sees what has been taken so far.
    ticks.tick(1 + IN_TIME);
    await quiet(() => peer.writes.length);
    assertEquals([peer.isServed, aborted()], [false, [false, false]]);
    ticks.tick();
    await peer.served;
    assertEquals(aborted(), [true, true]);
    assertEquals((await body.cancelled as Error).name, "AbortError");
    assertEquals(peer.takeErrors().map(String), [
      "FastCgiError: Cannot send any more: The web server has read nothing for 1000 ms",
    ]);
  });

  it("leaves a peer alone that takes a little now and then, however much waits", () => {
    using ticks = new Ticks();
    const service = new Service(hello, { ...options, onError: () => {} });
    const { connection, transport } = Recorder.accept(service);
    transport.takes = false;
    connection.receive(openRequest());
    connection.receive(question());
    for (let left = 1000; left > 0; left--) {
      transport.backlog = left;
      ticks.tick(1 + IN_TIME);
      assertEquals(transport.events, []);
    }
    // From here on it takes nothing.
    ticks.tick();
    assertEquals(transport.events, ["destroy"]);
  });

  it("is not put off by what is written behind what is not taken", () => {
    using ticks = new Ticks();
    const errors: unknown[] = [];
    const service = new Service(hello, { ...options, onError: (error) => void errors.push(error) });
    const { connection, transport } = Recorder.accept(service);
    transport.takes = false;
    for (let tick = 0; transport.events.length === 0; tick++) {
      assertLess(tick, IN_TIME + 3);
      connection.receive(question());
      for (const { content, padding } of transport.take()) {
        transport.backlog += 8 + content.length + padding;
      }
      ticks.tick();
    }
    assertEquals([transport.events, errors.length], [["destroy"], 1]);
  });

  it("ends a connection whose end does not leave, and no other", async () => {
    using ticks = new Ticks();
    const errors: unknown[] = [];
    const service = new Service(echoText, {
      ...options,
      onError: (error) => void errors.push(error),
    });
    const stuck = Recorder.accept(service);
    const other = Recorder.accept(service);
    stuck.transport.takes = false;
    stuck.connection.receive(request({ keep: false }));
    await settle();
    stuck.transport.backlog = 100;
    other.connection.receive(openRequest());
    ticks.tick(1 + IN_TIME);
    assertEquals(stuck.transport.events, ["end"]);
    ticks.tick();
    assertEquals(stuck.transport.events, ["end", "destroy"]);
    other.connection.receive(stdin("whole"));
    other.connection.receive(stdin());
    await settle();
    assertEquals(new Reply(other.transport.take()).text, "whole");
    other.connection.closed();
    assertEquals(errors.length, 1);
  });
});
