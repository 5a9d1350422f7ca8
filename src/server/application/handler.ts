import type { ParamsView } from "../../cgi/params.ts";

/** The address of the HTTP client, from the web server (`REMOTE_ADDR`, `REMOTE_PORT`). */
export interface RemoteAddress {
  /** Always `"tcp"`: web servers name HTTP clients by address and port. */
  readonly transport: "tcp";
  /** The IP address, without brackets; `""` if the web server did not send it. */
  readonly hostname: string;
  /** The port; 0 if the web server did not send it. */
  readonly port: number;
}

/**
 * The role of the application in one request (FastCGI 1.0, section 6).
 *
 * - `responder`: it answers the request.
 * - `authorizer`: it decides whether the request may proceed (Apache's mod_authnz_fcgi and
 *   mod_fcgid, lighttpd's `"mode" => "authorizer"`). A response with status 200 lets the request
 *   through; each of its headers `Variable-NAME` becomes the parameter NAME of the handler that the
 *   web server runs next, and its body is dropped. Any other response is a refusal. The request has
 *   no body.
 * - `filter`: it answers the request, and gets a file with it, as `info.data`. No current web
 *   server uses it.
 */
export type ServeRole = "responder" | "authorizer" | "filter";

/**
 * The second argument of a handler: everything in FastCGI that the Fetch standard has no place for.
 */
export interface ServeHandlerInfo {
  /** The FastCGI parameters, values as Latin-1 strings (one code unit per byte). */
  readonly params: ParamsView;
  /** The HTTP client's address. */
  readonly remoteAddr: RemoteAddress;
  /** The role that the web server asks for. */
  readonly role: ServeRole;
  /**
   * The Filter role's FCGI_DATA stream: the file to filter, after or beside the request's body; its
   * size and time are the parameters `FCGI_DATA_LENGTH` and `FCGI_DATA_LAST_MOD`. `null` in the
   * other roles. Both streams share a connection: read the body first, or both concurrently, or
   * cancel the unwanted one.
   */
  readonly data: ReadableStream<Uint8Array> | null;
  /**
   * The public URL, as a browser shows it. `request.url` is the same, unless the option `mount`
   * removes the mount point from it: then absolute URLs are made with this one, as in
   * `new URL(info.scriptName + "/login", info.url)`.
   */
  readonly url: string;
  /** The mount point of the application, decoded as in CGI: `""` or `/app` (RFC 3875, 4.1.13). */
  readonly scriptName: string;
  /** The rest of the path: `scriptName + pathInfo` is the requested path (RFC 3875, 4.1.5). */
  readonly pathInfo: string;
  /**
   * Writes one line to FCGI_STDERR, so to the web server's error log: text, or the description of
   * any other value, an error with its stack. It is sent with the response, never before it; after
   * the end of the response the line goes to standard error. Never throws.
   */
  log(message: unknown): void;
  /**
   * Makes a shutdown of the process wait for `promise`. A rejection goes to `onError`. A value that
   * is not a promise counts as a resolved one. Never throws.
   */
  waitUntil(promise: PromiseLike<unknown>): void;
  /**
   * Resolves when the complete response has been written to the connection; rejects if it could not
   * be.
   */
  readonly completed: Promise<void>;
}

/** Answers one request. An exception becomes a 500 through `onError`. */
export type ServeHandler = (
  request: Request,
  info: ServeHandlerInfo,
) => Response | Promise<Response>;

/** The request that an error belongs to; empty where the error belongs to none. */
export interface ErrorContext {
  /**
   * The handler's request: its body may have been read. `undefined` for faults of peers and
   * sockets, and for a request that was refused before the handler was called.
   */
  readonly request?: Request;
  /** The handler's info. */
  readonly info?: ServeHandlerInfo;
}

/** An application that is an object, or a function with methods: anything with a `fetch` method. */
export interface ServeApplication {
  /** Answers one request; the second argument is a {@link ServeHandlerInfo}. */
  // deno-lint-ignore no-explicit-any -- a context of the framework's own making, an `env`, options
  fetch(request: Request, ...rest: any[]): Response | PromiseLike<Response>;
}

/**
 * Called with every failure: of handlers, of response bodies, of peers that violate the protocol.
 * `error` is the thrown value, so it need not be an `Error`. The context has the request, if the
 * failure belongs to one.
 *
 * For a failed handler, a returned `Response` becomes the answer; but a failed authorizer must not
 * grant, so for it one with status 200 is ignored. A returned value that is not an object is
 * ignored. If it throws, both errors are printed, and the answer is the plain 500.
 */
export type ErrorHandler = (
  error: unknown,
  context: ErrorContext,
) => Response | void | Promise<Response | void>;
