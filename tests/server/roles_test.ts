/**
 * The roles beside the responder's (FastCGI 1.0, sections 6.3 and 6.4): what an authorizer answers,
 * what a filter reads.
 */
import { assert, assertEquals, assertLess, assertRejects } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { assertBytes, type Bytes, bytes, chunksOf, latin1, pattern } from "../_bytes.ts";
import { RecordType, Role } from "../../src/protocol/mod.ts";
import type { ServeHandler } from "../../mod.ts";
import { ManualBody } from "./_manual_body.ts";
import { Peer } from "./_peer.ts";
import { quiet } from "./_quiet.ts";
import { COMPLETE } from "./_reply.ts";
import {
  begin,
  openRequest,
  params,
  record,
  request,
  type RequestSpec,
  stdin,
  stream,
} from "./_request.ts";

const data = (content: Uint8Array | string = "", id = 1) => record(RecordType.DATA, content, id);
const textOf = (body: ReadableStream<Uint8Array> | null) => new Response(body).text();
const bytesOf = async (body: ReadableStream<Uint8Array> | null) =>
  bytes(new Uint8Array(await new Response(body).arrayBuffer()));

describe("authorizer", () => {
  const roles = ["authorizer"] as const;
  /** As Apache's: no STDIN, not even its end. */
  const question = { role: Role.AUTHORIZER, stdin: null };

  it("is told everything but the body", async () => {
    const seen: unknown[] = [];
    await using peer = new Peer((request, info) => {
      seen.push(info.role, request.method, request.url, request.body, info.data);
      seen.push(request.headers.get("content-type"), info.params.get("REMOTE_PASSWD"));
      return new Response();
    }, { roles });
    await peer.ask({
      ...question,
      method: "POST",
      params: { CONTENT_TYPE: "text/plain", HTTP_CONTENT_LENGTH: "4", REMOTE_PASSWD: "secret" },
    });
    assertEquals(seen, [
      ...["authorizer", "POST", "http://example.org/", null, null],
      ...["text/plain", "secret"],
    ]);
  });

  it("refuses what is outside of the mount point", async () => {
    const called: string[] = [];
    await using peer = new Peer(({ url }) => {
      called.push(url);
      return new Response(null, { headers: { "variable-user": "ann" } });
    }, { roles, mount: "/app" });
    for (const uri of ["/admin/page", "/app/../admin/page", "/appx", "*"]) {
      const reply = await peer.ask({ ...question, params: { REQUEST_URI: uri } });
      assertEquals([reply.status, reply.headers("variable-user")], [404, []], uri);
    }
    assertEquals(called, []);
    const { status } = await peer.ask({ ...question, params: { REQUEST_URI: "/app/page" } });
    assertEquals([status, ...called], [200, "http://example.org/page"]);
  });

  it("drops what still comes of a body and of data", async () => {
    await using peer = new Peer(() => new Response(), { roles });
    void peer.send(
      begin({ role: Role.AUTHORIZER }),
      stdin("early"),
      data("early"),
      params({ method: "POST" }),
      stdin(pattern(60_000)),
    );
    assertEquals((await peer.reply()).end, COMPLETE);
    void peer.send(stdin("late"), data("late"), stdin(), data());
    assertEquals((await peer.ask(question)).status, 200);
  });

  it("grants with variables alone: no body, and nothing about one", async () => {
    await using peer = new Peer(
      () => new Response("granted", { headers: { "variable-user": "me", etag: '"1"' } }),
      { roles },
    );
    for (const method of ["GET", "HEAD", "POST"]) {
      const { headLines, body, end } = await peer.ask({ ...question, method });
      assertEquals([headLines, body.length, end], [
        ["Variable-USER: me", "Status: 200 OK"],
        0,
        COMPLETE,
      ]);
    }
  });

  it("grants without waiting for a body that never ends", async () => {
    const body = new ManualBody();
    await using peer = new Peer(() => new Response(body.stream), { roles });
    body.push("some");
    const reply = await peer.ask(question);
    assertEquals([reply.headLines, reply.body.length], [["Status: 200 OK"], 0]);
    await body.cancelled;
  });

  it("refuses with a whole answer, its Status first", async () => {
    await using peer = new Peer(() =>
      new Response("No entry", {
        status: 401,
        headers: { "www-authenticate": "Basic", "variable-user": "me" },
      }), { roles });
    const reply = await peer.ask(question);
    assertEquals(reply.headLines[0], "Status: 401 Unauthorized");
    assertEquals(
      [reply.header("www-authenticate"), reply.header("content-length"), reply.text],
      ["Basic", "8", "No entry"],
    );
    assertEquals(reply.headers("variable-user"), []);
    const head = await peer.ask({ ...question, method: "HEAD" });
    assertEquals([head.status, head.body.length], [401, 0]);
  });

  it("refuses with a stream, too", async () => {
    const body = new ManualBody();
    await using peer = new Peer(() => new Response(body.stream, { status: 403 }), { roles });
    void peer.send(request(question));
    body.push("No ");
    assert(latin1((await peer.nextOf()).content).startsWith("Status: 403 Forbidden\r\n"));
    body.push("entry");
    assertEquals(latin1((await peer.nextOf()).content), "entry");
    body.close();
    assertEquals((await peer.reply()).end, COMPLETE);
  });

  it("that fails refuses", async () => {
    await using peer = new Peer(() => Promise.reject(new Error("No list of users")), { roles });
    const reply = await peer.ask(question);
    assertEquals(reply.headLines[0], "Status: 500 Internal Server Error");
    assertEquals(peer.takeErrors().length, 1);
  });

  it("that fails refuses, though the error page's status changes when it is asked again", async () => {
    const failing = () => {
      throw new Error("No list of users");
    };
    for (const first of [403, 500, "200", undefined]) {
      for (const body of [null, "Sorry"]) {
        const pages = [
          { statusText: "", headers: new Headers(), body, bodyUsed: false },
          new Response(body),
        ];
        for (const page of pages) {
          let asked = 0;
          Object.defineProperty(page, "status", { get: () => asked++ === 0 ? first : 200 });
          const onError = () => page as Response;
          await using peer = new Peer(failing, { roles, onError });
          const { status } = await peer.ask(question);
          assert(status >= 400, `${first}, then 200, became ${status}`);
          peer.takeErrors();
        }
      }
    }
  });

  it("that fails refuses, though the error page has no status of its own", async () => {
    const failing = () => {
      throw new Error("No list of users");
    };
    for (const [status, expected] of [[200, 500], [503, 503]] as const) {
      const onError = () => new Response("Sorry", { status });
      await using peer = new Peer(failing, { roles, onError });
      assertEquals((await peer.ask(question)).status, expected);
      assertEquals(peer.takeErrors().length, 1);
    }
    const onError = () => new Response("Sorry");
    await using peer = new Peer(failing, { roles: ["responder"], onError });
    assertEquals((await peer.ask()).status, 200);
    assertEquals(peer.takeErrors().length, 1);
  });

  it("that fails with its body before anything is sent refuses, whatever its status was", async () => {
    await using peer = new Peer(() => {
      const body = new ManualBody();
      body.error(new Error("No list of users"));
      return new Response(body.stream);
    }, { roles });
    assertEquals((await peer.ask(question)).status, 500);
    assertEquals(peer.takeErrors().length, 1);
  });

  it("that cannot be asked refuses", async () => {
    await using peer = new Peer(() => new Response(), { roles, maxParamsBytes: 1000 });
    const refusals: [string, RequestSpec][] = [
      ["400 Bad Request", { params: { HTTP_HOST: "a b" } }],
      ["501 Not Implemented", { method: "TRACE" }],
      ["431 Request Header Fields Too Large", { params: { A: "x".repeat(2000) } }],
    ];
    for (const [status, init] of refusals) {
      assertEquals((await peer.ask({ ...question, ...init })).headLines[0], `Status: ${status}`);
    }
  });

  it("is refused with a status by a handler of other roles: lighttpd grants without one", async () => {
    await using peer = new Peer(() => new Response("Hello"), { roles: ["responder", "filter"] });
    const reply = await peer.ask(question);
    assertEquals([reply.head, reply.body.length, reply.end], [
      "Status: 500 Internal Server Error\r\n\r\n",
      0,
      { appStatus: 0, protocolStatus: 3 },
    ]);
    assertEquals((await peer.ask()).text, "Hello");
    void peer.send(request({ ...question, keep: false }));
    assertEquals((await peer.finish()).at(-1)?.type, RecordType.END_REQUEST);
  });
});

describe("filter", () => {
  const roles = ["responder", "authorizer", "filter"] as const;
  const init = { role: Role.FILTER, method: "POST" };
  /** Reads both streams side by side. */
  const both: ServeHandler = async (request, info) => {
    const [body, file] = await Promise.all([request.text(), textOf(info.data)]);
    return new Response(`${body}|${file}`);
  };

  it("gets both streams in any order of their records", async () => {
    await using peer = new Peer(both, { roles });
    const stdins = [...chunksOf(bytes("abcdef"), 2).map((part) => stdin(part)), stdin()];
    const datas = [...chunksOf(bytes("uvwxyz"), 3).map((part) => data(part)), data()];
    const orders = interleavings(stdins, datas);
    assertEquals(orders.length, 35);
    for (const order of orders) {
      for (const paramsAt of [0, 1, order.length]) {
        const records = [...order.slice(0, paramsAt), params(init), ...order.slice(paramsAt)];
        void peer.send(begin(init), ...records);
        assertEquals((await peer.reply()).text, "abcdef|uvwxyz");
      }
    }
  });

  it("gets both streams record by record, each in a chunk of its own", async () => {
    await using peer = new Peer(both, { roles });
    void peer.send(begin(init), params(init));
    for (
      const part of [data("u"), stdin("a"), data("v"), stdin("b"), data(), stdin("c"), stdin()]
    ) {
      await peer.fence();
      void peer.send(part);
    }
    assertEquals((await peer.reply()).text, "abc|uv");
  });

  it("knows the file's length and date, and has them checked by nobody", async () => {
    await using peer = new Peer(async (_, { params, data }) =>
      new Response([
        params.get("FCGI_DATA_LENGTH"),
        params.get("FCGI_DATA_LAST_MOD"),
        await textOf(data),
      ].join()), { roles });
    const params = { FCGI_DATA_LENGTH: "9", FCGI_DATA_LAST_MOD: "1790000000" };
    assertEquals((await peer.ask({ ...init, params, data: "file" })).text, "9,1790000000,file");
  });

  it("has no body with GET, and its data all the same", async () => {
    await using peer = new Peer(
      async (request, { data }) => new Response(`${request.body} ${await textOf(data)}`),
      { roles },
    );
    const reply = await peer.ask({ role: Role.FILTER, stdin: "dropped", data: "file" });
    assertEquals(reply.text, "null file");
  });

  it("answers while both streams come", async () => {
    await using peer = new Peer((request, { data }) => {
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
      void (async () => {
        await request.body!.pipeTo(writable, { preventClose: true });
        await data!.pipeTo(writable);
      })();
      return new Response(readable);
    }, { roles });
    void peer.send(openRequest(init), stdin("one"));
    assert(latin1((await peer.nextOf()).content).endsWith("\r\n\r\none"));
    void peer.send(stdin("two"));
    assertEquals(latin1((await peer.nextOf()).content), "two");
    void peer.send(stdin(), data("three"));
    assertEquals(latin1((await peer.nextOf()).content), "three");
    void peer.send(data("four"), data());
    const rest = await peer.reply();
    assertEquals([latin1(rest.stdout), rest.end], ["four", COMPLETE]);
  });

  for (const unread of ["body", "data"] as const) {
    it(`holds the peer back while its ${unread} is not read, and gets all of both in the end`, async () => {
      const gate = Promise.withResolvers<void>();
      const content = pattern(1_000_000);
      await using peer = new Peer(async (request, info) => {
        const waiting = unread === "body" ? request.body : info.data;
        const read = bytesOf(unread === "body" ? info.data : request.body);
        await gate.promise;
        const [first, second] = await Promise.all([read, bytesOf(waiting)]);
        assertBytes(first, content);
        assertBytes(second, content);
        return new Response("both");
      }, { roles, maxBufferedBodyBytes: 65_536 });
      void peer.send(openRequest(init));
      for (const part of chunksOf(content, 20_000)) void peer.send(stdin(part), data(part));
      void peer.send(data(), stdin());
      assertLess(await quiet(() => peer.toServer.bytesRead), 400_000);
      gate.resolve();
      assertEquals((await peer.reply()).text, "both");
    });

    it(`is not held up by a ${unread} that it cancels`, async () => {
      const content = pattern(500_000);
      await using peer = new Peer(async (request, info) => {
        const [wanted, unwanted] = unread === "body"
          ? [info.data, request.body]
          : [request.body, info.data];
        await unwanted!.cancel();
        return new Response(await bytesOf(wanted));
      }, { roles });
      void peer.send(openRequest(init));
      for (const part of chunksOf(content, 20_000)) void peer.send(stdin(part), data(part));
      void peer.send(data(), stdin());
      assertBytes((await peer.reply()).body, content);
    });
  }

  it("that reads neither answers at once, and what still comes is dropped", async () => {
    await using peer = new Peer(() => new Response("done"), { roles });
    for (let round = 0; round < 2; round++) {
      void peer.send(openRequest(init));
      const sent = chunksOf(pattern(1_000_000), 20_000)
        .map((part) => peer.send(stdin(part), data(part)));
      assertEquals((await peer.reply()).text, "done");
      await Promise.all(sent);
    }
    await peer.fence();
  });

  it("lets go with its answer of what had filled both queues", async () => {
    const gate = Promise.withResolvers<void>();
    await using peer = new Peer(async () => {
      await gate.promise;
      return new Response("done");
    }, { roles, maxBufferedBodyBytes: 65_536 });
    void peer.send(openRequest(init));
    const sent = chunksOf(pattern(1_000_000), 20_000)
      .map((part) => peer.send(stdin(part), data(part)));
    assertLess(await quiet(() => peer.toServer.bytesRead), 400_000);
    gate.resolve();
    assertEquals((await peer.reply()).text, "done");
    await Promise.all(sent);
    assertEquals((await peer.ask()).text, "done");
  });

  it("does not see the late data of the request before it under the same id", async () => {
    let first = true;
    await using peer = new Peer(async (request, info) => {
      if (first) {
        first = false;
        return new Response("early");
      }
      return await both(request, info);
    }, { roles });
    void peer.send(openRequest(init), stdin("old"), data("old"));
    assertEquals((await peer.reply()).text, "early");
    void peer.send(stdin("old"), data("old"), data(), stdin());
    assertEquals((await peer.ask({ ...init, stdin: "a", data: "u" })).text, "a|u");
  });

  it("keeps the data of requests on one connection apart", async () => {
    await using peer = new Peer(both, { roles });
    void peer.send(openRequest({ ...init, id: 1 }), openRequest({ ...init, id: 2 }));
    void peer.send(data("u", 2), data("x", 1), stdin("a", 1), stdin("b", 2), stdin("", 2));
    void peer.send(data("", 2), data("y", 1), stdin("", 1), data("", 1));
    assertEquals([(await peer.reply(2)).text, (await peer.reply(1)).text], ["b|u", "a|xy"]);
  });

  it("learns from an abort that its data will not end", async () => {
    const failed = Promise.withResolvers<Error>();
    await using peer = new Peer(async (_, info) => {
      failed.resolve(await assertRejects(() => textOf(info.data)));
      return new Response();
    }, { roles });
    void peer.send(openRequest(init), stdin(), data("some"));
    await peer.fence();
    void peer.send(record(RecordType.ABORT_REQUEST));
    assertEquals((await failed.promise).name, "AbortError");
  });

  it("is alone in having data: a responder's and an authorizer's is ignored", async () => {
    await using peer = new Peer(
      async (request, info) =>
        new Response(`${info.role} ${await request.text()} ${info.data}`, { status: 202 }),
      { roles },
    );
    for (
      const [role, text] of [["responder", "responder ab null"], ["authorizer", "authorizer  null"]]
    ) {
      const number = role === "responder" ? Role.RESPONDER : Role.AUTHORIZER;
      void peer.send(
        openRequest({ role: number, method: "POST" }),
        ...[data("x"), stdin("a"), data(pattern(60_000)), stdin("b"), data(), stdin(), data()],
      );
      assertEquals((await peer.reply()).text, text);
    }
    // A megabyte more than any buffer holds.
    void peer.send(openRequest({ method: "POST" }));
    const sent = chunksOf(stream(RecordType.DATA, pattern(1_000_000)), 50_000)
      .map((part) => peer.send(part));
    await Promise.all(sent);
    void peer.send(stdin("body"), stdin());
    assertEquals((await peer.reply()).text, "responder body null");
  });
});

/** Every order of two lists that keeps the order of each. */
function interleavings(one: Bytes[], other: Bytes[]): Bytes[][] {
  if (one.length === 0 || other.length === 0) return [[...one, ...other]];
  return [
    ...interleavings(one.slice(1), other).map((rest) => [one[0]!, ...rest]),
    ...interleavings(one, other.slice(1)).map((rest) => [other[0]!, ...rest]),
  ];
}
