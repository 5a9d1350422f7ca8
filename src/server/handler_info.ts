import type { ParamsView } from "../cgi/params.ts";
import { type SplitPath, splitPath } from "../cgi/paths.ts";
import { remoteAddress } from "../cgi/remote_addr.ts";
import { publicUrl } from "../cgi/request_url.ts";
import { errorContext } from "./error_context.ts";
import type { Exchange } from "./exchange.ts";
import type { RemoteAddress, ServeHandlerInfo, ServeRole } from "./handler.ts";

/** {@link ServeHandlerInfo} over an exchange. Everything is worked out when it is asked for. */
export class HandlerInfo implements ServeHandlerInfo {
  readonly data: ReadableStream<Uint8Array> | null;
  readonly #exchange: Exchange;
  #path: SplitPath | undefined;

  constructor(exchange: Exchange, data: ReadableStream<Uint8Array> | null) {
    this.#exchange = exchange;
    this.data = data;
  }

  get params(): ParamsView {
    return this.#exchange.params;
  }

  get remoteAddr(): RemoteAddress {
    return remoteAddress(this.#exchange.params);
  }

  get role(): ServeRole {
    return this.#exchange.role;
  }

  get url(): string {
    return publicUrl(this.#exchange.params);
  }

  get scriptName(): string {
    return this.#splitPath.scriptName;
  }

  get pathInfo(): string {
    return this.#splitPath.pathInfo;
  }

  get completed(): Promise<void> {
    return this.#exchange.completed;
  }

  // Getters of bound functions, so that a handler may take them apart: `(request, { log }) => …`.
  get log(): (message: unknown) => void {
    return (message) => this.#exchange.log(message);
  }

  get waitUntil(): (promise: PromiseLike<unknown>) => void {
    const exchange = this.#exchange;
    return (promise) => exchange.connection.service.waitUntil(promise, errorContext(exchange));
  }

  get #splitPath(): SplitPath {
    const { params, connection: { service: { options } } } = this.#exchange;
    return this.#path ??= splitPath(params, options.basePath);
  }
}
