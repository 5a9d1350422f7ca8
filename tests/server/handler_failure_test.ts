/** Handlers that throw, or give what is no answer. */
import { assertEquals, assertStrictEquals, assertStringIncludes } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { captureConsoleError } from "../_console.ts";
import { RecordType } from "../../src/protocol/mod.ts";
import type { ServeHandler } from "../../mod.ts";
import { ManualBody } from "./_manual_body.ts";
import { Peer } from "./_peer.ts";
import { COMPLETE } from "./_reply.ts";
import { at, request } from "./_request.ts";

describe("a handler that fails", () => {
  const reason = new Error("The reason of it all");
  const used = new Response("used");
  /** Each way to fail, and a part of what onError hears. */
  const failures: Record<string, [handler: () => unknown, heard: string]> = {
    "throws": [() => {
      throw reason;
    }, "The reason of it all"],
    "rejects": [() => Promise.reject(reason), "The reason of it all"],
    "throws what is no Error": [() => {
      // deno-lint-ignore no-throw-literal
      throw "The reason of it all";
    }, "The reason of it all"],
    "rejects with nothing": [() => Promise.reject(), "undefined"],
    "returns undefined": [() => undefined, "undefined"],
    "resolves with undefined": [() => Promise.resolve(), "undefined"],
    "returns null": [() => null, "null"],
    "returns a string": [() => "text", "text"],
    "returns an object": [() => ({ status: 200 }), "Object"],
    "returns a used Response": [async () => {
      if (!used.bodyUsed) await used.text();
      return used;
    }, "used"],
    "returns a Response that is being read": [() => {
      const response = new Response(new ManualBody().stream);
      response.body?.getReader();
      return response;
    }, "used"],
    "returns Response.error()": [() => Response.error(), ""],
    // Node refuses to make one, which is a handler that throws.
    "returns a Response with status 101": [() => new Response(null, { status: 101 }), ""],
    ...Object.fromEntries(
      ["status", "headers", "body", "bodyUsed"].map((name) => [
        `returns a Response whose ${name} throws`,
        [() =>
          Object.defineProperty(new Response("text"), name, {
            get() {
              throw reason;
            },
          }), "The reason of it all"],
      ]),
    ),
    "returns a body whose chunk is no bytes": [() => {
      return new Response(
        new ReadableStream<unknown>({
          start(controller) {
            controller.enqueue({ reason: "The reason of it all" });
            controller.close();
          },
        }) as ReadableStream<Uint8Array>,
      );
    }, "not bytes or text"],
    "returns a body that fails before its first chunk": [() => {
      const body = new ManualBody();
      body.error(reason);
      return new Response(body.stream);
    }, "The reason of it all"],
  };

  for (const [how, [fail, heard]] of Object.entries(failures)) {
    it(`${how}: 500, onError hears of it once, the log after STDOUT, the client not`, async () => {
      await using peer = new Peer(fail as ServeHandler);
      const reply = await peer.ask();
      assertEquals([reply.status, reply.end], [500, COMPLETE]);
      assertEquals(reply.stdout.length > 0 && reply.text.includes("reason"), false);
      const errors = peer.takeErrors();
      assertEquals(errors.length, 1);
      assertStringIncludes(String(errors[0]), heard);
      assertStringIncludes(reply.stderr, heard);
      assertEquals(reply.stderr.trimEnd().includes("\n"), false);
      assertEquals(reply.types.indexOf(RecordType.STDOUT), 0);
      // The connection is none the worse for it.
      assertEquals((await peer.ask()).status, 500);
      peer.takeErrors();
    });
  }

  it("gives the error itself to onError", async () => {
    await using peer = new Peer(() => Promise.reject(reason));
    await peer.ask();
    assertStrictEquals(peer.takeErrors()[0], reason);
  });

  it("is answered with the Response that onError returns", async () => {
    for (const wrap of [(response: Response) => response, Promise.resolve.bind(Promise)]) {
      await using peer = new Peer(() => Promise.reject(reason), {
        onError: () => wrap(new Response("Sorry", { status: 418, headers: { "x-a": "b" } })),
      });
      const reply = await peer.ask();
      assertEquals([reply.status, reply.text, reply.header("x-a")], [418, "Sorry", "b"]);
      peer.takeErrors();
    }
  });

  it("is answered 500 when onError throws, and both failures are printed", async () => {
    const other = new Error("onError's own");
    const broken: (() => never | Promise<never>)[] = [
      () => {
        throw other;
      },
      () => Promise.reject(other),
    ];
    for (const onError of broken) {
      const printed = await captureConsoleError(async () => {
        await using peer = new Peer(() => Promise.reject(reason), { onError });
        const reply = await peer.ask();
        assertEquals([reply.status, reply.end], [500, COMPLETE]);
        peer.takeErrors();
      });
      const text = printed.map(String);
      assertEquals(text.length, 2);
      assertStringIncludes(text[0]!, String(reason));
      assertStringIncludes(text[1]!, String(other));
    }
  });

  it("is answered 500 when the Response of onError cannot be sent", async () => {
    const answers = [() => Response.error(), () => {
      const body = new ManualBody();
      body.error(new Error("as well"));
      return new Response(body.stream);
    }];
    for (const onError of answers) {
      await using peer = new Peer(() => Promise.reject(reason), { onError });
      const reply = await peer.ask();
      assertEquals([reply.status, reply.end], [500, COMPLETE]);
      peer.takeErrors();
    }
  });

  it("is answered 500 without a body where the method is HEAD", async () => {
    await using peer = new Peer(() => Promise.reject(reason));
    const reply = await peer.ask({ method: "HEAD" });
    assertEquals([reply.status, reply.text], [500, ""]);
    peer.takeErrors();
  });

  it("leaves the other requests of the connection alone", async () => {
    await using peer = new Peer((request) => {
      if (request.url.endsWith("/bad")) throw reason;
      return new Response("good");
    });
    void peer.send(
      request(at("/bad", { id: 1 })),
      request({ id: 2 }),
    );
    assertEquals([(await peer.reply(1)).status, (await peer.reply(2)).text], [500, "good"]);
    peer.takeErrors();
  });
});
