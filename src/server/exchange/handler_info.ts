/**
 * What a handler gets as its second argument. Frameworks take it for a context or an environment
 * of their own: they put things into it, copy it, inherit from it, wrap it in a proxy.
 *
 * The plan: what is at hand is a property, the rest is worked out when it is asked for, by
 * accessors of the class, since most handlers never ask. An accessor reads what it needs through a
 * property, not through a private name, which an object that inherits from the info does not have;
 * and to assign is to define a property of one's own. Copies (`{ ...info }`) take own properties
 * alone. To define own accessors costs a fifth of a request on Deno, so whoever asks which there
 * are gets them then: for that the info is a proxy, which answers all other questions as its target
 * does.
 */
import type { ParamsView } from "../../cgi/params.ts";
import { type SplitPath, splitPath } from "../../cgi/split_path.ts";
import { remoteAddress } from "../../cgi/remote_addr.ts";
import { publicUrl } from "../../cgi/request_url.ts";
import type { Exchange } from "./exchange.ts";
import type { RemoteAddress, ServeHandlerInfo, ServeRole } from "../application/handler.ts";

/** Holds an exchange where nobody who prints the info, or walks through it, comes by. */
class Source {
  /** Whether the info has its accessors itself. */
  isWhole = false;
  readonly #exchange: Exchange;
  #remoteAddr: RemoteAddress | undefined;
  #path: SplitPath | undefined;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  get exchange(): Exchange {
    return this.#exchange;
  }

  get remoteAddr(): RemoteAddress {
    return this.#remoteAddr ??= remoteAddress(this.#exchange.params);
  }

  get path(): SplitPath {
    const { params, application: { options } } = this.#exchange;
    return this.#path ??= splitPath(params, options.basePath);
  }
}

// As loaded: applications replace the global.
const { Request } = globalThis;

const source = Symbol("source");

/** The info of an exchange. */
export function handlerInfo(
  exchange: Exchange,
  data: ReadableStream<Uint8Array> | null,
): ServeHandlerInfo {
  return new Proxy(new HandlerInfo(exchange, data), WHOLE_WHEN_LISTED);
}

class HandlerInfo implements ServeHandlerInfo {
  readonly params: ParamsView;
  readonly role: ServeRole;
  readonly data: ReadableStream<Uint8Array> | null;
  readonly [source]: Source;

  constructor(exchange: Exchange, data: ReadableStream<Uint8Array> | null) {
    this.params = exchange.params;
    this.role = exchange.role;
    this.data = data;
    this[source] = new Source(exchange);
  }

  get remoteAddr(): RemoteAddress {
    return this[source].remoteAddr;
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

  // Bound functions, so that a handler may take them apart: `(request, { log }) => …`.
  get log(): (message: unknown) => void {
    const { exchange } = this[source];
    return (message) => exchange.log(message);
  }

  get waitUntil(): (promise: PromiseLike<unknown>) => void {
    const { exchange } = this[source];
    return (promise) => exchange.application.waitUntil(promise, exchange.errorContext);
  }
}

/** An accessor of an info; to assign defines a property of whatever is assigned to. */
function accessor(name: string, get: () => unknown, enumerable: boolean): PropertyDescriptor {
  return {
    get,
    set(value: unknown) {
      const property = { value, writable: true, enumerable: true, configurable: true };
      Object.defineProperty(this, name, property);
    },
    enumerable,
    configurable: true,
  };
}

const accessors: PropertyDescriptorMap = {};
for (
  const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(HandlerInfo.prototype))
) {
  if (get !== undefined) accessors[name] = accessor(name, get, true);
}
Object.defineProperties(HandlerInfo.prototype, accessors);

/** Gives an info its own accessors before anybody sees which properties it has, once. */
function own(info: HandlerInfo): HandlerInfo {
  if (info[source].isWhole) return info;
  info[source].isWhole = true;
  for (const [name, accessor] of Object.entries(accessors)) {
    if (!Object.hasOwn(info, name)) Object.defineProperty(info, name, accessor);
  }
  return info;
}

/**
 * Bun's `new Request(request, info)` makes GET of any method if `info` is a proxy that has none:
 * fetch-router does that with its two arguments. So there the info has one, which nobody sees.
 */
const needsMethod =
  new Request(new Request("http://localhost/", { method: "POST" }), new Proxy({}, {})).method !==
    "POST";
if (needsMethod) {
  const method = function (this: HandlerInfo): string {
    return this[source].exchange.method;
  };
  Object.defineProperty(HandlerInfo.prototype, "method", accessor("method", method, false));
}

const WHOLE_WHEN_LISTED: ProxyHandler<HandlerInfo> = {
  ownKeys: (info) => Reflect.ownKeys(own(info)),
  getOwnPropertyDescriptor: (info, name) => Reflect.getOwnPropertyDescriptor(own(info), name),
  preventExtensions: (info) => Reflect.preventExtensions(own(info)),
};
