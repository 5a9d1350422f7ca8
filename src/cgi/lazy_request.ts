/**
 * A `Request` whose expensive parts are created on first access.
 *
 * The signal: an `AbortController` per request, passed to the constructor, costs 8 µs on Node and 4
 * on Deno, and most handlers never look at it. The subclass costs nothing, and a request made from
 * it follows its signal wherever the runtime reads `signal` through the accessor: in
 * `new Request(url, request)`, `fetch(url, request)` and `clone()` everywhere, in
 * `new Request(request)` and `fetch(request)` on Deno and Bun. For these last two Node reads a
 * private field out of reach; there it takes `fetch(request, { signal: request.signal })`.
 *
 * The headers: the same, where the runtime reads `headers` through the accessor (Bun); the methods
 * that read them internally fill them first. Elsewhere they are filled from the start.
 */
import type { CgiParams } from "./params.ts";
import { fillHeaders } from "./fill_headers.ts";
import { requestHeaders } from "./request_headers.ts";

// As loaded: applications replace globals.
const { Headers, Request, TextDecoder } = globalThis;

/** The decoder of the Fetch standard ("UTF-8 decode"): without a byte order mark. */
const utf8 = new TextDecoder();

/** Creates the signal; called at most once per request. */
export type SignalSource = () => AbortSignal;

/** Takes a body whole: reads the stream to its end, into a buffer of its own. */
export type BodyCollector = (
  stream: ReadableStream<Uint8Array>,
) => PromiseLike<Uint8Array<ArrayBuffer>>;

/** What a request gets its expensive parts from. */
interface Sources {
  readonly signal?: SignalSource;
  readonly collect?: BodyCollector;
}

/**
 * The actual shape of `Request`, a class with accessors and methods. Without the DOM library the
 * types of Node and of Bun declare fields instead, and an accessor cannot override a field.
 */
declare class RequestClass {
  constructor(input: string | Request, init?: RequestInit);
  get headers(): Headers;
  get signal(): AbortSignal;
  get body(): Request["body"];
  get bodyUsed(): boolean;
  clone(): Request;
  arrayBuffer(): ReturnType<Request["arrayBuffer"]>;
  blob(): ReturnType<Request["blob"]>;
  bytes(): ReturnType<Request["bytes"]>;
  formData(): ReturnType<Request["formData"]>;
  json(): ReturnType<Request["json"]>;
  text(): ReturnType<Request["text"]>;
}
type Overridden =
  | ("headers" | "signal" | "body" | "bodyUsed" | "clone")
  | ("arrayBuffer" | "blob" | "bytes" | "formData" | "json" | "text");
interface RequestClass extends Omit<Request, Overridden> {}
const Base = Request as unknown as typeof RequestClass;

/** Whether a `Request` made from another reads its headers through the accessor, not internally. */
const asksForHeaders = (() => {
  class Probe extends Base {
    override get headers(): Headers {
      return new Headers({ probe: "asked" });
    }
  }
  return new Request(new Probe("http://localhost/")).headers.has("probe");
})();

/** The method by which a value customizes its `console.log` output. */
const inspect = Symbol.for("nodejs.util.inspect.custom");

/** A `Request` with a lazy signal and, where the difference cannot be observed, lazy headers. */
export class FastCgiRequest extends Base {
  /** The source of the headers; `null` once they are filled. */
  #params: CgiParams | null;
  #source: SignalSource | null;
  #signal: AbortSignal | null = null;
  #collect: BodyCollector | null;

  constructor(
    input: string | Request,
    init: RequestInit | undefined,
    params: CgiParams | null,
    { signal, collect }: Sources,
  ) {
    super(input, init);
    this.#params = params;
    this.#source = signal ?? null;
    this.#collect = collect ?? null;
    if (!asksForHeaders) this.#fillHeaders();
  }

  override get headers(): Headers {
    this.#fillHeaders();
    return super.headers;
  }

  override get signal(): AbortSignal {
    return this.#signal ??= this.#source?.() ?? super.signal;
  }

  override clone(): Request {
    this.#fillHeaders();
    // From now on the body is a branch of what it was.
    this.#collect = null;
    return new FastCgiRequest(super.clone(), undefined, null, { signal: () => this.signal });
  }

  // A body that is a stream costs half as much to take whole if it never passes through it.
  override arrayBuffer(): ReturnType<Request["arrayBuffer"]> {
    return this.#collected<ReturnType<Request["arrayBuffer"]>>(({ buffer }) => buffer) ??
      super.arrayBuffer();
  }

  override bytes(): ReturnType<Request["bytes"]> {
    return this.#collected<ReturnType<Request["bytes"]>>((bytes) => bytes) ?? super.bytes();
  }

  override text(): ReturnType<Request["text"]> {
    return this.#collected<ReturnType<Request["text"]>>((bytes) => utf8.decode(bytes)) ??
      super.text();
  }

  override json(): ReturnType<Request["json"]> {
    return this.#collected<ReturnType<Request["json"]>>((bytes) =>
      JSON.parse(utf8.decode(bytes))
    ) ?? super.json();
  }

  // These two look at the Content-Type.
  override blob(): ReturnType<Request["blob"]> {
    this.#fillHeaders();
    return super.blob();
  }

  override formData(): ReturnType<Request["formData"]> {
    this.#fillHeaders();
    return super.formData();
  }

  /** Takes the body whole; `undefined` if that is for the runtime to do, or to refuse. */
  #collected<Result>(value: (bytes: Uint8Array<ArrayBuffer>) => unknown): Result | undefined {
    const collect = this.#collect;
    this.#collect = null;
    if (collect === null || super.bodyUsed) return undefined;
    const stream = super.body;
    if (stream === null || stream.locked) return undefined;
    const collected = collect(stream as ReadableStream<Uint8Array>);
    return collected.then(value) as Result;
  }

  #fillHeaders(): void {
    const params = this.#params;
    if (params === null) return;
    this.#params = null;
    fillHeaders(this, () => super.headers, requestHeaders(params, this.method));
  }

  static {
    // Inspecting a request or comparing constructor names shows the `Request` that it is.
    Object.defineProperty(this, "name", { value: "Request", configurable: true });

    if (asksForHeaders) {
      Object.defineProperty(this.prototype, inspect, {
        configurable: true,
        value(this: FastCgiRequest): Request {
          const { url, method, headers } = this;
          return new Request(url, { method, headers });
        },
      });
    }

    // Deno's `Request` reads signals, its own and those of a `Request` passed to it, through an
    // accessor under a symbol. If that is ever removed, Deno behaves as Node does.
    const symbol = Object.getOwnPropertySymbols(Request.prototype)
      .find(({ description }) => description === "signal");
    const inherited = symbol && Object.getOwnPropertyDescriptor(Request.prototype, symbol)?.get;
    if (symbol && inherited) {
      Object.defineProperty(this.prototype, symbol, {
        configurable: true,
        get(this: FastCgiRequest): AbortSignal {
          // While `Request`'s own constructor runs there are no fields yet.
          return #source in this && this.#source !== null ? this.signal : inherited.call(this);
        },
      });
    }
  }
}
