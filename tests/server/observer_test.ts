/** What an observer is told of requests: those that were answered, refused, broken off, aborted. */
import { serveObserved } from "../../src/serve/serve.ts";
import type { EndedRequest } from "../../src/server/application/observer.ts";
import type { ServeHandler, ServeSettings } from "../../mod.ts";
import { encodeRecord, RecordType } from "../../src/protocol/mod.ts";
import { assertEquals } from "../_assert.ts";
import { utf8 } from "../_bytes.ts";
import { captureConsoleError } from "../_console.ts";
import { describe, it } from "../_harness.ts";
import { waitUntil } from "../_runtime.ts";
import { RawPeer, requestHead } from "../runtime/_raw_peer.ts";

/** A server that keeps what its observer is told. */
async function observed(
  handler: ServeHandler,
  options: ServeSettings,
  use: (peer: RawPeer, told: EndedRequest[]) => Promise<void>,
): Promise<void> {
  const told: EndedRequest[] = [];
  const server = serveObserved(
    { port: 0, onListen: () => {}, onError: () => {}, handleSignals: false, ...options },
    handler,
    { begin: () => (request) => void told.push(request) },
  );
  try {
    await using peer = await RawPeer.connect(await server.ready);
    await use(peer, told);
  } finally {
    await server.shutdown();
  }
}

/** What matters of it: method, URL, status, bytes, whether it was sent to its end. */
function summary({ method, params, head, bytes, isComplete }: EndedRequest): unknown[] {
  const status = /^Status: (\d+)/m.exec(head)?.[1] ?? "none";
  return [method, params.get("REQUEST_URI"), status, bytes, isComplete];
}

const STREAM = () => {
  let left = 5;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (left-- > 0) controller.enqueue(new Uint8Array(30_000));
      else controller.close();
    },
  });
};

const BREAKS = () => {
  let left = 1;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (left-- > 0) controller.enqueue(new Uint8Array(100));
      else controller.error(new Error("broken"));
    },
  });
};

const app: ServeHandler = (request) => {
  const { pathname } = new URL(request.url);
  switch (pathname) {
    case "/text":
      return new Response("1234567");
    case "/bytes":
      return new Response(new Uint8Array(200_000), { status: 201 });
    case "/stream":
      return new Response(STREAM());
    case "/none":
      return new Response(null, { status: 204 });
    case "/throws":
      throw new Error("no");
    case "/breaks":
      return new Response(BREAKS());
    default:
      return new Promise<Response>(() => {});
  }
};

describe("an observer is told", () => {
  for (
    const [uri, method, answer] of [
      ["/text", "GET", ["200", 7, true]],
      ["/text", "HEAD", ["200", 0, true]],
      ["/bytes", "GET", ["201", 200_000, true]],
      ["/stream", "GET", ["200", 150_000, true]],
      ["/none", "GET", ["204", 0, true]],
      ["/throws", "GET", ["500", 22, true]],
    ] as const
  ) {
    it(`of ${method} ${uri}: ${answer.join(", ")}`, () =>
      observed(app, {}, async (peer, told) => {
        const { body } = await peer.fetch({ uri, method });
        assertEquals(told.map(summary), [[method, uri, ...answer]]);
        assertEquals(body.length, answer[1]);
      }));
  }

  it("of one whose answer breaks off, with what was sent", () =>
    observed(app, {}, async (peer, told) => {
      peer.send(requestHead({ uri: "/breaks" }));
      await peer.closing();
      assertEquals(told.map(summary), [["GET", "/breaks", "200", 100, false]]);
    }));

  it("of one that is aborted", () =>
    observed(app, {}, async (peer, told) => {
      peer.send(requestHead({ uri: "/hangs" }), encodeRecord(RecordType.ABORT_REQUEST, 1));
      await waitUntil(() => told.length > 0);
      assertEquals(told.map(summary), [["GET", "/hangs", "none", 0, false]]);
    }));

  it("of one whose connection is lost", () =>
    observed(app, {}, async (peer, told) => {
      peer.send(requestHead({ uri: "/hangs" }));
      await peer.fence();
      peer.reset();
      await waitUntil(() => told.length > 0);
      assertEquals(told.map(summary), [["GET", "/hangs", "none", 0, false]]);
    }));

  it("of what no handler has seen: 413, 404, 503", async () => {
    await observed(app, { maxBodyBytes: 2 }, async (peer, told) => {
      const params = { CONTENT_LENGTH: "3" };
      await peer.fetch({ uri: "/text", method: "POST", params, body: utf8("abc") });
      assertEquals(told.map(summary).map((row) => row.slice(0, 3)), [["POST", "/text", "413"]]);
    });
    await observed(app, { mount: "/app" }, async (peer, told) => {
      await peer.fetch({ uri: "/text" });
      assertEquals(told.map(summary).map((row) => row.slice(0, 3)), [["GET", "/text", "404"]]);
    });
    await observed(app, { maxRequests: 0 }, async (peer, told) => {
      await peer.fetch({ uri: "/text" });
      // It is refused before its parameters have come.
      assertEquals(told.map(summary), [["", undefined, "503", 0, true]]);
    });
  });

  it("of one that is late", () =>
    observed(app, { handlerTimeout: 50 }, async (peer, told) => {
      await peer.fetch({ uri: "/hangs" });
      assertEquals(told.map(summary), [["GET", "/hangs", "504", 0, true]]);
    }));

  it("and if it throws, the request is answered", async () => {
    const printed = await captureConsoleError(async () => {
      const server = serveObserved(
        { port: 0, onListen: () => {}, handleSignals: false },
        app,
        {
          begin: () => () => {
            throw new Error("no log");
          },
        },
      );
      const peer = await RawPeer.connect(await server.ready);
      assertEquals((await peer.fetch({ uri: "/text" })).text, "1234567");
      await peer[Symbol.asyncDispose]();
      await server.shutdown();
    });
    assertEquals(printed.map(([line]) => String(line).split("\n")[0]), ["Error: no log"]);
  });
});
