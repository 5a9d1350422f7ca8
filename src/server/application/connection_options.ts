/** The options of a connection, and their defaults. */
import { mountPoint } from "../../cgi/split_path.ts";
import type { ErrorHandler, ServeRole } from "./handler.ts";
import {
  HANDLER_TIMEOUT,
  MAX_BODY_BYTES,
  MAX_BUFFERED_BODY_BYTES,
  MAX_PARAMS,
  MAX_PARAMS_BYTES,
  MAX_REQUESTS_PER_CONNECTION,
  PARAMS_TIMEOUT,
  WRITE_TIMEOUT,
} from "./limits.ts";

/** The options of a connection, over any transport. */
export interface ConnectionOptions {
  /**
   * Called with every failure; for a failed handler, a `Response` that it returns becomes the
   * answer.
   *
   * @default prints the error to standard error, as text; the client gets a plain 500
   */
  onError?: ErrorHandler;
  /**
   * The mount point of the application, such as `/app`, if the web server's parameters do not have
   * it right.
   *
   * @default found out from `SCRIPT_NAME` and `PATH_INFO`
   */
  basePath?: string;
  /**
   * Mounts an application whose routes begin at `/` below this path, such as `/app`: `request.url`
   * comes without it (`/app/x?y` as `/x?y`), `info.scriptName` is the mount point, and `info.url`
   * stays the public URL. A request outside is answered 404 (so an authorizer refuses it), and the
   * handler is not called: `/appx`, `/App/x`, `//app/x`, `OPTIONS *`, and paths that dot segments
   * lead out, even written `..%2F`.
   *
   * It implies `basePath`. Browsers resolve a relative `Location` or link such as `../list` against
   * the public URL, so it needs no change; one that begins with a slash must begin with
   * `info.scriptName`, and an absolute one is made with `info.url`.
   *
   * @default none: `request.url` is the public URL
   */
  mount?: string;
  /**
   * The roles that the handler accepts; a request in another one is refused with 500 and
   * `FCGI_UNKNOWN_ROLE`. A handler for several roles checks `info.role`.
   *
   * @default ["responder"]
   */
  roles?: readonly ServeRole[];
  /**
   * The most bytes of parameters (so of request headers) in a request; more is answered 431.
   *
   * @default 262144
   */
  maxParamsBytes?: number;
  /**
   * The most parameters in a request; more is answered 431.
   *
   * @default 1000
   */
  maxParams?: number;
  /**
   * The most bytes of a request body; more is answered 413, before the handler is called if
   * `CONTENT_LENGTH` says so. Later, `request.signal` aborts and the body errors; a response that
   * has begun goes on, without the rest of the request's body. A filter's `info.data` is not
   * limited.
   *
   * @default 134217728
   */
  maxBodyBytes?: number;
  /**
   * The most requests at once on one connection; the next is answered 503. An aborted request
   * counts until its handler has settled. 1 refuses multiplexing: `FCGI_MPXS_CONNS` is 0, and the
   * 503 beside another request ends with `FCGI_CANT_MPX_CONN`.
   *
   * @default 100
   */
  maxRequestsPerConnection?: number;
  /**
   * The most unread bytes of a request body before back-pressure stops reading the connection,
   * where other requests may share that; where none may (no `FCGI_KEEP_CONN`, or multiplexing is
   * refused), 65536 and no more than this.
   *
   * @default 1048576
   */
  maxBufferedBodyBytes?: number;
  /**
   * Milliseconds from the first byte of a request, or from the accept of a new connection, to the
   * end of the parameters. Then the request is answered 408 and the connection closed, after the
   * other requests on it. An idle kept connection stays. 0: no limit.
   *
   * @default 20000
   */
  paramsTimeout?: number;
  /**
   * Milliseconds without progress of the handler: from the end of the parameters to its `Response`,
   * and from one chunk of a streamed body to the next, while the web server reads them. Then
   * `request.signal` aborts; without a response so far the answer is 504, and a response that has
   * begun breaks off. The time of an upload counts, too. 0: no limit.
   *
   * @default 0
   */
  handlerTimeout?: number;
  /**
   * Milliseconds without write progress: the web server reads nothing, not even a record (64 KiB).
   * Then the connection is destroyed, and the requests on it abort. 0: no limit.
   *
   * @default 360000
   */
  writeTimeout?: number;
}

/** All names of {@link ConnectionOptions}, for validation. */
export const CONNECTION_OPTIONS: Record<keyof ConnectionOptions, true> = {
  onError: true,
  basePath: true,
  mount: true,
  roles: true,
  maxParamsBytes: true,
  maxParams: true,
  maxBodyBytes: true,
  maxRequestsPerConnection: true,
  maxBufferedBodyBytes: true,
  paramsTimeout: true,
  handlerTimeout: true,
  writeTimeout: true,
};

/** The options with the defaults filled in. */
export type CompleteOptions =
  & Required<Omit<ConnectionOptions, "onError" | "basePath" | "mount">>
  & Pick<ConnectionOptions, "onError" | "basePath" | "mount">;

/**
 * Fills in the defaults.
 *
 * @throws {TypeError} If options contradict each other, or a limit is not a number.
 */
export function completeOptions(options: ConnectionOptions): CompleteOptions {
  const limits = {
    maxParamsBytes: options.maxParamsBytes ?? MAX_PARAMS_BYTES,
    maxParams: options.maxParams ?? MAX_PARAMS,
    maxBodyBytes: options.maxBodyBytes ?? MAX_BODY_BYTES,
    maxRequestsPerConnection: options.maxRequestsPerConnection ?? MAX_REQUESTS_PER_CONNECTION,
    maxBufferedBodyBytes: options.maxBufferedBodyBytes ?? MAX_BUFFERED_BODY_BYTES,
    paramsTimeout: options.paramsTimeout ?? PARAMS_TIMEOUT,
    handlerTimeout: options.handlerTimeout ?? HANDLER_TIMEOUT,
    writeTimeout: options.writeTimeout ?? WRITE_TIMEOUT,
  };
  checkLimits(limits);
  return {
    onError: options.onError,
    ...mountOf(options),
    roles: options.roles ?? ["responder"],
    ...limits,
  };
}

/** @throws {TypeError} If one of `limits` is negative or not a number: it would limit nothing. */
export function checkLimits(limits: Readonly<Record<string, number>>): void {
  for (const [name, limit] of Object.entries(limits)) {
    if (typeof limit === "number" && limit >= 0) continue;
    throw new TypeError(`Cannot serve: ${name} is ${limit}, not a number from 0 on`);
  }
}

/** The mount point, and the prefix to remove from URLs: none, if the mount point is the root. */
function mountOf({ basePath, mount }: ConnectionOptions): { basePath?: string; mount?: string } {
  if (mount === undefined) return { basePath };
  const point = mountPoint(mount);
  if (basePath !== undefined && mountPoint(basePath) !== point) {
    throw new TypeError(`Cannot serve: mount is ${mount}, but basePath is ${basePath}`);
  }
  return { basePath: point, mount: point === "" ? undefined : point };
}
