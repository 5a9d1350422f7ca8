/**
 * Handlers of every temper. Which one a request gets is in its path, so that it keeps it when other
 * steps of the case are left out; what it has read and answered is kept, to be held against what
 * came over the wire.
 *
 * @module
 */
import type { ServeHandlerInfo } from "../../mod.ts";
import type { Bytes } from "../_bytes.ts";
import { BEHAVIOURS } from "./_streams.ts";

/** The header by which an answer is known again. */
export const CALL_HEADER = "x-call";

/** What a handler fails with. */
export class HandlerError extends Error {
  readonly call: Call;

  constructor(call: Call) {
    super("A handler that fails");
    this.call = call;
  }
}

/** How a streamed answer is given. */
interface StreamInit extends ResponseInit {
  /** Its first chunk at once, the others when the case lets the handlers go. */
  gated?: boolean;
  /** It ends with an error. */
  fails?: boolean;
  /** It does not end at all: somebody has to cancel it. */
  endless?: boolean;
}

/** One call of the handler. */
export class Call {
  readonly index: number;
  readonly request: Request;
  readonly info: ServeHandlerInfo;
  readonly #desk: Desk;
  readonly isLate: boolean;
  /** What is answered; `"request"`: what came as the request's body. */
  expected: Uint8Array | "request" | undefined;
  /**
   * A length that its headers give instead of its own: a body whose end is not known at once is cut
   * there.
   */
  cutAt: number | undefined;
  /** Whether the body of the answer may break off. */
  mayBreak = false;
  /** Whether the handler fails or may have failed, or answers what cannot be sent. */
  fails = false;
  /** Whether its answer ends only when the request does. */
  isEndless = false;
  /** Whether an answer has been seen. */
  isAnswered = false;
  /** The request's body, if the handler has read it to its end. */
  read: Uint8Array | undefined;
  /** Whether the handler is done, one way or another. */
  isSettled = false;
  /** Bodies of answers that have neither ended nor been cancelled yet. */
  openBodies = 0;
  completed: "not asked" | "pending" | "settled" = "not asked";
  signal: AbortSignal | undefined;

  constructor(desk: Desk, request: Request, info: ServeHandlerInfo) {
    this.#desk = desk;
    this.index = desk.calls.length;
    this.request = request;
    this.info = info;
    this.isLate = desk.isOpen;
  }

  /** Waits until the case lets the handlers go. */
  get gate(): Promise<void> {
    return this.#desk.gate;
  }

  /** An answer with a body of these bytes. */
  answer(body: Bytes | string, init: ResponseInit = {}): Response {
    this.expected = typeof body === "string" ? new TextEncoder().encode(body) : body;
    return new Response(body, { ...init, headers: this.headers(init.headers) });
  }

  /**
   * An answer with a stream of these chunks, each one given when it is asked for, or after the
   * gate.
   */
  stream(
    chunks: readonly Bytes[],
    { gated = false, fails = false, endless = false, ...init }: StreamInit = {},
  ): Response {
    let next = 0;
    this.isEndless ||= endless;
    this.openBodies++;
    this.mayBreak ||= fails;
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: async (controller) => {
        if (gated && next > 0) await this.gate;
        if (next < chunks.length) return controller.enqueue(chunks[next++].slice());
        if (endless) return await new Promise(() => {});
        if (this.openBodies === 0) return;
        this.openBodies--;
        if (fails) controller.error(new HandlerError(this));
        else controller.close();
      },
      cancel: () => void this.openBodies--,
    }, { highWaterMark: 0 });
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    this.expected = new Uint8Array(length);
    let at = 0;
    for (const chunk of chunks) this.expected.set(chunk, at), at += chunk.length;
    return new Response(body, { ...init, headers: this.headers(init.headers) });
  }

  /** Reads the request's body to its end. */
  async readBody(): Promise<Bytes> {
    const body = new Uint8Array(await this.request.arrayBuffer());
    this.read = body;
    return body;
  }

  headers(init?: HeadersInit): Headers {
    const headers = new Headers(init);
    headers.set(CALL_HEADER, String(this.index));
    return headers;
  }
}

/** Where the handlers of one case sit. */
export class Desk {
  readonly calls: Call[] = [];
  readonly #gate = Promise.withResolvers<void>();
  isOpen = false;

  get gate(): Promise<void> {
    return this.#gate.promise;
  }

  /** Lets all go that wait, and makes the next ones wait no more. */
  open(): void {
    this.isOpen = true;
    this.#gate.resolve();
  }

  /** How many calls failed, or are to. */
  get failures(): number {
    return this.calls.filter(({ fails }) => fails).length;
  }

  /** Whether there is an answer that does not end by itself. */
  get hasEndless(): boolean {
    return this.calls.some(({ isEndless, openBodies }) => isEndless && openBodies > 0);
  }

  readonly handler = (request: Request, info: ServeHandlerInfo): Response | Promise<Response> => {
    const call = new Call(this, request, info);
    this.calls.push(call);
    const number = Number(/^https?:\/\/[^/]*\/(\d{1,3})/.exec(request.url)?.[1] ?? 0);
    let response: Response | Promise<Response>;
    try {
      response = HANDLERS[number % HANDLERS.length](call);
    } catch (error) {
      call.isSettled = true;
      throw error;
    }
    if (response instanceof Promise) {
      return response.finally(() => void (call.isSettled = true));
    }
    call.isSettled = true;
    return response;
  };
}

/** Long enough for more than one record. */
const LONG = new Uint8Array(70_000).map((_, i) => i * 7 ^ i >> 8);
const PARTS = [3, 0, 500, 1].map((length, i) => new Uint8Array(length).fill(65 + i));

const HANDLERS: readonly ((call: Call) => Response | Promise<Response>)[] = [
  (call) => call.answer("quick\n"),
  (call) => call.answer(new Uint8Array([0, 255, 10, 13])),
  // Ends with the request's body.
  (call) => {
    call.expected = "request";
    call.fails = call.mayBreak = true;
    return new Response(call.request.body, { headers: call.headers() });
  },
  async (call) => {
    call.fails = true;
    const body = await call.readBody();
    call.fails = false;
    return call.answer(body);
  },
  async (call) => {
    await call.gate;
    return call.answer("slow\n");
  },
  (call) => call.stream(PARTS),
  (call) => {
    // Its rejection is nobody's: no program may end for it.
    void call.info.completed;
    return call.stream(PARTS, { gated: true });
  },
  async (call) => {
    await call.gate;
    return call.stream(PARTS, { gated: true, headers: { "content-length": "504" } });
  },
  (call) => {
    call.fails = true;
    throw new HandlerError(call);
  },
  async (call) => {
    call.fails = true;
    await undefined;
    throw new HandlerError(call);
  },
  (call) => {
    // A body that fails at once becomes a 500.
    call.fails = true;
    return call.stream(PARTS.slice(0, call.request.url.length % 4), { fails: true });
  },
  (call) => {
    call.fails = true;
    return call.stream(PARTS, { fails: true, gated: true });
  },
  (call) => {
    call.expected = new Uint8Array();
    return new Response(null, { status: 204, headers: call.headers() });
  },
  (call) => {
    call.expected = new Uint8Array();
    return new Response(null, { status: 304, headers: call.headers({ etag: '"a"' }) });
  },
  (call) => {
    call.fails = true;
    return "no response" as unknown as Response;
  },
  async (call) => {
    call.fails = true;
    const response = call.answer("used");
    await response.text();
    return response;
  },
  // Reads a part of the body and gives up.
  async (call) => {
    const reader = call.request.body?.getReader();
    call.fails = true;
    await reader?.read();
    call.fails = false;
    void reader?.cancel().catch(() => {});
    return call.answer("enough");
  },
  (call) => {
    // Longer, or shorter, than it says.
    call.fails = true;
    call.mayBreak = true;
    const isLong = call.request.url.length % 2 === 0;
    const headers = { "content-length": isLong ? "5" : "600" };
    const response = call.stream(PARTS, { headers, gated: call.request.url.length % 4 > 1 });
    if (isLong) call.cutAt = 5;
    return response;
  },
  (call) => {
    call.info.log("first\nsecond");
    const response = call.stream(PARTS, { gated: true });
    void call.gate.then(() => call.info.log("late"));
    return response;
  },
  (call) => call.answer(LONG.slice()),
  async (call) => {
    call.fails = true;
    const signal = call.signal = call.request.signal;
    await Promise.race([
      call.gate,
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    ]);
    signal.throwIfAborted();
    call.fails = false;
    return call.answer("waited");
  },
  (call) => {
    call.completed = "pending";
    const settle = (): void => void (call.completed = "settled");
    call.info.completed.then(settle, settle);
    call.info.waitUntil(call.gate.then(() => Promise.reject(new HandlerError(call))));
    return call.stream([LONG.slice(), LONG.slice()]);
  },
  // Both halves of a body.
  async (call) => {
    call.fails = true;
    const clone = call.request.clone();
    const [body] = await Promise.all([call.readBody(), clone.arrayBuffer()]);
    call.fails = false;
    return call.answer(body, { status: 404 });
  },
  // Reads the Filter's data too, and late. Both at once, for the data comes behind the body, which
  // must not stand in its way.
  async (call) => {
    call.fails = true;
    await call.gate;
    const { data } = call.info;
    const [body, rest] = await Promise.all([
      call.readBody(),
      data === null ? null : new Response(data).arrayBuffer(),
    ]);
    call.fails = false;
    return call.answer(`${body.length} ${rest?.byteLength}`);
  },
  (call) => call.stream(PARTS, { endless: true, gated: true }),
  async (call) => {
    await call.gate;
    return call.stream([LONG, LONG], { endless: true });
  },
];

if (HANDLERS.length !== BEHAVIOURS) throw new RangeError(`There are ${HANDLERS.length} handlers`);
