/**
 * What a request enters with `AsyncLocalStorage.enterWith`, in whatever code of the application
 * runs for it, is its own. Each case asks several times and looks at what the others see.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { serveConnection, type ServeHandler } from "../../mod.ts";
import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { concat } from "../_bytes.ts";
import { Duplex } from "../_pair.ts";
import { Peer } from "./_peer.ts";
import { abort, at, openRequest, request, stdin } from "./_request.ts";

const specOf = (id: number) => at(`/${id}`, { id });
const idOf = (request: Request) => new URL(request.url).pathname;

describe("the async context of a request", () => {
  const storage = new AsyncLocalStorage<string>();
  const ids = [1, 3, 5, 7, 9, 11, 13, 15];

  /** Tells what it sees, and enters something of its own. */
  const enter: ServeHandler = (request) => {
    const seen = storage.getStore();
    storage.enterWith(idOf(request));
    return new Response(`${seen}`);
  };

  /** Asks with each id, in one chunk, and returns what they say. */
  async function askTogether(peer: Peer): Promise<string[]> {
    void peer.send(...ids.map((id) => request(specOf(id))));
    return await Promise.all(ids.map(async (id) => (await peer.reply(id)).text));
  }

  const nothing = ids.map(() => "undefined");

  it("is not seen by the others of the same read", async () => {
    await using peer = new Peer(enter);
    assertEquals(await askTogether(peer), nothing);
  });

  it("is not seen by the others of the same read when the handler waits", async () => {
    await using peer = new Peer(async (request, info) => {
      const response = enter(request, info);
      await undefined;
      assertEquals(storage.getStore(), idOf(request));
      return response;
    });
    assertEquals(await askTogether(peer), nothing);
  });

  it("is not seen by the others when the handler fails", async () => {
    const seen: unknown[] = [];
    await using peer = new Peer((request) => {
      seen.push(storage.getStore());
      storage.enterWith(idOf(request));
      throw new Error("thrown");
    });
    await askTogether(peer);
    peer.takeErrors();
    assertEquals(seen, ids.map(() => undefined));
  });

  it("is not seen by the next on a kept connection", async () => {
    await using peer = new Peer(enter);
    for (const id of ids) assertEquals((await peer.ask(specOf(id))).text, "undefined");
  });

  it("is not seen on another connection", async () => {
    for (const id of ids) {
      await using peer = new Peer(enter);
      assertEquals((await peer.ask(specOf(id))).text, "undefined");
    }
  });

  it("is the request's own to the end of its body", async () => {
    const seen: unknown[] = [];
    await using peer = new Peer((request) => {
      storage.enterWith(idOf(request));
      let left = 3;
      return new Response(
        new ReadableStream({
          async pull(controller) {
            seen.push([idOf(request), storage.getStore()]);
            await new Promise((resolve) => setTimeout(resolve));
            controller.enqueue(new Uint8Array(10));
            if (--left === 0) controller.close();
          },
        }, { highWaterMark: 0 }),
      );
    });
    await askTogether(peer);
    assertEquals(seen.length, 3 * ids.length);
    for (const [id, store] of seen as [string, string][]) assertEquals(store, id);
  });

  it("is what was there when it was served, and no request changes that", async () => {
    for (const _ of [1, 2]) {
      await using peer = storage.run("served", () => new Peer(enter));
      assertEquals(await askTogether(peer), ids.map(() => "served"));
      assertEquals((await peer.ask(specOf(17))).text, "served");
    }
  });

  // Code of the application that is not the handler, and runs for the request `/1`.
  const places: Record<string, (enter: () => void) => [ServeHandler, stop?: boolean]> = {
    "a listener of request.signal": (enter) => [(request) => {
      request.signal.addEventListener("abort", enter);
      return new Promise(() => {});
    }, true],
    "the cancel() of a response's body": (enter) => [() => {
      return new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(new Uint8Array(1)),
          cancel: enter,
        }),
      );
    }, true],
    "the pull() of a response's body": (enter) => [() =>
      new Response(
        new ReadableStream({
          pull(controller) {
            enter();
            controller.enqueue(new Uint8Array(1));
            controller.close();
          },
        }, { highWaterMark: 0 }),
      )],
    "the start() of a response's body": (enter) => [() =>
      new Response(
        new ReadableStream({
          start(controller) {
            enter();
            controller.close();
          },
        }),
      )],
    "what follows the body of the request": (enter) => [async (request) => {
      const text = await request.text();
      enter();
      return new Response(text);
    }],
    "a promise of info.waitUntil": (enter) => [(_, info) => {
      info.waitUntil(Promise.resolve().then(enter));
      return new Response();
    }],
    "what follows info.completed": (enter) => [(_, info) => {
      info.completed.then(enter);
      return new Response();
    }],
  };
  for (const [place, make] of Object.entries(places)) {
    it(`does not reach the others from ${place}`, async () => {
      const entered = Promise.withResolvers<void>();
      const [handler, isAborted] = make(() => {
        storage.enterWith("entered");
        entered.resolve();
      });
      const seen: unknown[] = [];
      /** Abort listeners and bodies of others are looked at as well, not their handlers alone. */
      await using peer = new Peer((request, info) => {
        if (idOf(request) === "/1") return handler(request, info);
        seen.push(storage.getStore());
        request.signal.addEventListener("abort", () => seen.push(storage.getStore()));
        return new Response(
          new ReadableStream({
            pull(controller) {
              seen.push(storage.getStore());
              if (idOf(request) === "/3") return;
              controller.close();
            },
            cancel: () => void seen.push(storage.getStore()),
          }, { highWaterMark: 0 }),
        );
      });
      void peer.send(openRequest(specOf(1)), request(specOf(3)));
      await peer.fence();
      // In one chunk: the end of the body or an abort, another abort, and another request.
      void peer.send(isAborted ? abort(1) : stdin("", 1), abort(3), request(specOf(5)));
      await entered.promise;
      await peer.reply(5);
      await peer.ask(specOf(7));
      // Handler, pull(), cancel(), abort; handler and pull() twice.
      assertEquals(seen, Array(8).fill(undefined));
    });
  }

  it("does not reach others from onError, be it for a peer's fault", async () => {
    const seen: unknown[] = [];
    const entered: unknown[] = [];
    await using peer = new Peer((request) => {
      request.signal.addEventListener("abort", () => seen.push(storage.getStore()));
      seen.push(storage.getStore());
      if (idOf(request) === "/1") throw new Error("thrown");
      return new Promise(() => {});
    }, {
      onError(error) {
        entered.push(storage.getStore());
        storage.enterWith(String(error));
      },
    });
    void peer.send(request(specOf(1)), request(specOf(3)));
    await peer.reply(1);
    // The record that cannot be one stands behind a whole request.
    void peer.send(concat([request(specOf(5)), new Uint8Array(8)]));
    while (entered.length < 2) await new Promise((resolve) => setTimeout(resolve));
    peer.hangUp();
    await peer.served;
    peer.takeErrors();
    assertEquals(entered, [undefined, undefined]);
    assertEquals(seen, Array(5).fill(undefined));
  });

  it("does not reach the read loop through a body that is waited for", async () => {
    const seen: unknown[] = [];
    const handler: ServeHandler = (request) => {
      seen.push(storage.getStore());
      request.signal.addEventListener("abort", () => seen.push(storage.getStore()));
      if (idOf(request) === "/3") return new Promise(() => {});
      return storage.run("inside", async () => new Response(`${(await request.bytes()).length}`));
    };
    await using peer = new Peer(handler, { maxBufferedBodyBytes: 1000 });
    void peer.send(openRequest(specOf(1)));
    for (let i = 0; i < 20; i++) void peer.send(stdin("x".repeat(900)));
    void peer.send(stdin());
    assertEquals((await peer.reply()).text, "18000");
    void peer.send(request(specOf(3)));
    await peer.fence();
    void peer.send(abort(3));
    await peer.reply(3);
    assertEquals(seen, [undefined, undefined, undefined]);
  });

  it("is there for onError, which sees what the handler has entered", async () => {
    const seen: unknown[] = [];
    await using peer = new Peer((request) => {
      storage.enterWith(idOf(request));
      throw new Error("thrown");
    }, { onError: () => void seen.push(storage.getStore()) });
    await askTogether(peer);
    peer.takeErrors();
    assertEquals(seen.toSorted(), ids.map((id) => `/${id}`).toSorted());
  });

  it("does not go from the onError of one request that timed out to that of the next", async () => {
    const seen: unknown[] = [];
    await using peer = new Peer(() => new Promise<Response>(() => {}), {
      handlerTimeout: 20,
      onError(_, { request }) {
        seen.push(storage.getStore());
        storage.enterWith(idOf(request!));
      },
    });
    await askTogether(peer);
    peer.takeErrors();
    assertEquals(seen, ids.map(() => undefined));
  });

  it("does not leave serveConnection", async () => {
    const { server, peer } = new Duplex();
    const served = serveConnection(server, enter);
    const writer = peer.writable.getWriter();
    await writer.write(request({ ...specOf(1), keep: false }));
    const reader = peer.readable.getReader();
    while (!(await reader.read()).done);
    await writer.close();
    await served;
    assertEquals(storage.getStore(), undefined);
  });
});
