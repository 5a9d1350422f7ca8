/** What lasts too long is given up, with an answer where one can still be given; nobody else on the connection notices. */
import { assert, assertEquals, assertInstanceOf, assertMatch } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { waitUntil } from "../_runtime.ts";
import { FastCgiError, RecordType } from "../../src/protocol/mod.ts";
import { serve } from "../../mod.ts";
import { RawPeer, request as rawRequest } from "../runtime/_raw_peer.ts";
import { echoText, hello } from "./_handlers.ts";
import { ManualBody } from "./_manual_body.ts";
import { Peer } from "./_peer.ts";
import { COMPLETE } from "./_reply.ts";
import { begin, openRequest, params, record, request, stdin } from "./_request.ts";
import { LongTimers } from "./_long_timers.ts";

/** Milliseconds: short, so that the tests are. Nothing depends on how long it takes in the end. */
const SHORT = 40;

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
