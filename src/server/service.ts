import { mountPoint } from "../cgi/paths.ts";
import { Role } from "../protocol/constants.ts";
import type { ManagementValues } from "../protocol/management.ts";
import { Connection } from "./connection.ts";
import type { ErrorHandler, ServeHandler, ServeRole } from "./handler.ts";
import {
  MAX_BUFFERED_BODY_BYTES,
  MAX_PARAMS,
  MAX_PARAMS_BYTES,
  MAX_REQUESTS_PER_CONNECTION,
} from "./limits.ts";
import type { Transport } from "./transport.ts";

/** What a connection does with its requests, whatever carries it. */
export interface ConnectionOptions {
  /**
   * Hears of every failure; for a handler that failed, a `Response` it returns becomes the answer.
   *
   * @default prints the error with `console.error`; the client gets a plain 500
   */
  onError?: ErrorHandler;
  /**
   * Where the application is mounted, such as `/yourapplication`, when the web server's parameters do not say it right.
   *
   * @default found out from `SCRIPT_NAME` and `PATH_INFO`
   */
  basePath?: string;
  /**
   * Mounts an application whose routes begin at `/` below this path, such as `/yourapplication`: `request.url` comes
   * without it (`/yourapplication/x?y` as `/x?y`), `info.scriptName` is the mount point, and `info.url` stays the public
   * URL. A request outside keeps its URL as it is.
   *
   * It implies `basePath`. Browsers resolve a relative `Location` or link such as `../list` against the public URL, so
   * it is right as it is; one that begins with a slash must begin with `info.scriptName`, and an absolute one is made
   * with `info.url`.
   *
   * @default none: `request.url` is the public URL
   */
  mount?: string;
  /**
   * The roles the handler takes; a request in another one is refused with `FCGI_UNKNOWN_ROLE`. A handler that takes
   * several asks `info.role`.
   *
   * @default ["responder"]
   */
  roles?: readonly ServeRole[];
  /**
   * The most bytes of parameters (so of request headers) a request may have; more is answered 431.
   *
   * @default 262144
   */
  maxParamsBytes?: number;
  /**
   * The most parameters a request may have; more is answered 431.
   *
   * @default 1000
   */
  maxParams?: number;
  /**
   * The most requests in flight on one connection; the next is answered 503. 1 refuses multiplexing: `FCGI_MPXS_CONNS`
   * is 0, and the 503 ends with `FCGI_CANT_MPX_CONN`.
   *
   * @default 100
   */
  maxRequestsPerConnection?: number;
  /**
   * The most bytes of a request body that wait unread, where other requests may share the connection, before it is not
   * read any more; where none may (no `FCGI_KEEP_CONN`, or multiplexing is refused), 65536 and no more than this.
   *
   * @default 1048576
   */
  maxBufferedBodyBytes?: number;
}

/** `BEGIN_REQUEST.role` by name (FastCGI 1.0, section 8). */
const ROLE_NUMBERS: Record<ServeRole, number> = {
  responder: Role.RESPONDER,
  authorizer: Role.AUTHORIZER,
  filter: Role.FILTER,
};

/** One handler with its options, and every connection that it serves. */
export class Service {
  readonly handler: ServeHandler;
  readonly options:
    & Required<Omit<ConnectionOptions, "basePath" | "mount">>
    & Pick<ConnectionOptions, "basePath" | "mount">;
  /** The roles that the handler takes, by number. */
  readonly roles: ReadonlyMap<number, ServeRole>;
  /** What GET_VALUES is answered with (FastCGI 1.0, section 4.1). */
  readonly managementValues: ManagementValues;
  readonly #maxConnections: number;
  /** Whether a request that fails says so in the web server's log, beside `onError`. */
  logsFailures = true;
  readonly #connections = new Set<Connection>();
  readonly #pending = new Set<Promise<unknown>>();
  #hasWarned = false;
  #draining = false;
  #drained: PromiseWithResolvers<void> | undefined;

  /** @param maxConnections The most connections served at once; by default without a limit, and none is told. */
  constructor(handler: ServeHandler, options: ConnectionOptions = {}, maxConnections = Infinity) {
    this.#maxConnections = maxConnections;
    this.handler = handler;
    this.options = {
      onError: options.onError ?? logError,
      ...mountOf(options),
      roles: options.roles ?? ["responder"],
      maxParamsBytes: options.maxParamsBytes ?? MAX_PARAMS_BYTES,
      maxParams: options.maxParams ?? MAX_PARAMS,
      maxRequestsPerConnection: options.maxRequestsPerConnection ?? MAX_REQUESTS_PER_CONNECTION,
      maxBufferedBodyBytes: options.maxBufferedBodyBytes ?? MAX_BUFFERED_BODY_BYTES,
    };
    this.roles = new Map(this.options.roles.map((role) => [ROLE_NUMBERS[role], role]));
    const { maxRequestsPerConnection } = this.options;
    const values = new Map([
      // By the letter those of all connections; HAProxy, which alone asks, takes it for those of one.
      ["FCGI_MAX_REQS", String(maxRequestsPerConnection)],
      ["FCGI_MPXS_CONNS", maxRequestsPerConnection > 1 ? "1" : "0"],
    ]);
    if (maxConnections < Infinity) values.set("FCGI_MAX_CONNS", String(maxConnections));
    this.managementValues = values;
  }

  /** Starts serving a connection; one too many is served a 503. */
  accept(transport: Transport): Connection {
    const connection = new Connection(transport, this);
    if (this.#isFull) connection.refuse();
    else if (this.#draining) connection.drain();
    this.#connections.add(connection);
    return connection;
  }

  /** Whether as many connections take requests as may. Those that are about to end have been answered. */
  get #isFull(): boolean {
    if (this.#connections.size < this.#maxConnections) return false;
    let serving = 0;
    for (const connection of this.#connections) if (connection.isServing) serving++;
    return serving >= this.#maxConnections;
  }

  /** A connection is closed on both sides. */
  connectionClosed(connection: Connection): void {
    this.#connections.delete(connection);
    this.#settle();
  }

  /** Keeps {@link drain} waiting for `promise`; its rejection is reported. */
  waitUntil(promise: Promise<unknown>): void {
    const settled = promise.catch((error) => this.report(error)).finally(() => {
      this.#pending.delete(settled);
      this.#settle();
    });
    this.#pending.add(settled);
  }

  /** Tells `onError` of a failure that has no request to answer. */
  report(error: unknown): void {
    void this.errorResponse(error);
  }

  /** Tells `onError` of something that will fail behind some web servers: the first time only. */
  warnOnce(message: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.report(new Error(message));
  }

  /** Tells `onError` of a failure, and returns the response that it wants sent, if any. */
  async errorResponse(error: unknown): Promise<Response | undefined> {
    try {
      return (await this.options.onError(error)) ?? undefined;
    } catch (failure) {
      logError(error);
      logError(failure);
      return undefined;
    }
  }

  /**
   * Lets idle connections go, and the others after the requests they have; resolves when all are closed and what was
   * given to `waitUntil` has settled.
   */
  drain(): Promise<void> {
    this.#draining = true;
    this.#drained ??= Promise.withResolvers();
    for (const connection of [...this.#connections]) connection.drain();
    this.#settle();
    return this.#drained.promise;
  }

  #settle(): void {
    if (this.#draining && this.#connections.size === 0 && this.#pending.size === 0) {
      this.#drained?.resolve();
    }
  }
}

/** Where the application is mounted, and what is taken from its URLs: nothing, if that is the root. */
function mountOf({ basePath, mount }: ConnectionOptions): { basePath?: string; mount?: string } {
  if (mount === undefined) return { basePath };
  const point = mountPoint(mount);
  if (basePath !== undefined && mountPoint(basePath) !== point) {
    throw new TypeError(`Cannot serve: mount is ${mount}, but basePath is ${basePath}`);
  }
  return { basePath: point, mount: point === "" ? undefined : point };
}

function logError(error: unknown): void {
  console.error(error);
}
