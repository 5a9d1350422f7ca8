/**
 * The end of a response's body: whatever ends its request before it has ended itself cancels it,
 * once. Its source is a timer, a file or a subscription, and goes on for ever otherwise.
 */
import { RecordType, Role } from "../../src/protocol/mod.ts";
import type { ErrorHandler, ServeHandler, ServeRole } from "../../mod.ts";
import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { ManualBody } from "./_manual_body.ts";
import { Peer, type PeerOptions } from "./_peer.ts";
import { quiet } from "./_quiet.ts";
import { abort, openRequest, request, stdin } from "./_request.ts";

/** A body that never ends of itself, and what becomes of it. */
class Source {
  /** What `cancel` was called with, each time. */
  readonly reasons: unknown[] = [];
  pulls = 0;
  readonly stream: ReadableStream<Uint8Array>;
  #controller!: ReadableStreamDefaultController<unknown>;

  /** @param chunks What it has at once; nothing else comes. */
  constructor(...chunks: unknown[]) {
    this.stream = new ReadableStream<unknown>({
      start: (controller) => {
        this.#controller = controller;
        for (const chunk of chunks) controller.enqueue(chunk);
      },
      pull: () => {
        this.pulls++;
        return new Promise(() => {});
      },
      cancel: (reason) => {
        this.reasons.push(reason);
        // Nobody hears of this: the request has another end already.
        throw new Error("The cancel fails as well");
      },
    }, { highWaterMark: 0 }) as ReadableStream<Uint8Array>;
  }

  push(chunk: unknown): void {
    this.#controller.enqueue(chunk);
  }
}

const TEXT = new Uint8Array([104, 105]);

/** A request whose response has a body that does not end, and what ends it. */
interface Case {
  handler: (source: Source, request: Request, started: () => void) => ReturnType<ServeHandler>;
  /** What the body has at once. @default "hi" */
  chunks?: unknown[];
  /** Sent instead of a GET. */
  request?: Uint8Array;
  options?: PeerOptions;
  onError?: (source: Source) => ReturnType<ErrorHandler>;
  /** Whether `end` waits for the handler to say that it has started. */
  isAwaited?: boolean;
  /** Ends it. */
  end?: (peer: Peer, source: Source) => unknown;
  /** The status of the answer; none where it is not awaited. */
  status?: number;
  /** How many errors are told. @default 0 */
  errors?: number;
  /** Whether the reason is an Error. @default true */
  hasReason?: boolean;
}

const HUGE = { "x-huge": "x".repeat(70_000) };

const stream = (source: Source, init?: ResponseInit) => new Response(source.stream, init);

/** Waits for `request.signal` to abort, then answers. */
const afterAbort: Case["handler"] = (source, request, started) =>
  new Promise((resolve) => {
    request.signal.addEventListener("abort", () => resolve(stream(source)));
    started();
  });

/** By now the head is out. */
const begun = async (peer: Peer) => assertEquals((await peer.nextOf(1)).type, RecordType.STDOUT);

const CASES: Record<string, Case> = {
  "its first chunk is no bytes": {
    handler: (source) => stream(source),
    chunks: [42],
    status: 500,
    errors: 1,
  },
  "a later chunk is no bytes": {
    handler: (source) => stream(source),
    end: async (peer, source) => {
      await begun(peer);
      source.push(42);
    },
    errors: 1,
  },
  "its header block is too large": {
    handler: (source) => stream(source, { headers: HUGE }),
    status: 500,
    errors: 1,
  },
  "its header block is too large, of a body that gives nothing": {
    handler: (source) => stream(source, { headers: HUGE }),
    chunks: [],
    status: 500,
    errors: 1,
  },
  "its status is refused": {
    handler: (source) => Object.defineProperty(stream(source), "status", { value: 101 }),
    status: 500,
    errors: 1,
  },
  "the error page that it belongs to has too large a header block": {
    handler: () => Promise.reject(new Error("reason")),
    onError: (source) => stream(source, { status: 500, headers: HUGE }),
    status: 500,
    errors: 2,
  },
  "the error page that it belongs to gives no bytes": {
    handler: () => Promise.reject(new Error("reason")),
    onError: (source) => stream(source, { status: 500 }),
    chunks: [42],
    status: 500,
    errors: 2,
  },
  "an authorizer's error page would be a grant": {
    handler: () => Promise.reject(new Error("reason")),
    onError: (source) => stream(source, { status: 200 }),
    request: request({ role: Role.AUTHORIZER, stdin: null }),
    options: { roles: ["authorizer"] as ServeRole[] },
    status: 500,
    errors: 1,
  },
  "it answers a HEAD": {
    handler: (source) => stream(source),
    request: request({ method: "HEAD" }),
    status: 200,
    hasReason: false,
  },
  "its status is 204": {
    handler: (source) => Object.defineProperty(stream(source), "status", { value: 204 }),
    status: 204,
    hasReason: false,
  },
  "its status is 304": {
    handler: (source) => Object.defineProperty(stream(source), "status", { value: 304 }),
    status: 304,
    hasReason: false,
  },
  "it is a grant of an authorizer": {
    handler: (source) => stream(source),
    request: request({ role: Role.AUTHORIZER, stdin: null }),
    options: { roles: ["authorizer"] as ServeRole[] },
    status: 200,
    hasReason: false,
  },
  "it is longer than its Content-Length": {
    handler: (source) => stream(source, { headers: { "content-length": "1" } }),
    status: 200,
    errors: 1,
  },
  "it is aborted before it gives anything": {
    handler: (source, _, started) => {
      started();
      return stream(source);
    },
    isAwaited: true,
    chunks: [],
    end: (peer) => void peer.send(abort()),
  },
  "it is aborted in the middle": {
    handler: (source) => stream(source),
    end: async (peer) => {
      await begun(peer);
      void peer.send(abort());
    },
  },
  "the connection breaks in the middle": {
    handler: (source) => stream(source),
    end: async (peer) => {
      await begun(peer);
      peer.hangUp();
    },
  },
  "the handler answers after the abort": {
    handler: afterAbort,
    isAwaited: true,
    end: (peer) => void peer.send(abort()),
  },
  "the handler answers after the connection has gone": {
    handler: afterAbort,
    isAwaited: true,
    end: (peer) => peer.hangUp(),
  },
  "the handler answers when its request's body is too large": {
    handler: afterAbort,
    isAwaited: true,
    request: openRequest(),
    options: { maxBodyBytes: 1 },
    end: (peer) => void peer.send(stdin("too large")),
    status: 413,
  },
  "the request's body is too large, and the response gives nothing yet": {
    handler: (source, _, started) => {
      started();
      return stream(source);
    },
    isAwaited: true,
    chunks: [],
    request: openRequest(),
    options: { maxBodyBytes: 1 },
    end: (peer) => void peer.send(stdin("too large")),
  },
};

let broken: ManualBody | undefined;

/** Failures that have no request to answer any more, or never had one. */
const UNASKED: Record<string, { handler: ServeHandler; end: (peer: Peer) => unknown }> = {
  "a response that breaks off": {
    handler: () => {
      broken = new ManualBody();
      broken.push("begun");
      return new Response(broken.stream);
    },
    end: async (peer) => {
      await begun(peer);
      broken?.error(new Error("reason"));
      await peer.rest();
    },
  },
  "a promise of info.waitUntil": {
    handler: (_, info) => {
      info.waitUntil(Promise.reject(new Error("reason")));
      return new Response();
    },
    end: (peer) => peer.reply(),
  },
  "a peer that breaks the protocol": {
    handler: () => new Response(),
    end: async (peer) => {
      await peer.reply();
      void peer.send(new Uint8Array(8));
      await peer.rest();
    },
  },
};

describe("the body of a response is cancelled, once, when", () => {
  for (const [when, each] of Object.entries(CASES)) {
    it(when, async () => {
      const source = new Source(...each.chunks ?? [TEXT]);
      const started = Promise.withResolvers<void>();
      let errors = 0;
      await using peer = new Peer(
        (request) => each.handler(source, request, started.resolve),
        { ...each.options, onError: () => ++errors === 1 ? each.onError?.(source) : undefined },
      );
      void peer.send(each.request ?? request());
      if (each.isAwaited) await started.promise;
      await each.end?.(peer, source);
      if (each.status !== undefined) assertEquals((await peer.reply()).status, each.status);
      await quiet(() => source.reasons.length + source.pulls + peer.writes.length);
      assertEquals(source.reasons.length, 1);
      assertEquals(source.reasons[0] instanceof Error, each.hasReason ?? true);
      peer.hangUp();
      await peer.served;
      await quiet(() => source.reasons.length);
      assertEquals([source.reasons.length, peer.takeErrors().length], [1, each.errors ?? 0]);
    });
  }

  for (const [name, { end, ...each }] of Object.entries(UNASKED)) {
    it(`it belongs to an error page that nobody gets, of ${name}`, async () => {
      const source = new Source(TEXT);
      let calls = 0;
      await using peer = new Peer(each.handler, {
        onError: () => calls++ === 0 ? stream(source) : undefined,
      });
      void peer.send(request());
      await end(peer);
      await quiet(() => source.reasons.length + calls);
      assertEquals([source.reasons.length, peer.takeErrors().length], [1, 1]);
    });
  }
});

it("the body of a response that has ended is not cancelled", async () => {
  let cancels = 0;
  const body = Promise.withResolvers<ReadableStreamDefaultController<Uint8Array>>();
  await using peer = new Peer(() =>
    new Response(
      new ReadableStream({
        start: (controller) => {
          controller.enqueue(TEXT);
          body.resolve(controller);
        },
        cancel: () => void cancels++,
      }),
    )
  );
  void peer.send(request());
  await begun(peer);
  (await body.promise).close();
  await peer.reply();
  peer.hangUp();
  await peer.served;
  assertEquals(cancels, 0);
});
