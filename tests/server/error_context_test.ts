/**
 * Of every failure `onError` hears which request it belongs to, and of a peer's fault that it
 * belongs to none.
 */
import { assertEquals, assertInstanceOf, assertStrictEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { RecordType } from "../../src/protocol/mod.ts";
import type { ServeHandler, ServeHandlerInfo } from "../../mod.ts";
import { ManualBody } from "./_manual_body.ts";
import { Peer, type PeerOptions } from "./_peer.ts";
import { at, begin, openRequest, record, type RequestSpec, stdin } from "./_request.ts";
import { LongTimers } from "./_long_timers.ts";

const failure = new Error("Wanted by the test");

/** A case: how the handler fails, and how often that is told. */
interface Failure {
  name: string;
  handler: ServeHandler;
  options?: PeerOptions;
  spec?: RequestSpec;
  errors?: number;
}

const midway: ServeHandler = () =>
  new Response(
    new ReadableStream({
      start: (controller) => controller.enqueue(new Uint8Array(1)),
      pull: () => new Promise((_, reject) => setTimeout(reject, 5, failure)),
    }),
  );

const FAILURES: Failure[] = [
  {
    name: "a handler that throws",
    handler: () => {
      throw failure;
    },
  },
  { name: "a handler that rejects", handler: () => Promise.reject(failure) },
  { name: "an answer that is none", handler: () => "text" as unknown as Response },
  {
    name: "an answer whose body has been used",
    async handler() {
      const response = new Response("once");
      await response.text();
      return response;
    },
  },
  {
    name: "a response body that fails at once",
    handler: () => new Response(new ReadableStream({ start: (it) => it.error(failure) })),
  },
  { name: "a response body that fails midway", handler: midway },
  {
    name: "a response body that is too long",
    handler: () => {
      const body = new ManualBody();
      setTimeout(() => body.push("12345"), 5);
      return new Response(body.stream, { headers: { "content-length": "3" } });
    },
  },
  {
    name: "a header block that web servers do not take",
    handler: () => new Response("x", { headers: { "x-long": "x".repeat(9000) } }),
  },
  {
    name: "an error page that cannot be sent",
    handler: () => Promise.reject(failure),
    options: { onError: () => Response.error() },
    errors: 2,
  },
  {
    name: "what waitUntil was given",
    handler: (_, { waitUntil }) => {
      waitUntil(Promise.reject(failure));
      return new Response();
    },
  },
  {
    name: "a handler that takes too long",
    handler: () => new Promise(() => {}),
    options: { handlerTimeout: 20 },
  },
  {
    name: "a response that stands still",
    handler: () => {
      const body = new ManualBody();
      body.push("begun");
      return new Response(body.stream);
    },
    options: { handlerTimeout: 20 },
  },
  {
    name: "an authorizer",
    handler: () => Promise.reject(failure),
    options: { roles: ["authorizer"] },
    spec: { role: 2 },
  },
];

describe("onError", () => {
  for (const { name, handler, options, spec, errors = 1 } of FAILURES) {
    it(`hears the request and the info of ${name}`, async () => {
      const called: [Request, ServeHandlerInfo][] = [];
      await using peer = new Peer((request, info) => {
        called.push([request, info]);
        return handler(request, info);
      }, options);
      await peer.ask({ ...spec, keep: false, params: { REQUEST_URI: "/which?one" } });
      assertEquals([called.length, peer.takeErrors().length], [1, errors]);
      const [[request, info]] = called as [[Request, ServeHandlerInfo]];
      assertEquals(request.url, "http://example.org/which?one");
      assertEquals(peer.contexts.length, errors);
      for (const context of peer.contexts) {
        assertStrictEquals(context.request, request);
        assertStrictEquals(context.info, info);
      }
    });
  }

  it("hears the request whose body nobody reads, among others", async () => {
    using timers = new LongTimers();
    const gate = Promise.withResolvers<void>();
    const options = { maxBufferedBodyBytes: 1000 };
    await using peer = new Peer(async ({ url }) => {
      if (url.endsWith("/slow")) await gate.promise;
      return new Response();
    }, options);
    void peer.send(openRequest(at("/slow", { id: 1 })));
    void peer.send(openRequest(at("/slow", { id: 3 })));
    await peer.fence();
    void peer.send(stdin("x".repeat(60_000)));
    await timers.elapse();
    assertEquals((await peer.reply(1)).status, 503);
    assertEquals([peer.takeErrors().length, peer.contexts.length], [1, 1]);
    assertEquals(peer.contexts[0]!.request?.url, "http://example.org/slow");
    assertEquals(peer.contexts[0]!.info?.params.get("REQUEST_METHOD"), "POST");
    gate.resolve();
  });

  it("hears no request of a peer's fault, nor of parameters that do not end", async () => {
    await using bad = new Peer(() => new Response());
    void bad.send(new Uint8Array(8).fill(9));
    await bad.rest();
    await using late = new Peer(() => new Response(), { paramsTimeout: 20 });
    void late.send(begin(), record(RecordType.PARAMS, "\x01"));
    await late.reply();
    for (const peer of [bad, late]) {
      assertInstanceOf(peer.takeErrors()[0], Error);
      assertEquals(peer.contexts, [{}]);
    }
  });
});
