/**
 * The requests of one connection: what they do to each other is nothing, however slowly one of them
 * is read or written, and however it ends; and what each of them may hold meanwhile.
 */
import { assertEquals, assertLess, assertLessOrEqual } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { assertBytes, bytes, chunksOf, pattern } from "../_bytes.ts";
import { waitUntil } from "../_runtime.ts";
import { serve } from "../../mod.ts";
import { RawPeer, requestHead } from "../runtime/_raw_peer.ts";
import { Gates, KIB, post, sendBody } from "./_gates.ts";
import { echo, echoText, path } from "./_handlers.ts";
import { LongTimers } from "./_long_timers.ts";
import { ManualBody } from "./_manual_body.ts";
import { Peer, type PeerOptions } from "./_peer.ts";
import { quiet } from "./_quiet.ts";
import { BROKEN, COMPLETE } from "./_reply.ts";
import { abort, at, begin, openRequest, params, request, stdin } from "./_request.ts";

/** The most that is taken beyond a limit: the chunk that reached it, and the one behind it. */
const SLOP = 2 * 64 * KIB;

describe("Requests, on one connection", () => {
  describe("multiplexing", () => {
    it("answers requests whose records are interleaved", async () => {
      await using peer = new Peer(echoText);
      const ids = [1, 3, 5, 256, 65_535];
      for (const id of ids) void peer.send(begin({ id }));
      for (const id of ids) void peer.send(params({ id, method: "POST" }));
      for (const letter of "abc") {
        for (const id of ids) void peer.send(stdin(`${letter}${id} `, id));
      }
      for (const id of ids.toReversed()) void peer.send(stdin("", id));
      for (const id of ids) assertEquals((await peer.reply(id)).text, `a${id} b${id} c${id} `);
    });

    it("answers each request when it is ready, not in the order they came", async () => {
      const gates = new Map([1, 2, 3].map((id) => [`/${id}`, Promise.withResolvers<void>()]));
      await using peer = new Peer(async (request, info) => {
        await gates.get(new URL(request.url).pathname)!.promise;
        return path(request, info);
      });
      void peer.send(...[1, 2, 3].map((id) => request(at(`/${id}`, { id }))));
      for (const id of [3, 1, 2]) {
        gates.get(`/${id}`)!.resolve();
        assertEquals((await peer.reply(id)).text, `/${id}`);
      }
    });

    it("interleaves responses that are streamed at different speeds", async () => {
      const bodies = new Map([1, 3].map((id) => [`/${id}`, new ManualBody()]));
      await using peer = new Peer((request) => {
        return new Response(bodies.get(new URL(request.url).pathname)!.stream);
      });
      void peer.send(...[1, 3].map((id) => request(at(`/${id}`, { id }))));
      const [slow, fast] = [bodies.get("/1")!, bodies.get("/3")!];
      slow.push("slow ");
      await peer.nextOf(1);
      for (let i = 0; i < 5; i++) {
        fast.push(`${i}`);
        await peer.nextOf(3);
      }
      fast.close();
      assertEquals((await peer.reply(3)).end, COMPLETE);
      slow.push("but whole");
      slow.close();
      assertEquals((await peer.reply(1)).end, COMPLETE);
    });

    it("lets a request be answered while another one's body waits unread", async () => {
      const gate = Promise.withResolvers<void>();
      await using peer = new Peer(async (request, info) => {
        if (request.method === "GET") return path(request, info);
        await gate.promise;
        return await echoText(request, info);
      });
      void peer.send(openRequest({ id: 1 }), stdin("a".repeat(20_000), 1));
      void peer.send(request(at("/quick", { id: 3 })));
      assertEquals((await peer.reply(3)).text, "/quick");
      gate.resolve();
      void peer.send(stdin("", 1));
      assertEquals((await peer.reply(1)).text.length, 20_000);
    });

    it("keeps large uploads and downloads of several requests apart", async () => {
      await using peer = new Peer(echo);
      const ids = [1, 3, 5];
      const contents = ids.map((id) => pattern(400_000 + id));
      for (const id of ids) void peer.send(openRequest({ id }));
      const queues = contents.map((content, i) =>
        chunksOf(content, 10_000 * (i + 1)).map((part) => stdin(part, ids[i]))
      );
      const replies = ids.map((id) => peer.reply(id));
      while (queues.some((queue) => queue.length > 0)) {
        for (const queue of queues) void peer.send(queue.shift() ?? bytes());
      }
      for (const id of ids) void peer.send(stdin("", id));
      const answers = await Promise.all(replies);
      answers.forEach(({ body }, i) => assertBytes(body, contents[i]));
    });

    it("ignores a second BEGIN_REQUEST with an id in use", async () => {
      await using peer = new Peer(echoText);
      void peer.send(begin(), begin(), params({ method: "POST" }));
      void peer.send(stdin("bo"), begin({ keep: false }), stdin("dy"), stdin());
      const reply = await peer.reply();
      assertEquals([reply.text, reply.types], ["body", [6, 6, 3]]);
      assertEquals((await peer.ask()).end, COMPLETE);
    });

    it("lets an id be used again in the chunk behind its END_REQUEST", async () => {
      await using peer = new Peer(path);
      for (let i = 0; i < 100; i++) {
        assertEquals((await peer.ask(at(`/${i}`))).text, `/${i}`);
      }
    });

    it("lets an id be used again at once after an early answer, in the same chunk as its late body", async () => {
      await using peer = new Peer(path);
      void peer.send(openRequest(at("/1")), stdin("early"));
      assertEquals((await peer.reply()).text, "/1");
      void peer.send(stdin("late"), stdin(), request(at("/2")));
      assertEquals((await peer.reply()).text, "/2");
    });

    it("takes ids from 1 to 65535", async () => {
      await using peer = new Peer(path);
      for (const id of [1, 255, 256, 32_768, 65_535]) {
        const reply = await peer.ask(at(`/${id}`, { id }));
        assertEquals([reply.text, reply.records[0].id], [`/${id}`, id]);
      }
    });

    it("takes as many requests at once as maxRequestsPerConnection says", async () => {
      const gate = Promise.withResolvers<void>();
      await using peer = new Peer(async (request, info) => {
        await gate.promise;
        return path(request, info);
      }, { maxRequestsPerConnection: 150 });
      const ids = Array.from({ length: 150 }, (_, i) => i + 1);
      void peer.send(...ids.map((id) => request(at(`/${id}`, { id }))));
      gate.resolve();
      for (const id of ids) assertEquals((await peer.reply(id)).text, `/${id}`);
    });

    it("has room again when a request has ended, and its handler has settled", async () => {
      const gate = Promise.withResolvers<void>();
      await using peer = new Peer(async (request, info) => {
        if (request.url.endsWith("/wait")) await gate.promise;
        return path(request, info);
      }, { maxRequestsPerConnection: 1 });
      void peer.send(request(at("/wait", { id: 1 })), request({ id: 2 }));
      assertEquals((await peer.reply(2)).status, 503);
      void peer.send(abort(1));
      await peer.reply(1);
      const refused = await peer.ask({ id: 2 });
      // It may go on to multiplex, for it does not: nobody shares the connection with it.
      assertEquals([refused.status, refused.end], [503, COMPLETE]);
      gate.resolve();
      await quiet(() => peer.writes.length);
      assertEquals((await peer.ask({ id: 2 })).status, 200);
      assertEquals((await peer.ask({ id: 3 })).status, 200);
    });
  });

  describe("a body that nobody reads", () => {
    it("does not keep others waiting up to 1 MiB, even if it was there first and alone", async () => {
      const gates = new Gates();
      await using peer = new Peer(gates.handler);
      void peer.send(openRequest(post("/slow")));
      sendBody(peer, 1, 1000 * KIB);
      for (const id of [3, 5, 7]) {
        assertEquals((await peer.ask(post("/quick", { id }))).text, "/quick");
      }
      gates.of("/slow").resolve();
      void peer.send(stdin());
      assertEquals((await peer.reply(1)).text, `${1000 * KIB}`);
    });

    it("is held back beyond that, and read on when its handler does", async () => {
      const gates = new Gates();
      await using peer = new Peer(gates.handler);
      void peer.send(openRequest(post("/slow")));
      sendBody(peer, 1, 4000 * KIB);
      void peer.send(request(post("/quick", { id: 3 })));
      assertLess(await quiet(() => peer.toServer.bytesRead), 1024 * KIB + SLOP);
      assertEquals(peer.writes.length, 0);
      gates.of("/slow").resolve();
      assertEquals((await peer.reply(3)).text, "/quick");
      void peer.send(stdin());
      assertEquals((await peer.reply(1)).text, `${4000 * KIB}`);
    });

    it("counts by itself: each may wait as much", async () => {
      const gates = new Gates();
      await using peer = new Peer(gates.handler, { maxBufferedBodyBytes: 200 * KIB });
      const ids = [1, 3, 5, 7];
      for (const id of ids) void peer.send(openRequest(post(`/${id}`, { id })));
      for (const id of ids) sendBody(peer, id, 150 * KIB);
      assertEquals((await peer.ask(post("/quick", { id: 9 }))).text, "/quick");
      for (const id of ids.toReversed()) {
        gates.of(`/${id}`).resolve();
        void peer.send(stdin("", id));
        assertEquals((await peer.reply(id)).text, `${150 * KIB}`);
      }
    });

    for (
      const [what, options, keep] of [
        ["without FCGI_KEEP_CONN", {}, false],
        ["where multiplexing is refused", { maxRequestsPerConnection: 1 }, true],
      ] as [string, PeerOptions, boolean][]
    ) {
      it(`is held back at one record's worth ${what}`, async () => {
        const gates = new Gates();
        await using peer = new Peer(gates.handler, options);
        void peer.send(openRequest(post("/slow", { keep })));
        sendBody(peer, 1, 1000 * KIB);
        assertLess(await quiet(() => peer.toServer.bytesRead), 64 * KIB + SLOP);
        gates.of("/slow").resolve();
        void peer.send(stdin());
        assertEquals((await peer.reply()).text, `${1000 * KIB}`);
      });
    }

    it("is kept up to the larger limit without FCGI_KEEP_CONN too, once there is another request", async () => {
      const gates = new Gates();
      await using peer = new Peer(gates.handler);
      for (const id of [1, 3]) void peer.send(openRequest(post(`/${id}`, { id, keep: false })));
      sendBody(peer, 1, 900 * KIB);
      assertEquals((await peer.ask(post("/quick", { id: 5 }))).text, "/quick");
      for (const id of [1, 3]) {
        gates.of(`/${id}`).resolve();
        void peer.send(stdin("", id));
      }
      assertEquals((await peer.reply(1)).text, `${900 * KIB}`);
      assertEquals((await peer.reply(3)).text, "0");
    });

    it("of single bytes counts what they cost, not what they say", async () => {
      const gates = new Gates();
      await using peer = new Peer(gates.handler, { maxBufferedBodyBytes: 256 * 1000 });
      void peer.send(openRequest(post("/slow")));
      const byte = stdin("x");
      for (let i = 0; i < 5000; i++) void peer.send(byte);
      assertLess(await quiet(() => peer.toServer.bytesRead), 1100 * byte.length);
      gates.of("/slow").resolve();
      void peer.send(stdin());
      assertEquals((await peer.reply()).text, "5000");
    });

    it("keeps no more of a chunk that it shares than its part", async () => {
      const first = Promise.withResolvers<Uint8Array>();
      const gate = Promise.withResolvers<void>();
      await using peer = new Peer(async (request) => {
        await gate.promise;
        const reader = request.body!.getReader();
        first.resolve((await reader.read()).value!);
        while (!(await reader.read()).done);
        return new Response();
      });
      for (const id of [1, 3]) void peer.send(openRequest(post("/", { id })));
      void peer.send(stdin("part", 1), stdin(pattern(60 * KIB), 3), stdin("", 3));
      await peer.fence();
      gate.resolve();
      void peer.send(stdin("", 1));
      const part = await first.promise;
      assertBytes(part, bytes("part"));
      assertLess(part.buffer.byteLength, 1 * KIB);
      await Promise.all([peer.reply(1), peer.reply(3)]);
    });
  });

  describe("a request with a full body that ends", () => {
    /** Each way to end; the connection must be read again. */
    const ends: Record<string, (peer: Peer, gates: Gates) => unknown> = {
      "because its handler answers": (_, gates) => gates.of("/answer").resolve(),
      "because its handler fails": (_, gates) => gates.of("/answer").reject(new Error("reason")),
      "because its response breaks off": (_, gates) => gates.of("/break").resolve(),
      "because its handler cancels the body": (_, gates) => gates.of("/cancel").resolve(),
    };
    for (const [how, end] of Object.entries(ends)) {
      it(`${how} lets the others be read again`, async () => {
        using _timers = new LongTimers();
        const gates = new Gates();
        await using peer = new Peer(async (request, info) => {
          if (!request.url.endsWith("/slow")) return gates.handler(request, info);
          return await Promise.race([
            gates.of("/answer").promise.then(() => new Response("unread")),
            gates.of("/cancel").promise.then(() => request.body!.cancel()).then(() =>
              new Response("cancelled")
            ),
            gates.of("/break").promise.then(() => {
              const body = new ManualBody();
              body.push("begun");
              const isBegun = waitUntil(() => peer.writes.length > 0, { what: "the head" });
              void isBegun.then(() => body.error(new Error("reason")));
              return new Response(body.stream);
            }),
          ]);
        });
        void peer.send(request(post("/other", { id: 3 })));
        void peer.send(openRequest(post("/slow")));
        sendBody(peer, 1, 1500 * KIB);
        void peer.send(request(post("/quick", { id: 5 })));
        await quiet(() => peer.toServer.bytesRead);
        assertEquals(peer.writes.length, 0);
        end(peer, gates);
        assertEquals((await peer.reply(1)).end, how.includes("breaks off") ? BROKEN : COMPLETE);
        assertEquals((await peer.reply(5)).text, "/quick");
        gates.of("/other").resolve();
        assertEquals((await peer.reply(3)).text, "0");
        peer.takeErrors();
      });
    }
  });

  describe("responses", () => {
    /** A body without end, in chunks of this size, that counts what it has made. */
    function endless(size: number, made: () => void): ReadableStream<Uint8Array> {
      return new ReadableStream({
        pull(controller) {
          made();
          controller.enqueue(new Uint8Array(size));
        },
      }, { highWaterMark: 0 });
    }

    for (const count of [2, 20]) {
      it(`take turns when the web server reads slowly: ${count} of them`, async () => {
        const size = 8 * KIB;
        await using peer = new Peer(() => new Response(endless(size, () => {})));
        const ids = Array.from({ length: count }, (_, i) => 2 * i + 1);
        const got = new Map(ids.map((id) => [id, 0]));
        for (const id of ids) void peer.send(request({ id }));
        for (let records = 0; records < 100 * count; records++) {
          const { id, content } = (await peer.next())!;
          got.set(id, got.get(id)! + content.length);
        }
        const amounts = [...got.values()];
        assertLess(Math.max(...amounts) - Math.min(...amounts), 64 * KIB);
      });
    }

    it("hold no more than a record and a chunk each while the web server does not read", async () => {
      const size = 16 * KIB;
      let made = 0;
      await using peer = new Peer(() => new Response(endless(size, () => made++)));
      const ids = Array.from({ length: 20 }, (_, i) => i + 1);
      for (const id of ids) void peer.send(request({ id }));
      await quiet(() => made);
      assertLessOrEqual(made * size, ids.length * 2 * 64 * KIB);
      // It goes on a little and stops again: no more than before.
      for (let round = 0; round < 5; round++) {
        for (let records = 0; records < 10; records++) await peer.next();
        await quiet(() => made);
        const queued = peer.toPeer.bytesWritten - peer.toPeer.bytesRead;
        assertLess(queued, (ids.length + 2) * (64 * KIB + 64));
      }
    });

    it("that are small go out past one that waits", async () => {
      await using peer = new Peer((request, info) =>
        request.url.endsWith("/big") ? new Response(pattern(4096 * KIB)) : path(request, info)
      );
      void peer.send(request(post("/big")));
      await quiet(() => peer.toPeer.bytesWritten);
      void peer.send(request(post("/quick", { id: 3 })));
      await peer.toPeer.until(() => peer.writes.some((write) => write[3] === 3));
      const before = peer.writes.findIndex((write) => write[3] === 3);
      assertLess(before, 10);
      assertEquals((await peer.reply(3)).text, "/quick");
      assertBytes((await peer.reply(1)).body, pattern(4096 * KIB));
    });
  });

  it("over a socket: a body below the limit keeps nobody waiting", async () => {
    const gates = new Gates();
    await using server = serve({ port: 0, onListen: () => {} }, gates.handler);
    await using peer = await RawPeer.connect(await server.ready);
    peer.send(requestHead({ id: 1, method: "POST", uri: "/slow" }));
    for (const part of chunksOf(pattern(900 * KIB), 16 * KIB)) peer.send(stdin(part, 1));
    for (const id of [3, 5]) assertEquals((await peer.fetch({ id, uri: "/quick" })).text, "/quick");
    gates.of("/slow").resolve();
    peer.send(stdin("", 1));
    assertEquals((await peer.reply(1)).text, `${900 * KIB}`);
  });
});
