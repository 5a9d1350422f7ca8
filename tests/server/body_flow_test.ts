/** Handlers that read nothing of a full body, while other requests of the connection wait. */
import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { assertBytes, chunksOf, pattern } from "../_bytes.ts";
import { RecordType, Role } from "../../src/protocol/mod.ts";
import { FastCgiError, serve } from "../../mod.ts";
import { RawPeer, request as rawRequest, requestHead } from "../runtime/_raw_peer.ts";
import { Gates, KIB, post, sendBody } from "./_gates.ts";
import { LongTimers } from "./_long_timers.ts";
import { ManualBody } from "./_manual_body.ts";
import { Peer } from "./_peer.ts";
import { quiet } from "./_quiet.ts";
import { BROKEN, COMPLETE } from "./_reply.ts";
import { openRequest, record, request, stdin } from "./_request.ts";

/** How long a handler may read nothing for others, as the engine says it. */
const PATIENCE = 2000;

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
    // Its body is being waited for, and nothing has been sent: for no longer than a task, which is
    // not over here.
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
});
