/** Requests that no handler sees, for they cannot be served, and what they are answered. */
import { assert, assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { bytes, concat, pattern } from "../_bytes.ts";
import { rawPairs } from "../_records.ts";
import { RecordType } from "../../src/protocol/mod.ts";
import { hello } from "./_handlers.ts";
import { ask, Peer, type PeerOptions } from "./_peer.ts";
import { COMPLETE, type Reply } from "./_reply.ts";
import { at, begin, paramPairs, type Params, record, request, stdin, stream } from "./_request.ts";

describe("a request that cannot be served", () => {
  /**
   * Fails unless it is answered with this status, without the handler, and the connection goes on.
   */
  async function assertRejected(
    status: number,
    send: (peer: Peer) => unknown,
    options: PeerOptions = {},
  ): Promise<Reply> {
    let calls = 0;
    await using peer = new Peer((request, info) => {
      calls++;
      return hello(request, info);
    }, options);
    send(peer);
    const reply = await peer.reply();
    assertEquals([reply.status, reply.end, calls], [status, COMPLETE, 0]);
    assertEquals((await peer.ask()).text, "Hello\n");
    return reply;
  }

  const withParams = (params: Params, method = "GET") => (peer: Peer) =>
    void peer.send(request({ method, params }));

  it("gets 400 for malformed parameters, and the connection lives", async () => {
    const malformed = [bytes([5]), bytes([4, 200, 0, 0]), rawPairs([["A", "b"]]).slice(0, 3)];
    for (const pairs of malformed) {
      await assertRejected(400, (peer) => {
        void peer.send(begin(), stream(RecordType.PARAMS, pairs), stdin());
      });
      await assertRejected(400, (peer) => {
        const content = concat([paramPairs(), pairs]);
        void peer.send(begin(), stream(RecordType.PARAMS, content), stdin());
      });
    }
  });

  it("gets 400 for parameters whose lengths cannot be satisfied", async () => {
    const claim = bytes([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "aaaa");
    await assertRejected(400, (peer) => {
      void peer.send(begin(), stream(RecordType.PARAMS, claim), stdin());
    });
  });

  it("gets 400 without a method", async () => {
    await assertRejected(400, withParams({ REQUEST_METHOD: "" }));
    await assertRejected(400, (peer) => {
      void peer.send(begin(), record(RecordType.PARAMS), stdin());
    });
  });

  it("gets 400 for a Host that is none", async () => {
    for (const host of ["a b", "a/b", "user@host", "a\\b", "a:b:c", "[::1", "host:99999"]) {
      await assertRejected(400, withParams({ HTTP_HOST: host }));
    }
  });

  it("gets 501 for a method that fetch refuses", async () => {
    for (const method of ["TRACE", "CONNECT", "TRACK", "trace"]) {
      await assertRejected(501, withParams({}, method));
    }
  });

  it("gets 431 for too many parameters", async () => {
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`HTTP_X_${i}`, "v"]));
    await assertRejected(431, withParams(many), { maxParams: 20 });
  });

  it("gets 431 for too large parameters as soon as they are, whatever still comes", async () => {
    await assertRejected(431, (peer) => {
      void peer.send(begin());
      for (let i = 0; i < 20; i++) {
        void peer.send(record(RecordType.PARAMS, rawPairs([[`HTTP_X_${i}`, "v".repeat(100)]])));
      }
      void peer.send(record(RecordType.PARAMS), stdin("late"), stdin());
    }, { maxParamsBytes: 1000 });
  });

  it("gets 431 for parameters larger than a default that web servers do not reach", async () => {
    await assertRejected(431, (peer) => {
      for (let i = 0; i < 6; i++) {
        void peer.send(
          i === 0 ? begin() : bytes(),
          record(RecordType.PARAMS, pattern(65535)),
        );
      }
      void peer.send(record(RecordType.PARAMS), stdin());
    });
  });

  it("is served with parameters of just the size that is allowed", async () => {
    const { length } = paramPairs();
    assertEquals((await ask(hello, {}, { maxParamsBytes: length, maxParams: 4 })).status, 200);
    assertEquals((await ask(hello, {}, { maxParamsBytes: length - 1 })).status, 431);
    assertEquals((await ask(hello, {}, { maxParams: 3 })).status, 431);
  });

  it("gets an answer without a body if its method was HEAD", async () => {
    const reply = await assertRejected(
      400,
      withParams({ HTTP_HOST: "a b" }, "HEAD"),
    );
    assertEquals(reply.text, "");
  });

  it("gets 431 without a body if its method was HEAD", async () => {
    const reply = await ask(hello, { method: "HEAD" }, { maxParams: 3 });
    assertEquals([reply.status, reply.text], [431, ""]);
  });

  it("gets 503 and Retry-After above maxRequestsPerConnection; the others go on", async () => {
    const gate = Promise.withResolvers<void>();
    await using peer = new Peer(async (request) => {
      await gate.promise;
      return new Response(request.url);
    }, { maxRequestsPerConnection: 2 });
    const ids = [1, 2, 3];
    void peer.send(...ids.map((id) => request(at(`/${id}`, { id }))));
    const refused = await peer.reply(3);
    assertEquals([refused.status, refused.end], [503, COMPLETE]);
    assert(refused.header("retry-after") !== undefined);
    gate.resolve();
    for (const id of [1, 2]) {
      assertEquals((await peer.reply(id)).text, `http://example.org/${id}`);
    }
    assertEquals((await peer.ask({ id: 3 })).status, 200);
  });

  it("does not tell its fault to onError or to the log", async () => {
    const reply = await assertRejected(400, withParams({ HTTP_HOST: "a b" }));
    assertEquals(reply.stderr, "");
  });
});
