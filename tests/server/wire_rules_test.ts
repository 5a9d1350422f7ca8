/**
 * The wire rules that real web servers have taught, one test each: a rule is broken only with a new
 * measurement.
 */
import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { assertBytes, latin1, pattern } from "../_bytes.ts";
import { parsePairs, parseRecords } from "../_records.ts";
import { encodeGetValues, RecordType, Role } from "../../src/protocol/mod.ts";
import { echoText } from "./_handlers.ts";
import { ManualBody } from "./_manual_body.ts";
import { Peer } from "./_peer.ts";
import { COMPLETE } from "./_reply.ts";
import { abort, at, begin, openRequest, request, stdin } from "./_request.ts";

describe("wire rule", () => {
  it("1: the handler starts when PARAMS end, not when STDIN ends", async () => {
    const started = Promise.withResolvers<void>();
    await using peer = new Peer(async (request, info) => {
      started.resolve();
      return new Response(info.role === "authorizer" ? "granted" : await request.text());
    }, { roles: ["responder", "authorizer"] });
    void peer.send(openRequest());
    await started.promise;
    void peer.send(stdin("body"), stdin());
    assertEquals((await peer.reply()).text, "body");
    // Apache's authorizers send no STDIN at all.
    void peer.send(openRequest({ id: 2, role: Role.AUTHORIZER }));
    assertEquals((await peer.reply(2)).end, COMPLETE);
  });

  it("2: a body ends with the empty STDIN record and nothing else", async () => {
    await using peer = new Peer(echoText);
    for (const CONTENT_LENGTH of ["", "-1", "0003", "1", "1000"]) {
      const reply = await peer.ask({ method: "POST", params: { CONTENT_LENGTH }, stdin: "body" });
      assertEquals(reply.text, "body");
    }
    assertEquals((await peer.ask({ method: "POST", stdin: "body" })).text, "body");
  });

  it("3: parameters that come twice are joined if they are headers, else the last wins", async () => {
    await using peer = new Peer((request, { params }) =>
      new Response([
        request.headers.get("x-a"),
        request.headers.get("cookie"),
        params.get("SERVER_NAME"),
      ].join("|"))
    );
    const reply = await peer.ask({
      params: [
        ...[["HTTP_X_A", "1"], ["HTTP_COOKIE", "a=1"], ["SERVER_NAME", "one"]],
        ...[["HTTP_X_A", "2"], ["HTTP_COOKIE", "b=2"], ["SERVER_NAME", "two"]],
      ] as [string, string][],
    });
    assertEquals(reply.text, "1, 2|a=1; b=2|two");
  });

  it("4: the URL comes from REQUEST_URI, whatever it holds", async () => {
    await using peer = new Peer((request) => new Response(request.url));
    const urls = {
      "/a%2Fb?x=%20": "http://example.org/a%2Fb?x=%20",
      "//evil.example/x": "http://example.org//evil.example/x",
      "http://other.example:81/x?y": "http://other.example:81/x?y",
      "*": "http://example.org/",
      "/\xc3\xa4?\xff": "http://example.org/%C3%A4?%FF",
    };
    for (const [REQUEST_URI, url] of Object.entries(urls)) {
      const params = { REQUEST_URI, SCRIPT_NAME: "/decoded path", PATH_INFO: "/lossy" };
      assertEquals((await peer.ask({ params })).text, url);
    }
  });

  it("5: the header block is complete in the first record, Status is its last line", async () => {
    await using peer = new Peer(() =>
      new Response("body", {
        status: 201,
        statusText: "My own phrase",
        headers: {
          location: "/there",
          "transfer-encoding": "chunked",
          "content-length": "4",
          "x-large": "v".repeat(5000),
        },
      })
    );
    const reply = await peer.ask();
    const [first] = parseRecords(peer.writes[0]);
    assertEquals([peer.writes.length, first.type], [1, RecordType.STDOUT]);
    assert(latin1(first.content).endsWith("\r\n\r\nbody"));
    assertEquals(reply.headLines.at(-1), "Status: 201 Created");
    assertEquals(reply.headLines.some((line) => line.startsWith("Location: /there")), true);
    assertEquals(reply.headers("transfer-encoding"), []);
    assertEquals(reply.headers("content-length"), ["4"]);
    assertEquals(reply.header("x-large"), "v".repeat(5000));
    // More than 4 kB is not cut, but told.
    assertEquals(peer.takeErrors().length, 1);
  });

  it("6: no body for HEAD, 204 and 304, no more than Content-Length, no empty STDOUT before the end", async () => {
    const body = new ManualBody();
    await using peer = new Peer((request) => {
      if (request.url.endsWith("/long")) {
        return new Response(body.stream, { headers: { "content-length": "3" } });
      }
      const status = Number(new URL(request.url).searchParams.get("status") ?? 200);
      return new Response(status === 200 ? "body" : null, { status });
    });
    for (const status of [204, 304]) {
      const reply = await peer.ask(at(`/?status=${status}`));
      assertEquals([reply.status, reply.text], [status, ""]);
    }
    assertEquals((await peer.ask({ method: "HEAD" })).text, "");
    void peer.send(request(at("/long")));
    await peer.toPeer.until(() => peer.writes.length === 4);
    body.push("", "ab", "", "cdef");
    const reply = await peer.reply();
    assertEquals([reply.text, reply.end], ["abc", COMPLETE]);
    const empty = reply.records.findIndex(({ content }) => content.length === 0);
    assertEquals(empty, reply.records.length - 2);
    peer.takeErrors();
  });

  it("7: without KEEP_CONN the application closes and drains, with it the same id may come again", async () => {
    await using peer = new Peer(() => new Response("answer"));
    for (let i = 0; i < 3; i++) assertEquals((await peer.ask({ id: 1 })).end, COMPLETE);
    void peer.send(openRequest({ id: 1, keep: false }));
    assertEquals((await peer.reply()).end, COMPLETE);
    assertEquals(await peer.rest(), []);
    await peer.send(stdin(pattern(60_000)));
    await peer.send(stdin(pattern(60_000)), stdin());
    await peer.close();
    await peer.served;
    assertEquals([peer.toPeer.state, peer.toServer.state], ["closed", "closed"]);
  });

  it("8: an error is a real HTTP answer", async () => {
    await using peer = new Peer(() => Promise.reject(new Error("reason")), {
      maxRequestsPerConnection: 1,
    });
    void peer.send(begin({ id: 9 }), request({ id: 1 }));
    const busy = await peer.reply(1);
    assertEquals([busy.status, busy.end], [503, { appStatus: 0, protocolStatus: 1 }]);
    void peer.send(abort(9));
    await peer.reply(9);
    const failed = await peer.ask();
    assertEquals([failed.status, failed.end], [500, COMPLETE]);
    assertEquals(peer.takeErrors().length, 1);
  });

  it("9: a response that breaks midway ends with eight zero bytes and the connection", async () => {
    const body = new ManualBody();
    await using peer = new Peer(() => new Response(body.stream));
    void peer.send(request());
    body.push("first");
    await peer.nextOf();
    body.error(new Error("reason"));
    await peer.finish();
    assertBytes(peer.writes.at(-1)!, new Uint8Array(8));
    const ends = peer.writes.flatMap((write) => parseRecords(write)).filter(({ type }) =>
      type === 3
    );
    assertEquals(ends.length, 0);
    peer.takeErrors();
  });

  it("10: a connection that breaks or says nothing is ordinary: no failure of ours", async () => {
    const breaks: ((peer: Peer) => unknown)[] = [
      (peer) => peer.close(),
      (peer) => peer.hangUp(new Error("ECONNRESET")),
      (peer) => peer.stopReading(),
      (peer) => peer.toPeer.failNextWrite(new Error("EPIPE")),
    ];
    for (const breakConnection of breaks) {
      for (const before of [[], [request()], [openRequest(), stdin("some")]]) {
        await using peer = new Peer(echoText);
        void peer.send(...before);
        await breakConnection(peer);
        peer.hangUp();
        await peer.served;
        assertEquals(peer.errorCount, 0);
      }
    }
  });

  it("11: HAProxy multiplexes, asks GET_VALUES first, and aborts, even before PARAMS", async () => {
    await using peer = new Peer(echoText);
    void peer.send(encodeGetValues(["FCGI_MAX_REQS", "FCGI_MPXS_CONNS"]));
    const values = await peer.next();
    assertEquals(parsePairs(values!.content), [["FCGI_MAX_REQS", "100"], ["FCGI_MPXS_CONNS", "1"]]);
    void peer.send(begin({ id: 1 }), abort(1));
    assertEquals((await peer.reply(1)).types, [RecordType.END_REQUEST]);
    void peer.send(openRequest({ id: 3 }), openRequest({ id: 5 }), openRequest({ id: 7 }));
    void peer.send(stdin("five", 5), abort(3), stdin("seven", 7), stdin("", 7), stdin("", 5));
    assertEquals((await peer.reply(3)).types, [RecordType.END_REQUEST]);
    assertEquals((await peer.reply(5)).text, "five");
    assertEquals((await peer.reply(7)).text, "seven");
  });

  it("12: FCGI_STDERR goes with or after the first STDOUT write, never alone before it", async () => {
    const gate = Promise.withResolvers<void>();
    await using peer = new Peer(async (_, { log }) => {
      log("before the answer");
      await gate.promise;
      throw new Error("reason");
    });
    void peer.send(request());
    await peer.fence();
    assertEquals(peer.writes.length, 1, "Only the fence's answer");
    gate.resolve();
    const reply = await peer.reply();
    const written = parseRecords(peer.writes[1]).map(({ type }) => type);
    assertEquals(written.slice(0, 2), [RecordType.STDOUT, RecordType.STDERR]);
    assertStringIncludes(reply.stderr, "before the answer\n");
    assertInstanceOf(peer.takeErrors()[0], Error);
  });
});
