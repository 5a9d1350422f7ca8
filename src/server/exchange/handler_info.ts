/**
 * The second argument of a handler. Frameworks take it for a context or an environment of their
 * own: they put things into it, copy it, inherit from it, wrap it in a proxy, give it to `Request`.
 *
 * The plan: what is at hand is a property, the rest is an accessor, since most handlers never ask.
 * An accessor reads what it needs through a property, not through a private name, which an object
 * that inherits from the info does not have; and to assign is to define a property of one's own.
 *
 * Copies (`{ ...info }`) take own properties alone. Accessors of its own cost each info 0.15 µs on
 * Bun, and 1.7 on V8: there they belong to the prototype until somebody asks which properties there
 * are. For that the info is a proxy, which answers every other question as its target does.
 */
import { CgiParams } from "../../cgi/params.ts";
import { type SplitPath, splitPath } from "../../cgi/split_path.ts";
import { remoteAddress } from "../../cgi/remote_addr.ts";
import { publicUrl } from "../../cgi/request_url.ts";
import type { RemoteAddress, ServeHandlerInfo } from "../application/handler.ts";
import type { Exchange } from "./exchange.ts";

// As loaded: applications replace the global.
const { Request } = globalThis;

/** Holds an exchange where nobody who prints the info, or walks through it, comes by. */
class Source {
  /** Whether the info has the accessors itself. */
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

const source = Symbol("source");

/** An info, with the way to its exchange. */
interface SourcedInfo extends ServeHandlerInfo {
  readonly [source]: Source;
}

type Given = Pick<SourcedInfo, "params" | "role" | "data" | typeof source>;

/** The info with accessors of its own. */
function wholeInfo({ params, role, data, [source]: from }: Given): SourcedInfo {
  return {
    params,
    role,
    data,
    [source]: from,
    get remoteAddr() {
      return this[source].remoteAddr;
    },
    set remoteAddr(value) {
      assign(this, "remoteAddr", value);
    },
    get url() {
      return publicUrl(this[source].exchange.params);
    },
    set url(value) {
      assign(this, "url", value);
    },
    get scriptName() {
      return this[source].path.scriptName;
    },
    set scriptName(value) {
      assign(this, "scriptName", value);
    },
    get pathInfo() {
      return this[source].path.pathInfo;
    },
    set pathInfo(value) {
      assign(this, "pathInfo", value);
    },
    // Bound functions, so that a handler may take them apart: `(request, { log }) => …`.
    get log(): ServeHandlerInfo["log"] {
      const { exchange } = this[source];
      return (message) => exchange.log(message);
    },
    set log(value) {
      assign(this, "log", value);
    },
    get waitUntil(): ServeHandlerInfo["waitUntil"] {
      const { exchange } = this[source];
      return (promise) => exchange.application.waitUntil(promise, exchange.errorContext);
    },
    set waitUntil(value) {
      assign(this, "waitUntil", value);
    },
    get completed() {
      return this[source].exchange.completed;
    },
    set completed(value) {
      assign(this, "completed", value);
    },
  };
}

function assign(info: object, name: keyof ServeHandlerInfo, value: unknown): void {
  const property = { value, writable: true, enumerable: true, configurable: true };
  Object.defineProperty(info, name, property);
}

/** The accessors alone. */
const ACCESSORS = Object.entries(
  Object.getOwnPropertyDescriptors(wholeInfo(
    { params: new CgiParams(), role: "responder", data: null } as unknown as Given,
  )),
).filter(([, { get }]) => get !== undefined);

/** The info whose accessors are its prototype's. */
class LeanInfo implements Given {
  readonly params: Given["params"];
  readonly role: Given["role"];
  readonly data: Given["data"];
  readonly [source]: Source;

  constructor({ params, role, data, [source]: from }: Given) {
    this.params = params;
    this.role = role;
    this.data = data;
    this[source] = from;
  }
}
Object.defineProperties(LeanInfo.prototype, Object.fromEntries(ACCESSORS));

/** Gives a lean info its own accessors, once. */
function whole(info: LeanInfo): LeanInfo {
  if (info[source].isWhole) return info;
  info[source].isWhole = true;
  for (const [name, accessor] of ACCESSORS) {
    if (!Object.hasOwn(info, name)) Object.defineProperty(info, name, accessor);
  }
  return info;
}

/** Has a lean info become whole before anybody sees which properties it has. */
const WHOLE_WHEN_LISTED: ProxyHandler<LeanInfo> = {
  ownKeys: (info) => Reflect.ownKeys(whole(info)),
  getOwnPropertyDescriptor: (info, name) => Reflect.getOwnPropertyDescriptor(whole(info), name),
  preventExtensions: (info) => Reflect.preventExtensions(whole(info)),
};

/** Whether `Request` takes a proxy for its init: Bun 1.4 makes GET of any method then. */
const TAKES_PROXIES =
  new Request(new Request("http://localhost/", { method: "POST" }), new Proxy({}, {})).method ===
    "POST";

/** Makes the info of an exchange. */
export function handlerInfo(
  exchange: Exchange,
  data: ReadableStream<Uint8Array> | null,
): ServeHandlerInfo {
  const { params, role } = exchange;
  const given: Given = { params, role, data, [source]: new Source(exchange) };
  if (!TAKES_PROXIES) return wholeInfo(given);
  return new Proxy(new LeanInfo(given), WHOLE_WHEN_LISTED) as unknown as ServeHandlerInfo;
}
