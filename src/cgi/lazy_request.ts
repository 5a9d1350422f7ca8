/**
 * A `Request` whose costly parts are made when they are first asked for.
 *
 * The signal: an `AbortController` per request, handed to the constructor, costs 8 µs on Node and 4
 * on Deno, and most handlers never look. The subclass is free, and what is made from it follows its
 * signal wherever the runtime asks for `signal` in the open: `new Request(url, request)`,
 * `fetch(url, request)` and `clone()` everywhere, `new Request(request)` and `fetch(request)` on
 * Deno and Bun. In these last two Node reads a private field nobody can reach; there it takes
 * `fetch(request, { signal: request.signal })`.
 *
 * The headers: the same, where the runtime asks for `headers` in the open (Bun); what it reads
 * behind them fills them first. Elsewhere they are there from the start.
 */
import type { CgiParams } from "./params.ts";
import { appendRequestHeaders } from "./request_headers.ts";

// As loaded: applications replace globals.
const { Headers, Request } = globalThis;

/** Makes the signal; called at most once per request. */
export type SignalSource = () => AbortSignal;

/**
 * `Request` as it is, a class with accessors and methods. The types of Node and of Bun have fields
 * in their place, without the DOM library, and a field cannot be overridden by an accessor.
 */
declare class RequestClass {
  constructor(input: string | Request, init?: RequestInit);
  get headers(): Headers;
  get signal(): AbortSignal;
  clone(): Request;
  blob(): ReturnType<Request["blob"]>;
  formData(): ReturnType<Request["formData"]>;
}
interface RequestClass extends Omit<Request, "headers" | "signal" | "clone" | "blob" | "formData"> {
}
const Base = Request as unknown as typeof RequestClass;

/** Whether a `Request` made from another one asks that for its headers, rather than look inside. */
const asksForHeaders = (() => {
  class Probe extends Base {
    override get headers(): Headers {
      return new Headers({ probe: "asked" });
    }
  }
  return new Request(new Probe("http://localhost/")).headers.has("probe");
})();

/** How a value shows itself to `console.log`. */
const inspect = Symbol.for("nodejs.util.inspect.custom");

/** A `Request` with a lazy signal and, where that cannot be noticed, lazy headers. */
export class FastCgiRequest extends Base {
  /** What the headers are made of, until they are. */
  #params: CgiParams | null;
  #source: SignalSource | null;
  #signal: AbortSignal | null = null;

  constructor(
    input: string | Request,
    init: RequestInit | undefined,
    params: CgiParams | null,
    source: SignalSource | null,
  ) {
    super(input, init);
    this.#params = params;
    this.#source = source;
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
    return new FastCgiRequest(super.clone(), undefined, null, () => this.signal);
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

  #fillHeaders(): void {
    const params = this.#params;
    if (params === null) return;
    this.#params = null;
    appendRequestHeaders(super.headers, params, this.method);
  }

  static {
    // Whoever inspects a request or compares names sees the `Request` it is.
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

    // Deno's `Request` reads signals, its own and those of a `Request` given to it, through an
    // accessor under a symbol. Should that ever go, Deno does as Node.
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
