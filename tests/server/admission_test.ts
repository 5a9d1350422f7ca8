/**
 * Requests and connections that are one too many: an honest answer each, and what GET_VALUES tells
 * is true.
 */
import { assertEquals, assertExists } from "../_assert.ts";
import { afterEach, describe, it } from "../_harness.ts";
import { type Bytes, bytes } from "../_bytes.ts";
import { parsePairs } from "../_records.ts";
import { encodeGetValues, RecordType } from "../../src/protocol/mod.ts";
import type { Connection } from "../../src/server/connection/connection.ts";
import { Service } from "../../src/server/service.ts";
import { FastCgiClient } from "../../src/client/mod.ts";
import { serve } from "../../mod.ts";
import { RawPeer } from "../runtime/_raw_peer.ts";
import { echoText, hello } from "./_handlers.ts";
import { Peer } from "./_peer.ts";
import { COMPLETE, Reply } from "./_reply.ts";
import { abort, openRequest, request, stdin } from "./_request.ts";
import { LongTimers } from "./_long_timers.ts";
import { Recorder } from "./_recorder.ts";

/** END_REQUEST with FCGI_CANT_MPX_CONN. */
const CANT_MPX_CONN = { appStatus: 0, protocolStatus: 1 };

describe("multiplexing that is refused, with maxRequestsPerConnection: 1", () => {
  const options = { maxRequestsPerConnection: 1 };

  it("answers a second request 503, for the client, and FCGI_CANT_MPX_CONN, for the web server", async () => {
    await using peer = new Peer(echoText, options);
    void peer.send(openRequest({ id: 1 }), stdin("bo", 1));
    const refused = await peer.ask({ id: 3, method: "POST", stdin: "body" });
    assertEquals([refused.status, refused.end], [503, CANT_MPX_CONN]);
    assertEquals(refused.header("retry-after"), "1");
    assertEquals(refused.types, [RecordType.STDOUT, RecordType.STDOUT, RecordType.END_REQUEST]);
    assertEquals(peer.errorCount, 0);
    void peer.send(stdin("dy", 1), stdin("", 1));
    const first = await peer.reply(1);
    assertEquals([first.text, first.end], ["body", COMPLETE]);
  });

  it("answers so as often as it is asked, and leaves the first request alone", async () => {
    await using peer = new Peer(echoText, options);
    void peer.send(openRequest({ id: 1 }));
    for (let id = 2; id < 50; id++) {
      void peer.send(stdin(`${id},`, 1), request({ id }));
      assertEquals((await peer.reply(id)).end, CANT_MPX_CONN);
    }
    void peer.send(stdin("", 1));
    assertEquals((await peer.reply(1)).text.split(",").length, 49);
  });

  it("takes the next request when the first has ended, on the same connection", async () => {
    await using peer = new Peer(echoText, options);
    void peer.send(openRequest({ id: 1 }), request({ id: 3 }));
    assertEquals((await peer.reply(3)).end, CANT_MPX_CONN);
    void peer.send(abort(1));
    assertEquals((await peer.reply(1)).end, COMPLETE);
    for (const id of [3, 1, 5]) assertEquals((await peer.ask({ id })).end, COMPLETE);
  });

  it("lets the first request end when a refused one wants the connection closed", async () => {
    await using peer = new Peer(echoText, options);
    void peer.send(openRequest({ id: 1 }), stdin("bo", 1), request({ id: 3, keep: false }));
    assertEquals((await peer.reply(3)).end, CANT_MPX_CONN);
    void peer.send(stdin("dy", 1), stdin("", 1));
    assertEquals((await peer.reply(1)).text, "body");
    assertEquals(await peer.finish(), []);
  });

  it("is told by GET_VALUES, and is no matter of other limits", async () => {
    const gate = Promise.withResolvers<void>();
    await using peer = new Peer(async (request, info) => {
      await gate.promise;
      return hello(request, info);
    }, { maxRequestsPerConnection: 2 });
    void peer.send(...[1, 2, 3].map((id) => request({ id })));
    // HAProxy would drop the connection for FCGI_OVERLOADED, and it may go on to multiplex.
    assertEquals((await peer.reply(3)).end, COMPLETE);
    gate.resolve();
    for (const id of [1, 2]) assertEquals((await peer.reply(id)).text, "Hello\n");
  });
});

describe("a connection too many, with maxConnections", () => {
  const accepted: Connection[] = [];
  const accept = (service: Service) => {
    const { connection, transport } = Recorder.accept(service);
    accepted.push(connection);
    return { connection, transport };
  };
  afterEach(() => accepted.splice(0).forEach((connection) => connection.closed()));
  const ask = async ({ connection, transport }: ReturnType<typeof accept>, sent: Bytes) => {
    connection.receive(sent);
    for (let turn = 0; turn < 20; turn++) await undefined;
    return new Reply(transport.take());
  };

  it("answers 503 to its first request, then closes", async () => {
    const service = new Service(hello, {}, { maxConnections: 2 });
    const served = [accept(service), accept(service)];
    const surplus = accept(service);
    const reply = await ask(surplus, request({ stdin: "body" }));
    assertEquals([reply.status, reply.end, reply.header("retry-after")], [503, COMPLETE, "1"]);
    assertEquals(surplus.transport.events, ["end"]);
    surplus.transport.ended();
    surplus.connection.receive(stdin("late"));
    surplus.connection.receiveEnd();
    assertEquals(surplus.transport.events, ["end", "destroy"]);
    assertEquals(surplus.transport.take(), []);
    for (const one of served) assertEquals((await ask(one, request())).text, "Hello\n");
  });

  it("answers GET_VALUES before that, and tells the limit", async () => {
    const service = new Service(hello, {}, { maxConnections: 1 });
    accept(service);
    const surplus = accept(service);
    surplus.connection.receive(bytes(encodeGetValues(["FCGI_MAX_CONNS", "FCGI_MPXS_CONNS"])));
    const [answer] = surplus.transport.take();
    assertEquals(parsePairs(answer.content), [["FCGI_MAX_CONNS", "1"], ["FCGI_MPXS_CONNS", "1"]]);
    assertEquals((await ask(surplus, request())).status, 503);
    surplus.connection.closed();
  });

  it("is closed after a second if nothing is asked on it", async () => {
    using timers = new LongTimers();
    const service = new Service(hello, {}, { maxConnections: 0 });
    const { connection, transport } = accept(service);
    assertEquals(timers.delays, [1000]);
    await timers.elapse();
    while (transport.events.length === 0) await new Promise((done) => setTimeout(done, 0));
    assertEquals(transport.events, ["end"]);
    connection.closed();
    assertEquals(timers.delays, []);
  });

  it("is one only while as many others take requests", async () => {
    const service = new Service(hello, {}, { maxConnections: 1 });
    const first = accept(service);
    const { status } = await ask(accept(service), request());
    assertEquals(status, 503);
    // It has been answered without FCGI_KEEP_CONN: although it lingers, the next has room.
    assertEquals((await ask(first, request({ keep: false }))).status, 200);
    const second = accept(service);
    assertEquals((await ask(second, request({ id: 1 }))).status, 200);
    second.connection.receive(openRequest({ id: 3 }).subarray(0, 20));
    assertEquals((await ask(accept(service), request())).status, 503);
    second.connection.closed();
    assertEquals((await ask(accept(service), request())).status, 200);
  });

  it("takes the place of the one that has been idle, if there is one, and of none twice", async () => {
    const service = new Service(hello, {}, { maxConnections: 3 });
    const [fresh, busy, idle] = [accept(service), accept(service), accept(service)];
    busy.connection.receive(openRequest().subarray(0, 20));
    assertEquals((await ask(idle, request())).status, 200);
    const [next, surplus] = [accept(service), accept(service)];
    assertEquals((await ask(next, request())).status, 200);
    assertEquals((await ask(surplus, request())).status, 503);
    while (idle.transport.events.length === 0) await new Promise((done) => setTimeout(done, 0));
    assertEquals(idle.transport.events, ["end"]);
    assertEquals((await ask(fresh, request())).status, 200);
    assertEquals(busy.transport.events, []);
  });

  it("is none where there is no limit, and none is told", async () => {
    const service = new Service(hello);
    const all = Array.from({ length: 5000 }, () => accept(service));
    assertEquals((await ask(all[4999], request())).status, 200);
    all[0].connection.receive(bytes(encodeGetValues(["FCGI_MAX_CONNS"])));
    assertEquals(parsePairs(all[0].transport.take()[0].content), []);
    for (const { connection } of all) connection.closed();
  });

  it("is refused over sockets, and the others are served", async () => {
    const options = { port: 0, onListen: () => {}, maxConnections: 2 };
    await using server = serve(options, echoText);
    const address = await server.ready;
    await using first = await RawPeer.connect(address);
    assertEquals((await first.fetch()).status, 200);
    await using second = await RawPeer.connect(address);
    assertEquals((await second.fetch()).status, 200);
    for (const peer of [first, second]) {
      peer.send(openRequest());
      await peer.fence();
    }
    await using third = await RawPeer.connect(address);
    const refused = await third.fetch({ method: "POST", body: new Uint8Array(300_000) });
    assertEquals([refused.status, refused.headers.get("retry-after")], [503, "1"]);
    assertEquals(await third.closing(), "end");
    third.end();
    for (const peer of [first, second]) {
      peer.send(stdin("end"), stdin());
      assertEquals((await peer.reply()).text, "end");
    }
    assertEquals((await first.fetch({ keep: false })).status, 200);
    assertEquals(await first.closing(), "end");
    await using fourth = await RawPeer.connect(address);
    assertEquals((await fourth.fetch()).status, 200);
  });

  it("is told of by serve: FCGI_MAX_CONNS, FCGI_MAX_REQS and FCGI_MPXS_CONNS are what the options say", async () => {
    const names = ["FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS"];
    for (
      const [options, values] of [
        [{}, ["4096", "100", "1"]],
        [{ maxConnections: 7, maxRequestsPerConnection: 3 }, ["7", "3", "1"]],
        [{ maxConnections: 1, maxRequestsPerConnection: 1 }, ["1", "1", "0"]],
      ] as const
    ) {
      await using server = serve({ port: 0, onListen: () => {}, ...options }, hello);
      const address = await server.ready;
      await using client = new FastCgiClient(address);
      const told = await client.values(names);
      assertEquals(names.map((name) => told.get(name)), [...values]);
      for (const value of told.values()) assertExists(value);
    }
  });
});
