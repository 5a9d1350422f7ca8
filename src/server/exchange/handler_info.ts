/**
 * The second argument of a handler. Frameworks use it as a context or an environment of their own:
 * they add properties to it, copy it, inherit from it, wrap it in a proxy.
 *
 * The plan: available values are properties, the others are computed on demand, by accessors of the
 * class, since most handlers never read them. An accessor gets its source through a property, not
 * through a private name, which an object that inherits from the info does not have; and an
 * assignment defines an own property. Copies (`{ ...info }`) contain own properties only. Defining
 * own accessors costs a fifth of a request on Deno, so that is done when the own properties are
 * first listed: for that the info is a proxy, which is transparent in all other respects.
 */
import type { ParamsView } from "../../cgi/params.ts";
import { type SplitPath, splitPath } from "../../cgi/split_path.ts";
import { remoteAddress } from "../../cgi/remote_addr.ts";
import { publicUrl } from "../../cgi/request_url.ts";
import type { Exchange } from "./exchange.ts";
import type { RemoteAddress, ServeHandlerInfo, ServeRole } from "../application/handler.ts";

/** Hides the exchange from code that prints the info, or enumerates it. */
class Source {
  /** Whether the info has own accessors. */
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

// As loaded: applications replace globals.
const { Proxy, Request } = globalThis;

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

  // Bound functions, so that a handler may destructure them: `(request, { log }) => …`.
  get log(): (message: unknown) => void {
    const { exchange } = this[source];
    return (message) => exchange.log(message);
  }

  get waitUntil(): (promise: PromiseLike<unknown>) => void {
    const { exchange } = this[source];
    return (promise) => exchange.application.waitUntil(promise, exchange.errorContext);
  }
}

/** An accessor of an info; an assignment defines an own property of its target. */
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

/** Defines the own accessors of an info, once, before its properties are listed. */
function own(info: HandlerInfo): HandlerInfo {
  if (info[source].isWhole) return info;
  info[source].isWhole = true;
  for (const [name, accessor] of Object.entries(accessors)) {
    if (!Object.hasOwn(info, name)) Object.defineProperty(info, name, accessor);
  }
  return info;
}

/**
 * Whether the info needs a `method`: Bun's `new Request(request, info)` turns any method into GET
 * if `info` is a proxy without one, and fetch-router calls it with its two arguments. So there the
 * info has one, which is not enumerable.
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
  defineProperty: (info, name, descriptor) => Reflect.defineProperty(own(info), name, descriptor),
  deleteProperty: (info, name) => Reflect.deleteProperty(own(info), name),
  setPrototypeOf: (info, prototype) => Reflect.setPrototypeOf(own(info), prototype),
  preventExtensions: (info) => Reflect.preventExtensions(own(info)),
};
