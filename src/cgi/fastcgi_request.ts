/**
 * A `Request` whose `signal` is made when it is first asked for.
 *
 * An `AbortController` per request, handed to the constructor, costs 8 µs on Node and 4 on Deno,
 * and most handlers never look. The subclass is free, and what is made from it follows its signal
 * wherever the runtime asks for `signal` in the open: `new Request(url, request)`, `fetch(url,
 * request)` and `clone()` everywhere, `new Request(request)` and `fetch(request)` on Deno and Bun.
 * In these last two Node reads a private field nobody can reach; there it takes `fetch(request, {
 * signal: request.signal })`.
 */

/** Makes the signal; called at most once per request. */
export type SignalSource = () => AbortSignal;

/** A `Request` with a lazy signal. */
export class FastCgiRequest extends Request {
  #source: SignalSource;
  #signal: AbortSignal | null = null;

  constructor(input: string | Request, init: RequestInit | undefined, source: SignalSource) {
    super(input, init);
    this.#source = source;
  }

  override get signal(): AbortSignal {
    return this.#signal ??= this.#source();
  }

  override clone(): Request {
    return new FastCgiRequest(super.clone(), undefined, () => this.signal);
  }

  static {
    // Whoever inspects a request or compares names sees the `Request` it is.
    Object.defineProperty(this, "name", { value: "Request", configurable: true });

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
          return #source in this ? this.signal : inherited.call(this);
        },
      });
    }
  }
}
