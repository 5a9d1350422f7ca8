/** ABORT_REQUEST, at each moment in the life of a request. */
import { assert, assertEquals, assertInstanceOf, assertRejects } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { assertBytes, pattern } from "../_bytes.ts";
import { RecordType } from "../../src/protocol/mod.ts";
import { echoText, hello } from "./_handlers.ts";
import { ManualBody, readyBody } from "./_manual_body.ts";
import { Peer } from "./_peer.ts";
import { quiet } from "./_quiet.ts";
import { abort, at, begin, openRequest, paramPairs, record, request, stdin } from "./_request.ts";

describe("ABORT_REQUEST", () => {
  /** What a test needs of a request that is aborted. */
  interface Aborted {
    peer: Peer;
    /** Lets the handler answer. */
    release: () => void;
    /** What the handler got. */
    handled: Promise<Request>;
  }

  /**
   * Runs a test of an abort: one END_REQUEST must come, nothing after it even when the handler
   * answers later, and the connection must serve the same id again.
   */
  async function assertAborts(
    before: Uint8Array[],
    between: (aborted: Aborted) => unknown = () => {},
    answer: (request: Request) => Response | Promise<Response> = hello as () => Response,
  ): Promise<void> {
    const gate = Promise.withResolvers<void>();
    const handled = Promise.withResolvers<Request>();
    let calls = 0;
    await using peer = new Peer(async (request) => {
      if (++calls > 1 || request.url.endsWith("/again")) return new Response("again");
      handled.resolve(request);
      await gate.promise;
      return await answer(request);
    });
    void peer.send(...before);
    await peer.fence();
    await between({ peer, release: gate.resolve, handled: handled.promise });
    void peer.send(abort());
    let last = await peer.nextOf();
    while (last.type === RecordType.STDOUT) last = await peer.nextOf();
    assertEquals(last.type, RecordType.END_REQUEST);
    assertBytes(last.content, new Uint8Array(8));
    gate.resolve();
    await quiet(() => peer.writes.length);
    const next = await peer.ask(at("/again"));
    assertEquals([next.types[0], next.text], [RecordType.STDOUT, "again"]);
    assertEquals(peer.errorCount, 0);
  }

  it("ends a request before its PARAMS", async () => {
    await assertAborts([begin()]);
  });

  it("ends a request during its PARAMS", async () => {
    await assertAborts([begin(), record(RecordType.PARAMS, paramPairs().slice(0, 20))]);
  });

  it("ends a request right behind its PARAMS, in the same chunk", async () => {
    let calls = 0;
    await using peer = new Peer((request, info) => {
      calls++;
      return hello(request, info);
    });
    void peer.send(openRequest(), abort(), request());
    assertEquals((await peer.reply()).types, [RecordType.END_REQUEST]);
    assertEquals([(await peer.reply()).text, calls], ["Hello\n", 1]);
  });

  it("ends a request during its STDIN", async () => {
    await assertAborts([openRequest(), stdin("some")], async ({ handled }) => {
      assert(!(await handled).signal.aborted);
    });
  });

  it("ends a request while its handler works", async () => {
    await assertAborts([request()], async ({ handled }) => void await handled);
  });

  it("ends a request whose response is on its way", async () => {
    const body = new ManualBody();
    await assertAborts(
      [request()],
      async ({ peer, release }) => {
        release();
        body.push("first");
        await peer.toPeer.until(() => peer.writes.length > 1);
      },
      () => new Response(body.stream),
    );
    assertInstanceOf(await body.cancelled, DOMException);
  });

  it("aborts request.signal with an AbortError", async () => {
    let signal: AbortSignal | undefined;
    await assertAborts([request()], async ({ handled }) => {
      signal = (await handled).signal;
      assertEquals(signal.aborted, false);
    });
    assertInstanceOf(signal?.reason, DOMException);
    assertEquals(signal.reason.name, "AbortError");
  });

  it("is seen by a handler that asks for request.signal only afterwards", async () => {
    const aborted = Promise.withResolvers<boolean>();
    await assertAborts([request()], async ({ handled }) => void await handled, (request) => {
      aborted.resolve(request.signal.aborted);
      return new Response();
    });
    assertEquals(await aborted.promise, true);
  });

  it("makes a read of the request's body fail", async () => {
    const failed = Promise.withResolvers<unknown>();
    await assertAborts([openRequest(), stdin("some")], async ({ handled }) => {
      (await handled).text().then(
        () => failed.reject(new Error("The body was read to an end that never came")),
        failed.resolve,
      );
    });
    const error = await failed.promise;
    assert(error instanceof Error || error instanceof DOMException);
    assertEquals(error.name, "AbortError");
  });

  it("makes a later read of the request's body fail", async () => {
    const failed = Promise.withResolvers<Error>();
    await assertAborts([openRequest(), stdin("some")], async ({ handled }) => {
      await handled;
    }, async (request) => {
      failed.resolve(await assertRejects(() => request.text()));
      return new Response();
    });
    assertEquals((await failed.promise).name, "AbortError");
  });

  it("cancels the body of a response that comes afterwards", async () => {
    const body = new ManualBody();
    body.push("first");
    await assertAborts([request()], async ({ handled }) => void await handled, () => {
      return new Response(body.stream);
    });
    await body.cancelled;
  });

  it("is no failure of a handler that gives up because of it", async () => {
    await assertAborts([openRequest()], async ({ handled }) => void await handled, (request) => {
      request.signal.throwIfAborted();
      return new Response();
    });
  });

  it("rejects info.completed", async () => {
    const settled = Promise.withResolvers<unknown>();
    await using peer = new Peer((_, info) => {
      info.completed.then(settled.resolve, settled.resolve);
      return new Promise(() => {});
    });
    void peer.send(request());
    await peer.fence();
    void peer.send(abort());
    assertEquals((await peer.reply()).types, [RecordType.END_REQUEST]);
    assertInstanceOf(await settled.promise, DOMException);
  });

  it("has no content, and what there is of it is not looked at", async () => {
    await using peer = new Peer(echoText);
    void peer.send(openRequest(), record(RecordType.ABORT_REQUEST, "12345678"));
    assertEquals((await peer.reply()).types, [RecordType.END_REQUEST]);
    void peer.send(record(RecordType.ABORT_REQUEST, "lost"));
    assertEquals((await peer.ask({ method: "POST", stdin: "next" })).text, "next");
  });

  it("after END_REQUEST is ignored", async () => {
    await using peer = new Peer(hello);
    await peer.ask();
    void peer.send(abort(), abort());
    assertEquals((await peer.ask()).text, "Hello\n");
  });

  it("closes the connection of a request without FCGI_KEEP_CONN", async () => {
    await using peer = new Peer(() => new Promise(() => {}));
    void peer.send(openRequest({ keep: false }), abort());
    const records = await peer.finish();
    assertEquals(records.map(({ type }) => type), [RecordType.END_REQUEST]);
  });

  it("leaves the other requests of the connection alone", async () => {
    await using peer = new Peer(echoText);
    void peer.send(openRequest({ id: 1 }), openRequest({ id: 3 }), stdin("a", 3), stdin("x", 1));
    void peer.send(abort(1));
    assertEquals((await peer.reply(1)).types, [RecordType.END_REQUEST]);
    void peer.send(stdin("b", 3), stdin("", 3));
    assertEquals((await peer.reply(3)).text, "ab");
  });

  it("sends one END_REQUEST however an endless body is cancelled", async () => {
    await using peer = new Peer((request) =>
      new Response(request.url.endsWith("/again") ? readyBody("again") : endless())
    );
    void peer.send(request());
    await peer.nextOf();
    void peer.send(abort());
    while ((await peer.nextOf()).type !== RecordType.END_REQUEST);
    assertEquals((await peer.ask(at("/again"))).text, "again");
  });
});

describe("A web server that hangs up", () => {
  // As `fetch(upstream, { signal: request.signal })` has one, and the sockets of `srvx/node`.
  for (
    const [name, reasonOf] of Object.entries({
      "the signal's reason": (signal: AbortSignal) => signal.reason,
      "an AbortError of another making": () => new DOMException("It is over", "AbortError"),
    })
  ) {
    it(`is no failure of a body that breaks off because of it, with ${name}`, async () => {
      await using peer = new Peer(({ signal }) =>
        new Response(
          new ReadableStream({
            start(controller) {
              controller.enqueue(new Uint8Array(1));
              signal.addEventListener("abort", () => controller.error(reasonOf(signal)));
            },
          }),
        )
      );
      void peer.send(request());
      await peer.nextOf();
      await peer.close();
      const last = (await peer.rest()).at(-1);
      assert(last === undefined || last.version === 0, "The answer must not pass for a whole one");
      await peer.served;
      assertEquals(peer.errorCount, 0);
    });
  }

  it("is no excuse for a body that fails for a reason of its own", async () => {
    await using peer = new Peer(({ signal }) =>
      new Response(
        new ReadableStream({
          start(controller) {
            controller.enqueue(new Uint8Array(1));
            signal.addEventListener("abort", () => controller.error(new Error("Disk full")));
          },
        }),
      )
    );
    void peer.send(request());
    await peer.nextOf();
    await peer.close();
    await peer.served;
    assertEquals(peer.takeErrors().map(String), ["Error: Disk full"]);
  });
});

/** A body that always has more. */
function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(pattern(1000));
    },
  });
}
