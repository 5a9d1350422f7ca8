/**
 * What requests that share a connection do to each other: nothing, however slowly one of them is read or written, and
 * however it ends; and what each of them may hold meanwhile.
 */
import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  assertLess,
  assertLessOrEqual,
  assertRejects,
  assertStringIncludes,
} from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { assertBytes, type Bytes, bytes, chunksOf, pattern, Random } from "../_bytes.ts";
import { rawRecord } from "../_records.ts";
import { RecordType, Role } from "../../src/protocol/mod.ts";
import { FastCgiError, serve, type ServeHandler } from "../../mod.ts";
import { RawPeer, request as rawRequest, requestHead } from "../runtime/_raw_peer.ts";
import { path } from "./_handlers.ts";
import { ManualBody } from "./_manual_body.ts";
import { Peer, type PeerOptions } from "./_peer.ts";
import { quiet } from "./_quiet.ts";
import { BROKEN, COMPLETE } from "./_reply.ts";
import { abort, at, openRequest, record, request, type RequestSpec, stdin } from "./_request.ts";
import { waitUntil } from "../_runtime.ts";
import { LongTimers } from "./_long_timers.ts";

const KIB = 1024;
/** The most that is taken beyond a limit: the chunk that reached it, and the one behind it. */
const SLOP = 2 * 64 * KIB;
/** How long a handler may read nothing for others, as the engine says it. */
const PATIENCE = 2000;

const post = (uri: string, spec: RequestSpec = {}) => at(uri, { method: "POST", ...spec });

/** Handlers by path, each with gates that the test opens. */
class Gates {
  readonly #gates = new Map<string, PromiseWithResolvers<void>>();

  of(name: string): PromiseWithResolvers<void> {
    let gate = this.#gates.get(name);
    if (gate === undefined) this.#gates.set(name, gate = Promise.withResolvers());
    return gate;
  }

  /** Reads the body when its gate opens, and answers with its length; `/quick` at once with its path. */
  readonly handler: ServeHandler = async (request, info) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/quick") return path(request, info);
    await this.of(pathname).promise;
    return new Response(`${(await request.arrayBuffer()).byteLength}`);
  };
}

/** Sends the body of a request in records of their own, without its end. */
function sendBody(peer: Peer, id: number, size: number): void {
  for (const part of chunksOf(pattern(size), 32 * KIB)) void peer.send(stdin(part, id));
}

describe("Requests, on one connection", () => {
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

  describe("a handler that reads nothing of a full body", () => {
    /** Two requests: one whose body is full and read by nobody, and another one in flight. */
    async function stall(peer: Peer): Promise<void> {
      void peer.send(request(post("/other", { id: 3 })));
      void peer.send(openRequest(post("/slow")));
      sendBody(peer, 1, 1500 * KIB);
      await quiet(() => peer.toServer.bytesRead);
    }

    it("is given up after 2 s for the others: 503, and the connection goes on", async () => {
      using timers = new LongTimers();
      const gates = new Gates();
      await using peer = new Peer(gates.handler);
      await stall(peer);
      assertEquals(timers.delays, [PATIENCE]);
      await timers.elapse();
      const reply = await peer.reply(1);
      assertEquals([reply.status, reply.text, reply.end], [503, "", COMPLETE]);
      assertEquals(reply.header("retry-after"), "1");
      assertStringIncludes(reply.stderr, "was not read for 2000 ms");
      const [error, ...more] = peer.takeErrors();
      assertEquals(more, []);
      assertInstanceOf(error, FastCgiError);
      assertEquals([error.code, error.fault, error.connectionSurvives], [
        "body_unread",
        "application",
        true,
      ]);
      // Its late body is dropped, the other one is answered, and so is the same id again.
      sendBody(peer, 1, 3000 * KIB);
      void peer.send(stdin());
      gates.of("/other").resolve();
      assertEquals((await peer.reply(3)).text, "0");
      assertEquals((await peer.ask(post("/quick"))).text, "/quick");
      gates.of("/slow").resolve();
      await quiet(() => peer.writes.length);
      assertEquals([peer.errorCount, timers.delays], [0, []]);
    });

    it("hears of it: the body fails, request.signal aborts, info.completed rejects", async () => {
      using timers = new LongTimers();
      const gates = new Gates();
      const signals: AbortSignal[] = [];
      const failures: unknown[] = [];
      await using peer = new Peer(async (request, info) => {
        if (request.url.endsWith("/slow")) {
          signals.push(request.signal);
          info.completed.catch((error) => failures.push(error));
          await gates.of("/slow").promise;
          failures.push(await assertRejects(() => request.text()));
          throw failures.at(-1);
        }
        return gates.handler(request, info);
      });
      await stall(peer);
      await timers.elapse();
      assertEquals((await peer.reply(1)).status, 503);
      assertEquals(peer.takeErrors().length, 1);
      gates.of("/slow").resolve();
      await quiet(() => failures.length);
      const [{ aborted, reason }] = signals;
      assert(aborted);
      assertInstanceOf(reason, DOMException);
      assertEquals(reason.name, "AbortError");
      assertStringIncludes(reason.message, "was not read for 2000 ms");
      assertEquals(failures, [reason, reason]);
      // It failed because of that, which is no news.
      assertEquals(peer.errorCount, 0);
      gates.of("/other").resolve();
      assertEquals((await peer.reply(3)).text, "0");
    });

    it("may answer without reading: what it answers in time goes out, what comes later does not", async () => {
      using timers = new LongTimers();
      const gates = new Gates();
      const body = new ManualBody();
      await using peer = new Peer(async (request, info) => {
        if (!request.url.endsWith("/slow")) return gates.handler(request, info);
        await gates.of("/slow").promise;
        return new Response(body.stream);
      });
      await stall(peer);
      await timers.elapse();
      gates.of("/slow").resolve();
      assertEquals((await peer.reply(1)).status, 503);
      await body.cancelled;
      assertEquals(peer.takeErrors().length, 1);
    });

    it("may be about to answer: that response is cancelled", async () => {
      using timers = new LongTimers();
      const gates = new Gates();
      const body = new ManualBody();
      await using peer = new Peer(async (request, info) => {
        if (!request.url.endsWith("/slow")) return gates.handler(request, info);
        await gates.of("/slow").promise;
        return new Response(body.stream);
      });
      await stall(peer);
      gates.of("/slow").resolve();
      // Its body is being waited for, and nothing has been sent: for no longer than a task, which is not over here.
      for (let turn = 0; turn < 15; turn++) await undefined;
      const elapsed = timers.elapse();
      assertEquals((await peer.reply(1)).status, 503);
      await elapsed;
      await body.cancelled;
      assertEquals(peer.takeErrors().length, 1);
    });

    it("keeps the response that it has begun", async () => {
      using timers = new LongTimers();
      const gates = new Gates();
      const body = new ManualBody();
      await using peer = new Peer((request, info) =>
        request.url.endsWith("/slow") ? new Response(body.stream) : gates.handler(request, info)
      );
      body.push("begun, ");
      await stall(peer);
      await timers.elapse();
      assertEquals(peer.takeErrors().length, 1);
      void peer.send(stdin());
      assertEquals((await peer.ask(post("/quick", { id: 5 }))).text, "/quick");
      body.push("and ended");
      body.close();
      const reply = await peer.reply(1);
      assertEquals([reply.text, reply.end], ["begun, and ended", COMPLETE]);
    });

    it("ends with the response that it made of the body; the others go on", async () => {
      using timers = new LongTimers();
      const gates = new Gates();
      const first = Promise.withResolvers<void>();
      await using peer = new Peer((request, info) => {
        if (!request.url.endsWith("/slow")) return gates.handler(request, info);
        const reader = request.body!.getReader();
        return new Response(
          new ReadableStream({
            async start(controller) {
              controller.enqueue((await reader.read()).value!);
              first.resolve();
            },
            async pull(controller) {
              await gates.of("/slow").promise;
              controller.enqueue((await reader.read()).value!);
            },
          }),
        );
      });
      await stall(peer);
      await first.promise;
      await timers.elapse();
      gates.of("/slow").resolve();
      const reply = await peer.reply(1);
      assertEquals([reply.body.length, reply.end], [32 * KIB, BROKEN]);
      assertEquals(peer.takeErrors().length, 2);
      assertEquals((await peer.ask(post("/quick", { id: 5 }))).text, "/quick");
    });

    it("is waited for when it is alone, however long", async () => {
      using timers = new LongTimers();
      const gates = new Gates();
      await using peer = new Peer(gates.handler);
      void peer.send(openRequest(post("/slow")));
      sendBody(peer, 1, 1500 * KIB);
      await quiet(() => peer.toServer.bytesRead);
      assertEquals(timers.delays, []);
      gates.of("/slow").resolve();
      void peer.send(stdin());
      assertEquals((await peer.reply()).text, `${1500 * KIB}`);
    });

    it("is waited for when the others have gone meanwhile", async () => {
      using timers = new LongTimers();
      const gates = new Gates();
      await using peer = new Peer(gates.handler);
      await stall(peer);
      gates.of("/other").resolve();
      assertEquals((await peer.reply(3)).text, "0");
      await timers.elapse();
      assertEquals([await quiet(() => peer.writes.length), timers.delays], [1, []]);
      gates.of("/slow").resolve();
      void peer.send(stdin());
      assertEquals((await peer.reply(1)).text, `${1500 * KIB}`);
    });

    it("is not one that reads on, however slowly", async () => {
      using timers = new LongTimers();
      const gates = new Gates();
      let wanted = Promise.withResolvers<void>();
      let read = 0;
      await using peer = new Peer(async (request, info) => {
        if (!request.url.endsWith("/slow")) return gates.handler(request, info);
        for await (const part of request.body!) {
          read += part.length;
          await wanted.promise;
        }
        return new Response(`${read}`);
      }, { maxBufferedBodyBytes: 32 * KIB });
      void peer.send(request(post("/other", { id: 3 })));
      void peer.send(openRequest(post("/slow")));
      // All of it in one chunk, so that it is full until most has been read.
      void peer.send(...chunksOf(pattern(320 * KIB), 16 * KIB).map((part) => stdin(part)));
      await quiet(() => read);
      for (let parts = 2; parts <= 15; parts++) {
        const before = wanted;
        wanted = Promise.withResolvers();
        before.resolve();
        await quiet(() => read);
        assertEquals(read, parts * 16 * KIB);
        assertEquals(await timers.elapse(), PATIENCE);
        assertEquals([peer.writes.length, peer.errorCount], [0, 0]);
      }
      // Without a read in between it is too much.
      await timers.elapse();
      assertEquals((await peer.reply(1)).status, 503);
      assertEquals(peer.takeErrors().length, 1);
      wanted.resolve();
      gates.of("/other").resolve();
      assertEquals((await peer.reply(3)).text, "0");
    });

    it("is not one that waits for the web server to read its answer", async () => {
      using timers = new LongTimers();
      const content = pattern(1500 * KIB);
      const gates = new Gates();
      await using peer = new Peer(
        (request, info) =>
          request.url.endsWith("/echo") ? new Response(request.body) : gates.handler(request, info),
        { maxBufferedBodyBytes: 100 * KIB },
      );
      void peer.send(request(post("/other", { id: 3 })));
      void peer.send(openRequest(post("/echo")));
      for (const part of chunksOf(content, 32 * KIB)) void peer.send(stdin(part));
      void peer.send(stdin());
      await quiet(() => peer.toServer.bytesRead);
      for (let i = 0; i < 3; i++) assertEquals(await timers.elapse(), PATIENCE);
      assertEquals(peer.errorCount, 0);
      assertBytes((await peer.reply(1)).body, content);
      gates.of("/other").resolve();
      assertEquals((await peer.reply(3)).text, "0");
    });

    it("is given up for a filter's FCGI_DATA as for its STDIN", async () => {
      using timers = new LongTimers();
      const gates = new Gates();
      await using peer = new Peer(gates.handler, { roles: ["responder", "filter"] });
      void peer.send(request(post("/other", { id: 3 })));
      void peer.send(openRequest(post("/slow", { role: Role.FILTER })), stdin());
      for (const part of chunksOf(pattern(1500 * KIB), 32 * KIB)) {
        void peer.send(record(RecordType.DATA, part));
      }
      await timers.elapse();
      assertEquals((await peer.reply(1)).status, 503);
      assertEquals(peer.takeErrors().length, 1);
      assertEquals((await peer.ask(post("/quick", { id: 5 }))).text, "/quick");
    });

    it("leaves no timer when the connection ends", async () => {
      using timers = new LongTimers();
      const gates = new Gates();
      await using peer = new Peer(gates.handler);
      await stall(peer);
      assertEquals(timers.delays, [PATIENCE]);
      peer.hangUp();
      await peer.served;
      assertEquals(timers.delays, []);
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

  it("over a socket: a handler that does not read is given up, and who waited behind it is answered", async () => {
    const gates = new Gates();
    const heard: unknown[] = [];
    const onError = (error: unknown) => void heard.push(error);
    await using server = serve({ port: 0, onListen: () => {}, onError }, gates.handler);
    await using peer = await RawPeer.connect(await server.ready);
    peer.send(rawRequest({ id: 3, method: "POST", uri: "/other" }));
    peer.send(requestHead({ id: 1, method: "POST", uri: "/slow" }));
    for (const part of chunksOf(pattern(8192 * KIB), 32 * KIB)) peer.send(stdin(part, 1));
    peer.send(stdin("", 1), rawRequest({ id: 5, uri: "/quick" }));
    const start = performance.now();
    assertEquals((await peer.reply(1)).status, 503);
    assertGreaterOrEqual(performance.now() - start, PATIENCE - 100);
    assertEquals((await peer.reply(5)).text, "/quick");
    gates.of("/other").resolve();
    assertEquals((await peer.reply(3)).text, "0");
    assertEquals(heard.map((error) => (error as FastCgiError).code), ["body_unread"]);
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

  for (const seed of [1, 2, 3, 4]) {
    it(`whatever happens to some, the others get their answers, and none holds too much (${seed})`, async () => {
      using _timers = new LongTimers();
      await assertProperty(new Random(seed));
    });
  }
});

/** What becomes of a request of {@link assertProperty}. */
const FATES = ["echo", "slow", "late", "deaf", "cancel", "break", "throw", "abort"] as const;

/** Bytes of a body that may wait, in {@link assertProperty}. */
const LIMIT = 20_000;

/** One request of {@link assertProperty}. */
interface Plan {
  id: number;
  fate: typeof FATES[number];
  content: Bytes;
  /** Records that are still to be sent. */
  records: Bytes[];
  /** Bytes of the body that have been sent, and how many bytes had been sent over the connection by then. */
  sent: { content: number; at: number }[];
  /** Bytes of the body that the handler has read. */
  read: number;
  /** Whether the handler is done with the body. */
  isOver: boolean;
}

/** Many requests with every fate, cut and mixed at random; every answer is looked at, and what each body holds. */
async function assertProperty(random: Random): Promise<void> {
  const plans: Plan[] = Array.from({ length: 24 }, (_, i) => {
    const [id, fate] = [2 * i + 1, FATES[i % FATES.length]];
    const content = random.bytes(random.below(80_000));
    return {
      ...{ id, fate, content, sent: [], read: 0, isOver: false },
      records: [openRequest(post(`/${i}`, { id })), ...cutBody(id, content, random)],
    };
  });
  /** Handlers that wait: those of aborted requests, too. */
  let waiting = 0;
  const turns = async (most: number) => {
    waiting++;
    for (let i = random.below(most); i > 0; i--) await new Promise((done) => setTimeout(done, 0));
    waiting--;
  };
  const handler: ServeHandler = async (request) => {
    const plan = plans[Number(new URL(request.url).pathname.slice(1))];
    if (plan.fate === "late") await turns(40);
    if (plan.fate === "deaf" || plan.fate === "throw" || plan.fate === "cancel") {
      await turns(10);
      plan.isOver = true;
      if (plan.fate === "throw") throw new Error("thrown");
      if (plan.fate === "cancel") await request.body?.cancel();
      return new Response(plan.fate);
    }
    if (request.body === null) return new Response();
    const reader = request.body.getReader();
    return new Response(
      new ReadableStream({
        async pull(controller) {
          if (plan.fate === "slow" || plan.fate === "abort") await turns(4);
          const { done, value } = await reader.read();
          if (done) return controller.close();
          plan.read += value.length;
          if (plan.fate === "break" && plan.read > plan.content.length / 2) {
            plan.isOver = true;
            return controller.error(new Error("broken"));
          }
          controller.enqueue(value);
        },
        cancel() {
          plan.isOver = true;
          return reader.cancel();
        },
      }, { highWaterMark: 0 }),
    );
  };
  await using peer = new Peer(handler, { maxBufferedBodyBytes: LIMIT });
  const replies = plans.map(({ id }) => peer.reply(id));
  let mostHeld = 0;
  /** Fails if a body has taken more than its limit, the record that reached it, and what came in the same chunk. */
  const checkHeld = () => {
    for (const { id, fate, sent, read, isOver } of plans) {
      if (isOver || fate === "abort") continue;
      const taken = sent.findLast(({ at }) => at <= peer.toServer.bytesRead)?.content ?? 0;
      mostHeld = Math.max(mostHeld, taken - read);
      assertLess(taken - read, LIMIT + MOST_AT_ONCE, `Held of request ${id}, which is ${fate}`);
    }
    return false;
  };
  let failure: unknown;
  void peer.toServer.until(checkHeld).catch((error) => failure = error);
  let left = plans.filter(({ records }) => records.length > 0);
  let written = 0;
  while (left.length > 0) {
    const chunk: Bytes[] = [];
    const contents = new Map<Plan, number>();
    for (let size = 0; size < MOST_AT_ONCE / 2 && left.length > 0;) {
      const plan = random.pick(left);
      const next = plan.records.shift()!;
      chunk.push(next);
      size += next.length;
      contents.set(plan, (contents.get(plan) ?? plan.sent.at(-1)?.content ?? 0) + contentOf(next));
      if (plan.fate === "abort" && plan.records.length < 3) {
        chunk.push(abort(plan.id));
        plan.records = [];
      }
      left = left.filter(({ records }) => records.length > 0);
      if (random.below(8) === 0) break;
    }
    written += chunk.reduce((length, part) => length + part.length, 0);
    for (const [plan, content] of contents) plan.sent.push({ content, at: written });
    await peer.send(...chunk);
  }
  const answers = await Promise.all(replies);
  answers.forEach((answer, i) => {
    const { fate, content } = plans[i];
    // What breaks before its head is a whole 500, and nothing can break in an empty body.
    const isBroken = fate === "break" && answer.status === 200 && content.length > 0;
    assertEquals(answer.end, isBroken ? BROKEN : COMPLETE, fate);
    if (fate === "echo" || fate === "slow" || fate === "late") {
      assertBytes(answer.body, content, fate);
    } else if (fate === "deaf" || fate === "cancel") assertEquals(answer.text, fate);
    else if (fate === "throw") assertEquals(answer.status, 500);
  });
  if (failure !== undefined) throw failure;
  // The bound has been reached, or this would show nothing.
  assertGreater(mostHeld, LIMIT / 2);
  assertEquals((await peer.ask(post("/0"))).end, COMPLETE);
  const heard = peer.takeErrors().map(String);
  assertEquals(heard.filter((text) => !/broken|thrown/.test(text)), []);
  await waitUntil(() => waiting === 0, { what: "handlers that wait for nobody" });
}

/** The most content that one chunk brings, in {@link assertProperty}. */
const MOST_AT_ONCE = 24_000;

/** A body in STDIN records of any size with any padding, and its end. */
function cutBody(id: number, content: Bytes, random: Random): Bytes[] {
  const records: Bytes[] = [];
  for (let start = 0; start < content.length;) {
    const end = start + 1 + random.below(random.pick([10, 1000, 12_000]));
    records.push(rawRecord({
      ...{ type: RecordType.STDIN, id, padding: random.below(256) },
      content: content.subarray(start, end),
    }));
    start = end;
  }
  return [...records, stdin("", id)];
}

/** How much of a body is in a record. */
function contentOf(encoded: Bytes): number {
  return encoded[1] === RecordType.STDIN ? encoded[4] * 256 + encoded[5] : 0;
}
