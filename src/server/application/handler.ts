import type { ParamsView } from "../../cgi/params.ts";

/** The address of the HTTP client, as the web server tells it (`REMOTE_ADDR`, `REMOTE_PORT`). */
export interface RemoteAddress {
  /** Always `"tcp"`: web servers name HTTP clients by address and port. */
  readonly transport: "tcp";
  /** The IP address, without brackets; `""` if the web server did not say. */
  readonly hostname: string;
  /** The port; 0 if the web server did not say. */
  readonly port: number;
}

/**
 * What the application is asked to be for one request (FastCGI 1.0, section 6).
 *
 * - `responder`: it answers.
 * - `authorizer`: it decides whether the web server goes on (Apache's mod_authnz_fcgi and
 *   mod_fcgid, lighttpd's `"mode" => "authorizer"`). A response with status 200 lets the request
 *   through; each of its headers `Variable-NAME` becomes the parameter NAME of whatever answers
 *   then, and its body is dropped. Any other response is a refusal. The request has no body.
 * - `filter`: it answers, and gets a file beside the request, as `info.data`. No web server of
 *   today asks for it.
 */
export type ServeRole = "responder" | "authorizer" | "filter";

/**
 * What a handler gets beside the `Request`: everything FastCGI knows that fetch has no word for.
 */
export interface ServeHandlerInfo {
  /** The FastCGI parameters, values as Latin-1 strings (one code unit per byte). */
  readonly params: ParamsView;
  /** The HTTP client's address. */
  readonly remoteAddr: RemoteAddress;
  /** The role the web server asks for. */
  readonly role: ServeRole;
  /**
   * The Filter role's FCGI_DATA stream: the file to filter, after or beside the request's body; its
   * size and time are the parameters `FCGI_DATA_LENGTH` and `FCGI_DATA_LAST_MOD`. `null` in the
   * other roles. Both streams share a connection: read the body first, or both side by side, or
   * cancel the one that is not wanted.
   */
  readonly data: ReadableStream<Uint8Array> | null;
  /**
   * The URL that a browser shows. `request.url` is the same, unless the option `mount` takes the
   * mount point away from it: then absolute URLs are made with this one, as in
   * `new URL(info.scriptName + "/login", info.url)`.
   */
  readonly url: string;
  /**
   * The part of the path at which the application is mounted, decoded as CGI does: `""` or `/app`
   * (RFC 3875, 4.1.13).
   */
  readonly scriptName: string;
  /**
   * The rest of the path: `scriptName + pathInfo` is the path that was asked for (RFC 3875, 4.1.5).
   */
  readonly pathInfo: string;
  /**
   * Writes one line to FCGI_STDERR, so to the web server's error log: text, or anything else as its
   * description, an error with its stack. It travels with the response, never before it; after the
   * response's end the line goes to standard error. Never throws.
   */
  log(message: unknown): void;
  /**
   * Keeps the process's shutdown waiting for `promise`. A rejection goes to `onError`. What is no
   * promise is one that has resolved. Never throws.
   */
  waitUntil(promise: PromiseLike<unknown>): void;
  /**
   * Resolves when the whole response has been handed to the connection; rejects if it could not be.
   */
  readonly completed: Promise<void>;
}

/** Answers one request. What it throws becomes a 500 through `onError`. */
export type ServeHandler = (
  request: Request,
  info: ServeHandlerInfo,
) => Response | Promise<Response>;

/** The request that an error belongs to; nothing of it where the error belongs to none. */
export interface ErrorContext {
  /**
   * The request as the handler has it: its body may have been read. `undefined` for the faults of
   * peers and sockets, and of a request that was refused before the handler was called.
   */
  readonly request?: Request;
  /** What the handler was given beside it. */
  readonly info?: ServeHandlerInfo;
}

/** An application that is an object, or a function with methods: anything with a `fetch` method. */
export interface ServeApplication {
  /** Answers one request; the second argument is a {@link ServeHandlerInfo}. */
  // deno-lint-ignore no-explicit-any -- a context of the framework's own making, an `env`, options
  fetch(request: Request, ...rest: any[]): Response | PromiseLike<Response>;
}

/**
 * Hears of every failure: of handlers, of response bodies, of peers that break the protocol.
 * `error` is whatever was thrown, so it need not be an `Error`. The context names the request, if
 * the failure is that of one.
 *
 * For a handler that failed, a returned `Response` becomes the answer; but a failed authorizer lets
 * nobody in, and for it one with status 200 counts as none. What is no object is ignored. If it
 * throws, both errors are printed, and the answer is the plain 500.
 */
export type ErrorHandler = (
  error: unknown,
  context: ErrorContext,
) => Response | void | Promise<Response | void>;
