import {
  assert,
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertLess,
  assertRejects,
  assertStringIncludes,
} from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { assertBytes, bytes, chunksOf, concat, everySplit, pattern } from "../_bytes.ts";
import { RecordType } from "../../src/protocol/mod.ts";
import { serveConnection } from "../../mod.ts";
import type { Pipe } from "../_pair.ts";
import { captureConsoleError } from "../_console.ts";
import { echo, echoText, hello } from "./_handlers.ts";
import { ManualBody } from "./_manual_body.ts";
import { Peer } from "./_peer.ts";
import { quiet } from "./_quiet.ts";
import { COMPLETE } from "./_reply.ts";
import { abort, at, begin, openRequest, params, record, request, stdin } from "./_request.ts";
import { LongTimers } from "./_long_timers.ts";

describe("serveConnection", () => {
  it("takes an application with a fetch method", async () => {
    const app = {
      answer: "Hello from a method",
      fetch() {
        return new Response(this.answer);
      },
    };
    await using peer = new Peer(app);
    assertEquals((await peer.ask()).text, "Hello from a method");
  });

  it("rejects with a TypeError for no handler, and for a misspelt option", async () => {
    const streams = () => new TransformStream<Uint8Array, Uint8Array>();
    await assertRejects(
      () => serveConnection(streams(), {} as never),
      TypeError,
      "Cannot serve the connection: the second argument is no handler",
    );
    await assertRejects(
      () => serveConnection(streams(), hello, { maxparams: 1 } as never),
      TypeError,
      'Cannot serve the connection: there is no option "maxparams"; maxParams is the nearest',
    );
    await assertRejects(
      () => serveConnection(streams(), hello, null as never),
      TypeError,
      "Cannot serve the connection: the third argument is null, not a plain object of options",
    );
  });

  it("answers a request", async () => {
    await using peer = new Peer(hello);
    const reply = await peer.ask();
    assertEquals([reply.status, reply.text, reply.end], [200, "Hello\n", COMPLETE]);
  });

  it("answers many requests on one connection, one after the other", async () => {
    await using peer = new Peer((request) => new Response(request.url));
    for (let i = 0; i < 50; i++) {
      const reply = await peer.ask(at(`/${i}`));
      assertEquals(reply.text, `http://example.org/${i}`);
    }
  });

  it("answers requests that came in one chunk", async () => {
    await using peer = new Peer((request) => new Response(request.url));
    const ids = [1, 2, 3, 300];
    void peer.send(...ids.map((id) => request(at(`/${id}`, { id }))));
    for (const id of ids) {
      assertEquals((await peer.reply(id)).text, `http://example.org/${id}`);
    }
  });

  it("answers a request that came byte by byte", async () => {
    await using peer = new Peer(echo);
    for (const byte of chunksOf(request({ method: "POST", stdin: "body" }), 1)) {
      void peer.send(byte);
    }
    assertEquals((await peer.reply()).text, "body");
  });

  it("answers a request that was cut at any position", async () => {
    await using peer = new Peer(echo);
    for (const [head, tail] of everySplit(request({ method: "POST", stdin: "body" }))) {
      void peer.send(head);
      void peer.send(tail);
      assertEquals((await peer.reply()).text, "body");
    }
  });

  it("takes empty chunks", async () => {
    await using peer = new Peer(hello);
    for (const chunk of chunksOf(request(), 9)) {
      void peer.send();
      void peer.send(chunk);
    }
    assertEquals((await peer.reply()).text, "Hello\n");
  });

  it("gives the handler the Request and its info", async () => {
    const seen = Promise.withResolvers<unknown[]>();
    await using peer = new Peer((request, info) => {
      seen.resolve([request instanceof Request, request.method, request.url, info.role]);
      return hello(request, info);
    });
    await peer.ask(at("/a?b=c"));
    assertEquals(await seen.promise, [true, "GET", "http://example.org/a?b=c", "responder"]);
  });

  it("is told where the application is mounted", async () => {
    await using peer = new Peer(
      (_, info) => new Response(`${info.scriptName}|${info.pathInfo}`),
      { basePath: "/app" },
    );
    const reply = await peer.ask({ params: { REQUEST_URI: "/app/x", SCRIPT_NAME: "/app/x" } });
    assertEquals(reply.text, "/app|/x");
  });

  it("takes mount and basePath together only if they say the same", async () => {
    await using peer = new Peer(
      ({ url }, info) => new Response(`${url} ${info.scriptName}`),
      { mount: "/app", basePath: "app/" },
    );
    assertEquals(
      (await peer.ask(at("/app/x"))).text,
      "http://example.org/x /app",
    );
    const options = { mount: "/app", basePath: "/other" };
    const { readable, writable } = new TransformStream();
    await assertRejects(
      () => serveConnection({ readable, writable }, hello, options),
      TypeError,
      "Cannot serve: mount is /app, but basePath is /other",
    );
  });

  it("answers 404 outside of the mount point, and does not call the handler", async () => {
    const called: string[] = [];
    await using peer = new Peer(({ url }) => {
      called.push(url);
      return new Response("inside");
    }, { mount: "/app" });
    const ask = (uri: string, method = "GET") =>
      peer.ask({ method, params: { REQUEST_URI: uri }, stdin: "" });
    const outside = ["/admin", "/app/../admin", "/app%2F..", "/appx", "/APP", "//app/x", "*", "/"];
    for (const uri of outside) {
      const { status, text } = await ask(uri);
      assertEquals([status, /^Not found: outside/.test(text)], [404, true], uri);
      assertEquals((await ask(uri, "POST")).status, 404, uri);
      const head = await ask(uri, "HEAD");
      assertEquals([head.status, head.text], [404, ""], uri);
    }
    assertEquals(called, []);
    assertEquals((await ask("/app")).text, "inside");
    assertEquals(called, ["http://example.org/"]);
  });

  it("resolves when a connection without a request is closed, and says nothing about it", async () => {
    await using peer = new Peer(hello);
    await peer.close();
    await peer.served;
    assertEquals([peer.toPeer.state, peer.writes.length, peer.errorCount], ["closed", 0, 0]);
  });

  it("resolves when the web server leaves between two requests", async () => {
    await using peer = new Peer(hello);
    await peer.ask();
    await peer.close();
    await peer.served;
    assertEquals([peer.toPeer.state, await peer.rest()], ["closed", []]);
  });

  it("resolves when the web server closes inside a record", async () => {
    await using peer = new Peer(hello);
    void peer.send(request().slice(0, 21));
    await peer.close();
    await peer.served;
    assertEquals(peer.toPeer.state, "closed");
  });

  it("resolves when the reading side fails", async () => {
    await using peer = new Peer(hello);
    await peer.ask();
    peer.toServer.fail(new Error("ECONNRESET"));
    await peer.served;
    assertEquals(peer.errorCount, 0);
  });

  it("resolves when the writing side fails", async () => {
    await using peer = new Peer(hello);
    await peer.ask();
    await peer.stopReading();
    await peer.served;
    assertEquals(peer.errorCount, 0);
  });

  it("resolves when a write fails", async () => {
    await using peer = new Peer(hello);
    peer.toPeer.failNextWrite(new Error("EPIPE"));
    void peer.send(request());
    await peer.served;
    assertEquals(peer.errorCount, 0);
  });

  it("aborts request.signal and cancels the response body when the reading side fails", async () => {
    await assertGivesUp((peer) => peer.toServer.failReader(new Error("ECONNRESET")));
  });

  it("aborts request.signal and cancels the response body when the writing side fails", async () => {
    await assertGivesUp((peer) => peer.stopReading());
  });

  it("aborts request.signal and cancels the response body when both sides fail", async () => {
    await assertGivesUp((peer) => peer.hangUp(new Error("ECONNRESET")));
  });

  it("finds out by itself that the web server has gone while a response is silent", async () => {
    using timers = new LongTimers();
    const body = new ManualBody();
    await using peer = new Peer(() => new Response(body.stream));
    body.push("first");
    void peer.send(request());
    await peer.nextOf();
    await peer.close();
    peer.toPeer.failNextWrite(new Error("EPIPE"));
    assertLess(await timers.elapse(), 30_001);
    await body.cancelled;
    await peer.served;
    assertEquals(timers.delays, []);
  });

  it("answers a request whose peer has only closed its sending side", async () => {
    const gate = Promise.withResolvers<void>();
    await using peer = new Peer(async () => {
      await gate.promise;
      return new Response("late");
    });
    void peer.send(request());
    await peer.close();
    gate.resolve();
    const reply = await peer.reply();
    assertEquals([reply.text, reply.end], ["late", COMPLETE]);
    assertEquals(await peer.rest(), []);
    await peer.served;
  });

  it("streams an answer to a peer that has closed its sending side", async () => {
    const body = new ManualBody();
    await using peer = new Peer(() => new Response(body.stream));
    void peer.send(request());
    await peer.close();
    const content = pattern(200_000);
    body.push("first", content);
    body.close();
    const reply = await peer.reply();
    assertBytes(reply.body, concat([bytes("first"), content]));
    await peer.served;
  });

  it("keeps waiting for what waitUntil was given", async () => {
    const gate = Promise.withResolvers<void>();
    await using peer = new Peer((_, info) => {
      info.waitUntil(gate.promise);
      return new Response("now");
    });
    assertEquals((await peer.ask({ keep: false })).text, "now");
    await peer.rest();
    await peer.close();
    await quiet(() => peer.writes.length);
    assertEquals(peer.isServed, false);
    gate.resolve();
    await peer.served;
  });

  it("tells onError of a promise given to waitUntil that is rejected", async () => {
    await using peer = new Peer((_, info) => {
      info.waitUntil(Promise.reject(new Error("background")));
      return new Response();
    });
    await peer.ask({ keep: false });
    await peer.finish();
    assertStringIncludes(String(peer.takeErrors()), "background");
  });

  it("prints failures with their stack where there is no onError, as text", async () => {
    const error = new Error("Nobody catches this");
    const printed = await captureConsoleError(async () => {
      await using peer = new Peer(() => Promise.reject(error), { onError: "default" });
      assertEquals((await peer.ask()).status, 500);
    });
    assertEquals(printed.map((values) => values.map((value) => typeof value)), [["string"]]);
    const [title, ...frames] = String(printed[0]).split("\n");
    assertEquals(title, "Error: Nobody catches this");
    assertStringIncludes(frames[0]!, "serve_connection_test.ts");
    for (const frame of frames) assertEquals(frame.startsWith("    "), true, frame);
  });

  it("never writes into bytes that were written before", async () => {
    await using peer = new Peer((request) => new Response(request.url), { capacity: 1 });
    for (let id = 1; id < 20; id++) void peer.send(request({ id }));
    for (let id = 1; id < 20; id++) await peer.reply(id);
    peer.toPeer.checkWrites();
  });

  it("writes bytes that whoever carries the connection may transfer: each has memory of its own", async () => {
    await using peer = new Peer((request, { log }) => {
      log("line");
      return new Response(new URL(request.url).pathname === "/large" ? pattern(100_000) : "small");
    });
    await peer.ask();
    await peer.ask(at("/large"));
    await peer.ask();
    void peer.send(request({ role: 9 }), begin(), abort(), record(99));
    await peer.fence();
    peer.toPeer.checkOwnership();
  });

  it("breaks off a response with bytes that may be transferred too", async () => {
    const invalid: Pipe[] = [];
    for (let i = 0; i < 2; i++) {
      const body = new ManualBody();
      await using peer = new Peer(() => new Response(body.stream));
      void peer.send(request());
      await peer.nextOf();
      body.error(new Error("reason"));
      await peer.finish();
      peer.takeErrors();
      invalid.push(peer.toPeer);
    }
    const [first, second] = invalid.map((pipe) => pipe.lastOriginal.buffer);
    assert(first !== second);
  });

  describe("signal", () => {
    it("lets an idle connection go", async () => {
      const controller = new AbortController();
      await using peer = new Peer(hello, { signal: controller.signal });
      await peer.ask();
      controller.abort();
      assertEquals(await peer.finish(), []);
    });

    it("lets requests in flight be answered first", async () => {
      const controller = new AbortController();
      const started = Promise.withResolvers<void>();
      const body = new ManualBody();
      await using peer = new Peer(() => {
        started.resolve();
        return new Response(body.stream);
      }, { signal: controller.signal });
      void peer.send(request());
      await started.promise;
      controller.abort();
      body.push("in ");
      await peer.toPeer.until(() => peer.writes.length > 0);
      body.push("flight");
      body.close();
      const reply = await peer.reply();
      assertEquals([reply.text, reply.end], ["in flight", COMPLETE]);
      assertEquals(await peer.finish(), []);
    });

    it("reads the rest of a body that is on its way", async () => {
      const controller = new AbortController();
      await using peer = new Peer(
        echoText,
        { signal: controller.signal },
      );
      void peer.send(openRequest(), stdin("first "));
      await peer.fence();
      controller.abort();
      void peer.send(stdin("second"), stdin());
      assertEquals((await peer.reply()).text, "first second");
      await peer.finish();
    });

    it("does not abort request.signal", async () => {
      const controller = new AbortController();
      const gate = Promise.withResolvers<void>();
      await using peer = new Peer(async (request) => {
        const { signal } = request;
        controller.abort();
        await gate.promise;
        return new Response(String(signal.aborted));
      }, { signal: controller.signal });
      void peer.send(request());
      gate.resolve();
      assertEquals((await peer.reply()).text, "false");
      await peer.finish();
    });

    it("ends the connection at once if it is aborted already", async () => {
      let called = false;
      await using peer = new Peer(() => {
        called = true;
        return new Response();
      }, { signal: AbortSignal.abort() });
      void peer.send(request());
      assertEquals(await peer.finish(), []);
      assertEquals(called, false);
    });

    it("is not listened to any more when the connection is over", async () => {
      const controller = new AbortController();
      let listeners = 0;
      const { signal } = controller;
      const add = signal.addEventListener;
      const remove = signal.removeEventListener;
      signal.addEventListener = (...args: Parameters<typeof add>) => {
        listeners++;
        add.apply(signal, args);
      };
      signal.removeEventListener = (...args: Parameters<typeof remove>) => {
        listeners--;
        remove.apply(signal, args);
      };
      await using peer = new Peer(hello, { signal });
      await peer.ask({ keep: false });
      await peer.finish();
      assertEquals(listeners, 0);
    });
  });

  describe("back-pressure", () => {
    it("stops asking for the response when the web server does not read it", async () => {
      let produced = 0;
      const size = 16 * 1024;
      const content = pattern(4 * 1024 * 1024);
      await using peer = new Peer(() =>
        new Response(
          new ReadableStream({
            pull(controller) {
              controller.enqueue(content.subarray(produced, produced + size));
              produced += size;
              if (produced === content.length) controller.close();
            },
          }),
        )
      );
      void peer.send(request());
      await peer.toPeer.until(() => peer.writes.length > 0);
      const stopped = await quiet(() => produced);
      assertLess(stopped, 512 * 1024);
      assertLess(peer.toPeer.bytesWritten, 512 * 1024);
      const reply = await peer.reply();
      assertBytes(reply.body, content);
      assertGreater(produced, stopped);
    });

    for (const { keep, limit } of [{ keep: false, limit: 192 }, { keep: true, limit: 1216 }]) {
      const bound = `${limit} KiB ${keep ? "with" : "without"} FCGI_KEEP_CONN`;
      it(`stops reading when the handler does not read the body, at ${bound}, and goes on when it does`, async () => {
        const gate = Promise.withResolvers<void>();
        const content = pattern(4 * 1024 * 1024);
        await using peer = new Peer(async (request) => {
          await gate.promise;
          return new Response(await request.arrayBuffer());
        });
        for (const chunk of chunksOf(request({ keep, method: "POST", stdin: content }), 30_000)) {
          void peer.send(chunk);
        }
        const taken = await quiet(() => peer.toServer.bytesRead);
        assertLess(taken, limit * 1024);
        gate.resolve();
        assertBytes((await peer.reply()).body, content);
      });
    }

    it("stops reading when the web server does not read the echo of an upload", async () => {
      const content = pattern(4 * 1024 * 1024);
      await using peer = new Peer(echo);
      for (const chunk of chunksOf(request({ method: "POST", stdin: content }), 30_000)) {
        void peer.send(chunk);
      }
      const taken = await quiet(() => peer.toServer.bytesRead);
      assertLess(taken, 1536 * 1024);
      assertBytes((await peer.reply()).body, content);
    });

    it("lets a response that waits for the web server be aborted with the connection", async () => {
      await using peer = new Peer(() => new Response(pattern(4 * 1024 * 1024)));
      void peer.send(request());
      await quiet(() => peer.toPeer.bytesWritten);
      peer.hangUp();
      await peer.served;
    });
  });

  it("echoes an upload of several megabytes", async () => {
    const content = pattern(6 * 1024 * 1024);
    await using peer = new Peer(echo);
    for (const chunk of chunksOf(request({ method: "PUT", stdin: content }), 65_536)) {
      void peer.send(chunk);
    }
    const reply = await peer.reply();
    assertEquals(reply.end, COMPLETE);
    assertBytes(reply.body, content);
  });

  it("does not reject when a handler goes on after the connection is gone", async () => {
    const gate = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    await using peer = new Peer(async () => {
      started.resolve();
      await gate.promise;
      return new Response("for nobody");
    });
    void peer.send(request());
    await started.promise;
    peer.hangUp();
    await peer.served;
    gate.resolve();
    await quiet(() => peer.writes.length);
    assertEquals(peer.writes.length, 0);
  });

  it("drops a request whose parameters were still to come when the peer closed", async () => {
    let called = false;
    await using peer = new Peer(() => {
      called = true;
      return new Response();
    });
    void peer.send(begin(), params().slice(0, -8));
    await peer.close();
    await peer.served;
    assertEquals([called, peer.writes.length], [false, 0]);
  });
});

/**
 * Fails unless breaking the connection makes the response's body be cancelled and `request.signal`
 * be aborted.
 */
async function assertGivesUp(breakConnection: (peer: Peer) => unknown): Promise<void> {
  const body = new ManualBody();
  let signal: AbortSignal | undefined;
  await using peer = new Peer((request) => {
    signal = request.signal;
    return new Response(body.stream);
  });
  body.push("first");
  void peer.send(request());
  assertEquals((await peer.nextOf()).type, RecordType.STDOUT);
  await breakConnection(peer);
  await body.cancelled;
  await peer.served;
  assert(signal?.aborted);
  assertInstanceOf(signal.reason, DOMException);
  assertEquals([signal.reason.name, peer.errorCount], ["AbortError", 0]);
}
