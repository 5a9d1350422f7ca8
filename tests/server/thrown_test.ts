/**
 * Whatever an application throws, or hands over where something else belongs, is a failed request
 * and no more: the next one on the connection is answered. A rejection that nobody handles would
 * fail the test by itself, as it would end a program.
 */
import { assertEquals, assertInstanceOf, assertStringIncludes } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { runtime } from "../_runtime.ts";
import { THROWN } from "../_thrown.ts";
import type { ServeHandler, ServeHandlerInfo } from "../../mod.ts";
import { captureConsoleError } from "../_console.ts";
import { ManualBody } from "./_manual_body.ts";
import { Peer, type PeerOptions } from "./_peer.ts";
import { at, request } from "./_request.ts";

/** Asks for `/bad` and then for `/good`; what is printed meanwhile is text, and returned. */
async function ask(
  handler: ServeHandler,
  options: PeerOptions = {},
): Promise<{ status: number; stderr: string; printed: string[] }> {
  let status = 0;
  let stderr = "";
  const printed = await captureConsoleError(async () => {
    await using peer = new Peer(
      (request, info) =>
        request.url.endsWith("/good") ? new Response("good") : handler(request, info),
      options,
    );
    const reply = await peer.ask(at("/bad"));
    ({ status, stderr } = reply);
    assertEquals((await peer.ask(at("/good"))).text, "good");
    peer.takeErrors();
  });
  for (const [text] of printed) assertEquals(typeof text, "string");
  return { status, stderr, printed: printed.map(([text]) => text as string) };
}

/** Deno asks for the prototype of what a stream fails with, whoever has the stream (Deno 2.9.6). */
const skipStream = (name: string) =>
  runtime === "deno" && name.includes("proxy") && !name.startsWith("an error") &&
  "Deno's streams end the process of a proxy that throws";

for (const [name, make] of Object.entries(THROWN)) {
  const skip = skipStream(name);
  describe(`a server, of ${name}`, () => {
    it("answers 500 when a handler throws it", async () => {
      const { status, stderr } = await ask(() => {
        throw make();
      });
      assertEquals(status, 500);
      assertEquals(stderr.indexOf("\n"), stderr.length - 1);
    });

    it("answers 500 when a handler rejects with it, and prints it without onError", async () => {
      const { status, printed } = await ask(() => Promise.reject(make()), { onError: "default" });
      assertEquals([status, printed.length], [500, 1]);
    });

    it("answers 500 when a response body fails with it at once", { skip }, async () => {
      const { status } = await ask(() => {
        const body = new ManualBody();
        body.error(make());
        return new Response(body.stream);
      });
      assertEquals(status, 500);
    });

    it("breaks off when a response body fails with it midway", { skip }, async () => {
      const printed = await captureConsoleError(async () => {
        const body = new ManualBody();
        // In a box: a promise would look at what it is resolved with.
        const rejected = Promise.withResolvers<{ reason: unknown }>();
        await using peer = new Peer((_, info) => {
          info.completed.catch((reason) => rejected.resolve({ reason }));
          return new Response(body.stream);
        }, { onError: "default" });
        void peer.send(request());
        await peer.nextOf();
        const reason = make();
        body.error(reason);
        assertEquals((await peer.reply()).end, undefined);
        assertEquals(Object.is((await rejected.promise).reason, reason), true);
        await peer.finish();
      });
      assertEquals(printed.length, 1);
    });

    it("answers 500 when onError throws it, rejects with it, or returns it", async () => {
      const handlers: [(() => never) | (() => Promise<never>), number][] = [
        [() => {
          throw make();
        }, 500],
        [() => Promise.reject(make()), 500],
        [() => make() as never, name === "a Response" ? 404 : 500],
      ];
      for (const [onError, expected] of handlers) {
        const { status } = await ask(() => Promise.reject(make()), { onError });
        assertEquals(status, expected);
      }
    });

    if (name !== "a Response") {
      it("answers 500 when a handler returns it", async () => {
        assertEquals((await ask(() => make() as Response)).status, 500);
      });
    }

    it(
      "aborts request.signal with a DOMException when the connection breaks with it",
      { skip },
      async () => {
        const signals = Promise.withResolvers<AbortSignal>();
        const cancelled = Promise.withResolvers<void>();
        await using peer = new Peer((request) => {
          signals.resolve(request.signal);
          return new Response(
            new ReadableStream({
              start: (controller) => controller.enqueue(new Uint8Array(1)),
              cancel() {
                cancelled.resolve();
                throw make();
              },
            }),
          );
        });
        void peer.send(request());
        await peer.nextOf();
        peer.hangUp(make());
        await cancelled.promise;
        await peer.served;
        assertInstanceOf((await signals.promise).reason, DOMException);
      },
    );

    it("takes it in info.log and info.waitUntil, early and late", async () => {
      let late: ServeHandlerInfo | undefined;
      const { status, stderr, printed } = await ask((_, info) => {
        info.log(make());
        info.waitUntil(make() as Promise<unknown>);
        late = info;
        return new Response();
      });
      assertEquals(status, 200);
      assertEquals(stderr.indexOf("\n"), stderr.length - 1);
      assertEquals(printed, []);
      const again = await captureConsoleError(() => {
        late!.log(make());
        late!.waitUntil(make() as Promise<unknown>);
        return Promise.resolve();
      });
      assertEquals(again.length, 1);
      assertEquals(String(again[0]).includes("\n"), false);
    });
  });
}

describe("a server", () => {
  it("prints nothing where a handler rejects and onError returns a number", async () => {
    const { status, printed } = await ask(() => Promise.reject(new Error("Once")), {
      onError: (() => 1) as unknown as () => void,
    });
    assertEquals([status, printed], [500, []]);
  });

  it("prints a forged line of a late info.log as one line", async () => {
    let late: ServeHandlerInfo | undefined;
    await ask((_, info) => {
      late = info;
      return new Response();
    });
    const printed = await captureConsoleError(() => {
      late!.log("first\n2026-01-01 forged\r\n\x1b[2Jsecond\u2028third\x9b2J\u0085");
      late!.log("first\n    at forged");
      return Promise.resolve();
    });
    assertEquals(printed, [["first 2026-01-01 forged [2Jsecond third 2J"], ["first at forged"]]);
  });

  it("logs an error with its stack, and a number as what it is", async () => {
    const { status, stderr } = await ask((_, { log }) => {
      log(new TypeError("Of a library"));
      log(42);
      return new Response();
    });
    assertEquals(status, 200);
    const [error, number, end] = stderr.split("\n");
    assertStringIncludes(error!, "TypeError: Of a library at ");
    assertStringIncludes(error!, "thrown_test.ts");
    assertEquals([number, end], ["42", ""]);
  });

  it("waits for a thenable given to waitUntil, and reports what it rejects with", async () => {
    const gate = Promise.withResolvers<void>();
    const reason = new Error("Of a thenable");
    await using peer = new Peer((_, { waitUntil }) => {
      waitUntil({
        then: (_: unknown, reject: (reason: unknown) => void) =>
          void gate.promise.then(() => reject(reason)),
      } as unknown as PromiseLike<unknown>);
      return new Response();
    });
    await peer.ask({ keep: false });
    await peer.rest();
    await peer.close();
    assertEquals(peer.isServed, false);
    gate.resolve();
    await peer.served;
    assertEquals(peer.takeErrors(), [reason]);
  });
});
