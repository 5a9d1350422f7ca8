/**
 * A connection that is to end: what is on its way to it is answered first, and nothing is waited
 * for without bound.
 */
import { assertEquals, assertLess, assertLessOrEqual } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { encodeGetValues, RecordType } from "../../src/protocol/mod.ts";
import { serve } from "../../mod.ts";
import { RawPeer, request as rawRequest } from "../runtime/_raw_peer.ts";
import { path } from "./_handlers.ts";
import { Peer } from "./_peer.ts";
import { quiet } from "./_quiet.ts";
import { COMPLETE } from "./_reply.ts";
import { at, openRequest, request, stdin } from "./_request.ts";
import { LongTimers } from "./_long_timers.ts";

/** How long a first request is waited for, as the engine says it. */
const PATIENCE = 1000;

describe("Connection.drain", () => {
  it("waits for the first request of a connection, answers it, and closes", async () => {
    using timers = new LongTimers();
    const controller = new AbortController();
    await using peer = new Peer(path, { signal: controller.signal });
    controller.abort();
    await quiet(() => peer.toPeer.state === "open" ? 0 : 1);
    assertEquals([peer.toPeer.state, timers.delays], ["open", [PATIENCE]]);
    const reply = await peer.ask(at("/first"));
    assertEquals([reply.text, reply.end], ["/first", COMPLETE]);
    assertEquals(await peer.finish(), []);
    assertEquals(timers.delays, []);
  });

  it("waits for a first request that comes in pieces, and behind GET_VALUES", async () => {
    using _timers = new LongTimers();
    const controller = new AbortController();
    await using peer = new Peer(path, { signal: controller.signal });
    controller.abort();
    void peer.send(encodeGetValues(["FCGI_MPXS_CONNS"]));
    assertEquals((await peer.next())?.type, RecordType.GET_VALUES_RESULT);
    const whole = request(at("/first"));
    for (let start = 0; start < whole.length; start += 7) {
      void peer.send(whole.slice(start, start + 7));
      await quiet(() => peer.toServer.bytesRead);
    }
    assertEquals((await peer.reply()).text, "/first");
    assertEquals(await peer.finish(), []);
  });

  it("does not wait for a first request for ever, nor for the rest of it", async () => {
    for (const sent of [0, 3, 20]) {
      using timers = new LongTimers();
      const controller = new AbortController();
      await using peer = new Peer(path, { signal: controller.signal });
      if (sent > 0) void peer.send(request().slice(0, sent));
      await quiet(() => peer.toServer.bytesRead);
      controller.abort();
      if (sent === 20) {
        // BEGIN_REQUEST is there: this is a request in flight, and its peer ends it or goes.
        void peer.send(request().slice(sent));
        assertEquals((await peer.reply()).end, COMPLETE);
      } else {
        await quiet(() => peer.writes.length);
        assertEquals(await timers.elapse(), PATIENCE);
      }
      assertEquals(await peer.finish(), []);
    }
  });

  it("ends at once for a peer that has gone without a request", async () => {
    using timers = new LongTimers();
    const controller = new AbortController();
    await using peer = new Peer(path, { signal: controller.signal });
    controller.abort();
    await peer.close();
    await peer.served;
    assertEquals([peer.toPeer.state, timers.delays], ["closed", []]);
  });

  it("answers a next request that has come to an idle connection", async () => {
    using timers = new LongTimers();
    const controller = new AbortController();
    await using peer = new Peer(path, { signal: controller.signal });
    assertEquals((await peer.ask(at("/first"))).text, "/first");
    void peer.send(request(at("/next")));
    controller.abort();
    assertEquals((await peer.reply()).text, "/next");
    assertEquals(await peer.finish(), []);
    assertEquals(timers.delays, []);
  });

  it("closes an idle connection without a wait that counts", async () => {
    using timers = new LongTimers();
    const controller = new AbortController();
    await using peer = new Peer(path, { signal: controller.signal });
    await peer.ask();
    controller.abort();
    await quiet(() => peer.toPeer.state === "open" ? 0 : 1);
    // What is left is the wait for the peer's own end: a moment, and no longer than so long in all.
    assertEquals([peer.toPeer.state, timers.delays], ["closed", [5000, 300]]);
    assertEquals(await peer.finish(), []);
  });

  it("waits for the rest of a record on an idle connection, a while", async () => {
    for (const comes of [true, false]) {
      using timers = new LongTimers();
      const controller = new AbortController();
      await using peer = new Peer(path, { signal: controller.signal });
      await peer.ask();
      const next = request(at("/next"));
      void peer.send(next.slice(0, 11));
      controller.abort();
      await quiet(() => timers.delays.length);
      assertEquals([peer.toPeer.state, timers.delays], ["open", [PATIENCE]]);
      if (comes) {
        void peer.send(next.slice(11));
        assertEquals((await peer.reply()).text, "/next");
      } else {
        await timers.elapse();
      }
      assertEquals(await peer.finish(), []);
    }
  });

  it("lets a request that begins meanwhile end, and one that shares the connection with it", async () => {
    const controller = new AbortController();
    const gate = Promise.withResolvers<void>();
    await using peer = new Peer(async (request, info) => {
      await gate.promise;
      return path(request, info);
    }, { signal: controller.signal });
    controller.abort();
    void peer.send(openRequest(at("/1", { id: 1 })), request(at("/3", { id: 3 })));
    await peer.fence();
    gate.resolve();
    assertEquals((await peer.reply(3)).text, "/3");
    void peer.send(stdin("", 1));
    assertEquals((await peer.reply(1)).text, "/1");
    assertEquals(await peer.finish(), []);
  });
});

describe("FastCgiServer.shutdown, over sockets", () => {
  const silent = { port: 0, onListen: () => {} };

  it("answers the first request of a connection that has been accepted", async () => {
    const server = serve(silent, path);
    const address = await server.ready;
    await using witness = await RawPeer.connect(address);
    const peers = await Promise.all(Array.from({ length: 8 }, () => RawPeer.connect(address)));
    // Who connected last has been accepted, so the others have been, too.
    assertEquals((await witness.fetch()).text, "/");
    await using last = await RawPeer.connect(address);
    await last.fetch();
    const stopped = server.shutdown();
    // Their requests come when the server has long been shutting down: the idle ones are closed
    // already.
    assertEquals([await witness.closing(), await last.closing()], ["end", "end"]);
    const replies = await Promise.all(peers.map((peer, i) => peer.fetch({ uri: `/${i}` })));
    assertEquals(replies.map(({ text }) => text), peers.map((_, i) => `/${i}`));
    assertEquals(new Set(await Promise.all(peers.map((peer) => peer.closing()))), new Set(["end"]));
    for (const peer of [...peers, witness, last]) peer.end();
    await stopped;
    for (const peer of peers) await peer[Symbol.asyncDispose]();
  });

  it("answers a next request that has come to an idle connection", async () => {
    for (let round = 0; round < 20; round++) {
      const server = serve(silent, path);
      await using peer = await RawPeer.connect(await server.ready);
      assertEquals((await peer.fetch()).text, "/");
      peer.send(rawRequest({ uri: "/next" }));
      const stopped = server.shutdown();
      assertEquals((await peer.reply()).text, "/next");
      assertEquals(await peer.closing(), "end");
      peer.end();
      await stopped;
    }
  });

  it("answers what has come to some of many idle connections, although their peers say no more", async () => {
    for (let round = 0; round < 10; round++) {
      let calls = 0;
      const server = serve(silent, () => new Response(`${++calls}`));
      const address = await server.ready;
      const peers = await Promise.all(Array.from({ length: 10 }, () => RawPeer.connect(address)));
      for (const peer of peers) await peer.fetch();
      calls = 0;
      peers.slice(0, round).forEach((peer) => peer.send(rawRequest()));
      const stopped = server.shutdown();
      peers.slice(0, round).forEach((peer) => peer.end());
      await Promise.all(peers.map((peer) => peer.closing()));
      assertEquals(calls, round);
      for (const peer of peers) await peer[Symbol.asyncDispose]();
      await stopped;
    }
  });

  it("takes about a second with a connection on which nothing ever comes", async () => {
    const server = serve(silent, path);
    const address = await server.ready;
    await using idle = await RawPeer.connect(address);
    await using other = await RawPeer.connect(address);
    await other.fetch({ keep: false });
    other.end();
    const start = performance.now();
    const stopped = server.shutdown();
    assertEquals(await idle.closing(), "end");
    idle.end();
    await stopped;
    const waited = performance.now() - start;
    assertLessOrEqual(PATIENCE - 50, waited);
    assertLess(waited, PATIENCE + 2000);
  });
});
