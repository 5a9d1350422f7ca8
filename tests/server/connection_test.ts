/** A connection: its management records, what breaks the protocol, and how it ends. */
import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertInstanceOf,
  assertLess,
  assertLessOrEqual,
} from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { assertBytes, bytes, concat, pattern } from "../_bytes.ts";
import { parsePairs, rawRecord } from "../_records.ts";
import { encodeBeginRequest, encodeGetValues, RecordType, Role } from "../../src/protocol/mod.ts";
import { FastCgiError, type FastCgiErrorCode } from "../../mod.ts";
import { echoText, hello } from "./_handlers.ts";
import { LongTimers } from "./_long_timers.ts";
import { ManualBody } from "./_manual_body.ts";
import { Peer, type PeerOptions } from "./_peer.ts";
import { quiet } from "./_quiet.ts";
import { COMPLETE } from "./_reply.ts";
import { abort, begin, openRequest, params, record, request, stdin } from "./_request.ts";

describe("Connection", () => {
  describe("records of no request", () => {
    it("are ignored: STDIN, PARAMS, DATA and ABORT_REQUEST of an id that never began", async () => {
      await using peer = new Peer(hello);
      void peer.send(
        stdin("lost", 7),
        stdin("", 7),
        record(RecordType.PARAMS, "lost", 7),
        record(RecordType.PARAMS, "", 7),
        record(RecordType.DATA, "lost", 7),
        abort(7),
        stdin("lost", 0),
        abort(0),
      );
      assertEquals((await peer.ask()).text, "Hello\n");
      assertEquals(peer.writes.length, 1);
    });

    it("are ignored: what an application sends", async () => {
      await using peer = new Peer(hello);
      for (const type of [3, 6, 7, 10, 11]) {
        void peer.send(record(type, "12345678"), record(type, "12345678", 0));
      }
      assertEquals((await peer.ask()).text, "Hello\n");
      assertEquals(peer.writes.length, 1);
    });
  });

  describe("GET_VALUES", () => {
    /** What is answered to a question. */
    async function values(names: string[], options: PeerOptions = {}): Promise<[string, string][]> {
      await using peer = new Peer(hello, options);
      void peer.send(encodeGetValues(names));
      const answer = await peer.next();
      assertEquals([answer?.type, answer?.id], [RecordType.GET_VALUES_RESULT, 0]);
      return parsePairs(answer!.content);
    }

    it("is answered before any request, with these bytes", async () => {
      await using peer = new Peer(hello);
      void peer.send(encodeGetValues(["FCGI_MAX_REQS", "FCGI_MPXS_CONNS"]));
      await peer.next();
      assertBytes(
        concat(peer.writes),
        bytes(
          [1, 10, 0, 0, 0, 36, 4, 0],
          [13, 3],
          "FCGI_MAX_REQS100",
          [15, 1],
          "FCGI_MPXS_CONNS1",
          [0, 0, 0, 0],
        ),
      );
    });

    it("is answered with what was asked and is known", async () => {
      assertEquals(await values(["FCGI_MPXS_CONNS"]), [["FCGI_MPXS_CONNS", "1"]]);
      assertEquals(await values(["FCGI_OTHER", "constructor", "__proto__", ""]), []);
      assertEquals(await values([]), []);
      assertEquals(await values(Array(500).fill("FCGI_MAX_REQS")), [["FCGI_MAX_REQS", "100"]]);
    });

    it("is answered by what the options say", async () => {
      const names = ["FCGI_MAX_REQS", "FCGI_MPXS_CONNS"];
      assertEquals(await values(names, { maxRequestsPerConnection: 7 }), [
        ["FCGI_MAX_REQS", "7"],
        ["FCGI_MPXS_CONNS", "1"],
      ]);
      assertEquals(await values(names, { maxRequestsPerConnection: 1 }), [
        ["FCGI_MAX_REQS", "1"],
        ["FCGI_MPXS_CONNS", "0"],
      ]);
    });

    it("that is malformed ends the connection", async () => {
      await assertFatal(record(RecordType.GET_VALUES, "\x05", 0), "bad_name_value");
    });
  });

  describe("a type that nobody knows", () => {
    it("is answered with UNKNOWN_TYPE, whether its id is 0 or not, and the connection lives", async () => {
      await using peer = new Peer(hello);
      for (const type of [0, 12, 99, 255]) {
        for (const id of [0, 1, 65_535]) {
          void peer.send(record(type, "content", id));
          const answer = await peer.next();
          assertEquals([answer?.type, answer?.id], [RecordType.UNKNOWN_TYPE, 0]);
          assertBytes(answer!.content, bytes([type, 0, 0, 0, 0, 0, 0, 0]));
        }
      }
      assertEquals((await peer.ask()).text, "Hello\n");
      assertEquals(peer.errorCount, 0);
    });

    it("is answered in the middle of a request", async () => {
      await using peer = new Peer(echoText);
      void peer.send(openRequest(), stdin("bo"), record(42), stdin("dy"), stdin());
      assertEquals((await peer.next())?.type, RecordType.UNKNOWN_TYPE);
      assertEquals((await peer.reply()).text, "body");
    });
  });

  describe("roles", () => {
    it("that nobody knows are refused with 500 and UNKNOWN_ROLE, and the connection is kept", async () => {
      await using peer = new Peer(hello);
      for (const role of [0, 4, 256, 65_535]) {
        void peer.send(request({ role, id: 2 }));
        const reply = await peer.reply(2);
        assertEquals([reply.head, reply.body.length, reply.end], [
          "Status: 500 Internal Server Error\r\n\r\n",
          0,
          { appStatus: 0, protocolStatus: 3 },
        ]);
      }
      assertEquals((await peer.ask({ id: 2 })).text, "Hello\n");
    });

    it("that the handler does not take are refused alike", async () => {
      await using peer = new Peer(hello);
      for (const role of [Role.AUTHORIZER, Role.FILTER]) {
        const { status, end } = await peer.ask({ role });
        assertEquals([status, end?.protocolStatus], [500, 3]);
      }
      // Apache would make an empty 200 of a bare END_REQUEST.
      await using other = new Peer(hello, { roles: ["authorizer"] });
      const { status, end } = await other.ask({ role: Role.RESPONDER });
      assertEquals([status, end?.protocolStatus], [500, 3]);
    });

    it("that are refused close the connection without FCGI_KEEP_CONN", async () => {
      await using peer = new Peer(hello);
      void peer.send(request({ role: 9, keep: false }));
      assertEquals((await peer.reply()).end?.protocolStatus, 3);
      assertEquals(await peer.finish(), []);
    });

    it("that are refused without FCGI_KEEP_CONN let the other requests end first", async () => {
      await using peer = new Peer(echoText);
      void peer.send(openRequest({ id: 1 }), stdin("bo", 1));
      void peer.send(request({ id: 3, role: 9, keep: false }));
      assertEquals((await peer.reply(3)).end?.protocolStatus, 3);
      void peer.send(stdin("dy", 1), stdin("", 1));
      assertEquals((await peer.reply(1)).text, "body");
      assertEquals(await peer.finish(), []);
    });

    it("authorizer is answered without any STDIN", async () => {
      await using peer = new Peer(
        (request, info) =>
          new Response(null, {
            headers: { "variable-remote_user": `${info.role} ${request.body}` },
          }),
        { roles: ["responder", "authorizer"] },
      );
      void peer.send(openRequest({ role: Role.AUTHORIZER, method: "POST" }));
      const reply = await peer.reply();
      assertEquals([reply.status, reply.end], [200, COMPLETE]);
      assertEquals(reply.headLines.includes("Variable-REMOTE_USER: authorizer null"), true);
      void peer.send(stdin("late"), stdin());
      assertEquals((await peer.ask()).status, 200);
    });

    it("filter and responder share a connection", async () => {
      await using peer = new Peer((_, info) => new Response(info.role), {
        roles: ["responder", "filter"],
      });
      assertEquals((await peer.ask({ role: Role.FILTER, data: "data" })).text, "filter");
      assertEquals((await peer.ask()).text, "responder");
    });
  });

  describe("a peer that breaks the protocol", () => {
    it("with another version loses its connection, and onError hears why", async () => {
      const records = [0, 2, 255].map((version) => rawRecord({ version, type: RecordType.STDIN }));
      const broken = [...records, bytes("GET / HTTP/1.1\r\n")];
      await Promise.all(broken.map((broken) => assertFatal(broken, "bad_version")));
    });

    it("with a BEGIN_REQUEST of another length loses its connection, and onError hears why", async () => {
      const contents = [0, 7, 9].map((length) => new Uint8Array(length));
      await Promise.all(contents.map((content) => {
        return assertFatal(record(RecordType.BEGIN_REQUEST, content), "bad_record");
      }));
    });

    it("with a BEGIN_REQUEST for id 0 loses its connection, and onError hears why", async () => {
      await assertFatal(begin({ id: 0 }), "bad_request_id");
    });

    it("gets what it asked before, and nothing for what comes after", async () => {
      await using peer = new Peer(hello);
      void peer.send(request(), bytes("garbage!"), request({ id: 2 }));
      assertEquals((await peer.reply()).text, "Hello\n");
      assertEquals(await peer.rest(), []);
      await peer.served;
      assertEquals(peer.takeErrors().length, 1);
    });

    it("does not hurt another connection", async () => {
      await using good = new Peer(echoText);
      void good.send(openRequest(), stdin("bo"));
      await assertFatal(bytes("garbage!"), "bad_version");
      void good.send(stdin("dy"), stdin());
      assertEquals((await good.reply()).text, "body");
    });
  });

  describe("without FCGI_KEEP_CONN", () => {
    it("closes behind END_REQUEST", async () => {
      await using peer = new Peer(hello);
      const reply = await peer.ask({ keep: false });
      assertEquals(reply.end, COMPLETE);
      assertEquals(await peer.rest(), []);
      assertEquals(peer.toPeer.state, "closed");
      assertEquals(peer.isServed, false);
      await peer.close();
      await peer.served;
    });

    it("takes what the peer still sends, and drops it, until the peer closes", async () => {
      await using peer = new Peer(hello);
      void peer.send(openRequest({ keep: false }), stdin("early"));
      assertEquals((await peer.reply()).text, "Hello\n");
      assertEquals(await peer.rest(), []);
      for (let i = 0; i < 100; i++) await peer.send(stdin(pattern(60_000)));
      await peer.send(stdin());
      await peer.toServer.until(() => peer.toServer.bytesRead === peer.toServer.bytesWritten);
      await peer.close();
      await peer.served;
      assertEquals(peer.toServer.state, "closed");
    });

    it("takes what the peer still sends although the body had been too much to read", async () => {
      const gate = Promise.withResolvers<void>();
      await using peer = new Peer(async () => {
        await gate.promise;
        return new Response("enough");
      });
      void peer.send(openRequest({ keep: false }));
      for (let i = 0; i < 50; i++) void peer.send(stdin(pattern(60_000)));
      assertLess(await quiet(() => peer.toServer.bytesRead), 1_000_000);
      gate.resolve();
      assertEquals((await peer.reply()).text, "enough");
      assertEquals(await peer.rest(), []);
      await peer.close();
      await peer.served;
    });

    it("does not wait for ever for the peer to close", async () => {
      using timers = new LongTimers();
      await using peer = new Peer(hello);
      void peer.send(openRequest({ keep: false }));
      await peer.reply();
      assertEquals(await peer.rest(), []);
      const waited = await timers.elapse();
      assertGreaterOrEqual(waited, 1000);
      assertLessOrEqual(waited, 30_000);
      // A stream that is cancelled fails its writer, who may be about to close it.
      assertEquals(await timers.elapse(), 300);
      await peer.served;
      assertEquals(peer.toServer.state, "cancelled");
    });

    it("does not wait for a timer when the peer has closed", async () => {
      using timers = new LongTimers();
      await using peer = new Peer(hello);
      await peer.ask({ keep: false });
      await peer.finish();
      assertEquals(timers.delays, []);
    });

    it("answers nothing that begins after the end", async () => {
      let calls = 0;
      await using peer = new Peer((request, info) => {
        calls++;
        return hello(request, info);
      });
      void peer.send(request({ keep: false }), request({ id: 2 }), encodeGetValues([]));
      await peer.reply();
      await peer.rest();
      void peer.send(request({ id: 3 }), encodeGetValues([]));
      await peer.toServer.until(() => peer.toServer.bytesRead === peer.toServer.bytesWritten);
      await peer.close();
      await peer.served;
      assertLessOrEqual(calls, 2);
    });

    it("lets the other requests of the connection end first", async () => {
      await using peer = new Peer(echoText);
      void peer.send(openRequest({ id: 1 }), stdin("bo", 1));
      assertEquals((await peer.ask({ id: 3, keep: false })).end, COMPLETE);
      void peer.send(stdin("dy", 1), stdin("", 1));
      assertEquals((await peer.reply(1)).text, "body");
      assertEquals(await peer.finish(), []);
    });

    it("closes behind a streamed answer too", async () => {
      const body = new ManualBody();
      await using peer = new Peer(() => new Response(body.stream));
      void peer.send(request({ keep: false }));
      await peer.nextOf();
      body.push(pattern(100_000));
      body.close();
      assertEquals((await peer.reply()).end, COMPLETE);
      assertEquals(await peer.finish(), []);
    });
  });

  describe("with FCGI_KEEP_CONN", () => {
    it("stays open after an answer, until the peer closes", async () => {
      await using peer = new Peer(hello);
      await peer.ask();
      await peer.fence();
      assertEquals(peer.toPeer.state, "open");
      await peer.close();
      await peer.served;
      assertEquals(peer.toPeer.state, "closed");
    });

    it("is a matter of each request", async () => {
      await using peer = new Peer(hello);
      await peer.ask({ keep: true });
      await peer.ask({ keep: true });
      await peer.ask({ keep: false });
      assertEquals(await peer.finish(), []);
    });

    it("is one bit of the flags: the others mean nothing", async () => {
      await using peer = new Peer(hello);
      for (const flags of [0x81, 0xff, 0xfe]) {
        void peer.send(bytes(encodeBeginRequest(1, { role: Role.RESPONDER, flags })));
        void peer.send(params(), stdin());
        assertEquals((await peer.reply()).text, "Hello\n");
      }
      assertEquals(await peer.finish(), []);
    });

    it("does not keep a timer", async () => {
      using timers = new LongTimers();
      await using peer = new Peer(hello);
      await peer.ask();
      assertEquals(timers.delays, []);
      await peer.close();
      await peer.served;
      assertEquals(timers.delays, []);
    });
  });
});

/**
 * Fails unless these bytes end the connection, onError hears of it, and the handler does not. Each
 * end takes its time, so the two go on side by side.
 */
async function assertFatal(broken: Uint8Array, code: FastCgiErrorCode): Promise<void> {
  await Promise.all([bytes(), request()].map(async (before) => {
    await using peer = new Peer(hello);
    void peer.send(before, broken);
    const records = await peer.rest();
    await peer.served;
    assertEquals(records.some(({ type }) => type === RecordType.STDOUT), before.length > 0);
    const [error, ...more] = peer.takeErrors();
    assertEquals(more, []);
    assertInstanceOf(error, FastCgiError);
    assertEquals([error.code, error.fault, error.connectionSurvives], [code, "peer", false]);
    assert(peer.toPeer.state === "closed");
  }));
}
