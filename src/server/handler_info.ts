/**
 * What a handler gets as its second argument. Frameworks take it for a context or an environment
 * of their own: they put things into it, inherit from it, wrap it in a proxy.
 *
 * The plan: what a context is copied for (`{ ...info }`) and costs next to nothing is a property:
 * `params`, `role`, `data`, `remoteAddr`, `log`, `waitUntil`. The rest is worked out when it is
 * asked for, by accessors of the class: most handlers never ask. An accessor reads what it needs
 * through a property, not through a private name, which an object that inherits from the info does
 * not have; and to assign is to define a property of one's own.
 *
 * So a copy has no `url`, `scriptName`, `pathInfo` and `completed`. For these it would take
 * accessors of each info's own; to define them costs a fifth of a request on Deno, a tenth on Node
 * and Bun.
 */
import type { ParamsView } from "../cgi/params.ts";
import { type SplitPath, splitPath } from "../cgi/paths.ts";
import { remoteAddress } from "../cgi/remote_addr.ts";
import { publicUrl } from "../cgi/request_url.ts";
import { errorContext } from "./error_context.ts";
import type { Exchange } from "./exchange.ts";
import type { RemoteAddress, ServeHandlerInfo, ServeRole } from "./handler.ts";

/** Holds an exchange where nobody who prints the info, or walks through it, comes by. */
class Source {
  readonly #exchange: Exchange;
  #path: SplitPath | undefined;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  get exchange(): Exchange {
    return this.#exchange;
  }

  get path(): SplitPath {
    const { params, connection: { service: { options } } } = this.#exchange;
    return this.#path ??= splitPath(params, options.basePath);
  }
}

const source = Symbol("source");

/** {@link ServeHandlerInfo} over an exchange. */
export class HandlerInfo implements ServeHandlerInfo {
  readonly params: ParamsView;
  readonly role: ServeRole;
  readonly data: ReadableStream<Uint8Array> | null;
  readonly remoteAddr: RemoteAddress;
  readonly log: (message: unknown) => void;
  readonly waitUntil: (promise: PromiseLike<unknown>) => void;
  readonly [source]: Source;

  constructor(exchange: Exchange, data: ReadableStream<Uint8Array> | null) {
    this.params = exchange.params;
    this.role = exchange.role;
    this.data = data;
    this.remoteAddr = remoteAddress(exchange.params);
    // Bound functions, so that a handler may take them apart: `(request, { log }) => …`.
    this.log = (message) => exchange.log(message);
    this.waitUntil = (promise) =>
      exchange.connection.service.waitUntil(promise, errorContext(exchange));
    this[source] = new Source(exchange);
  }

  get url(): string {
    return publicUrl(this[source].exchange.params);
  }

  get scriptName(): string {
    return this[source].path.scriptName;
  }

  get pathInfo(): string {
    return this[source].path.pathInfo;
  }

  get completed(): Promise<void> {
    return this[source].exchange.completed;
  }

  static {
    const accessors = Object.getOwnPropertyDescriptors(this.prototype);
    for (const [name, { get, configurable }] of Object.entries(accessors)) {
      if (get === undefined) continue;
      Object.defineProperty(this.prototype, name, {
        get,
        set(value: unknown) {
          const property = { value, writable: true, enumerable: true, configurable: true };
          Object.defineProperty(this, name, property);
        },
        // So that `for (const name in info)` finds them.
        enumerable: true,
        configurable,
      });
    }
  }
}
