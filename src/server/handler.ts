import type { ParamsView } from "../cgi/params.ts";

/** The address of the HTTP client, as the web server tells it (`REMOTE_ADDR`, `REMOTE_PORT`). */
export interface RemoteAddress {
  /** Always `"tcp"`: web servers name HTTP clients by address and port. */
  readonly transport: "tcp";
  /** The IP address, without brackets; `""` if the web server did not say. */
  readonly hostname: string;
  /** The port; 0 if the web server did not say. */
  readonly port: number;
}

/** What the application is asked to be for one request (FastCGI 1.0, section 6). */
export type ServeRole = "responder" | "authorizer" | "filter";

/** What a handler gets beside the `Request`: everything FastCGI knows that fetch has no word for. */
export interface ServeHandlerInfo {
  /** The FastCGI parameters, values as Latin-1 strings (one code unit per byte). */
  readonly params: ParamsView;
  /** The HTTP client's address. */
  readonly remoteAddr: RemoteAddress;
  /** The role the web server asks for. */
  readonly role: ServeRole;
  /** The Filter role's FCGI_DATA stream; `null` in the other roles. */
  readonly data: ReadableStream<Uint8Array> | null;
  /**
   * The URL that a browser shows. `request.url` is the same, unless the option `mount` takes the mount point away from
   * it: then absolute URLs are made with this one, as in `new URL(info.scriptName + "/login", info.url)`.
   */
  readonly url: string;
  /** The part of the path at which the application is mounted, decoded as CGI does: `""` or `/app` (RFC 3875, 4.1.13). */
  readonly scriptName: string;
  /** The rest of the path: `scriptName + pathInfo` is the path that was asked for (RFC 3875, 4.1.5). */
  readonly pathInfo: string;
  /** Writes one line to FCGI_STDERR, so to the web server's error log. It travels with the response, never before it. */
  log(message: string): void;
  /** Keeps the process's shutdown waiting for `promise`. A rejection goes to `onError`. */
  waitUntil(promise: Promise<unknown>): void;
  /** Resolves when the whole response has been handed to the connection; rejects if it could not be. */
  readonly completed: Promise<void>;
}

/** Answers one request. What it throws becomes a 500 through `onError`. */
export type ServeHandler = (
  request: Request,
  info: ServeHandlerInfo,
) => Response | Promise<Response>;

/**
 * Hears of every failure: of handlers, of response bodies, of peers that break the protocol. For a handler that failed,
 * a returned `Response` becomes the answer.
 */
export type ErrorHandler = (error: unknown) => Response | void | Promise<Response | void>;
