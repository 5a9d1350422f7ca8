import type { BodySpool } from "./body_spool.ts";
import type { ByteStreams } from "./byte_streams.ts";
import type { ClientRole } from "./role.ts";
import type { ClientParams } from "./request_params.ts";

/** The options of all requests of a client. */
export interface ClientOptions {
  /**
   * Parameters for every request, such as `DOCUMENT_ROOT` or `SCRIPT_FILENAME`. They replace the
   * ones made from the `Request`; `undefined` removes one.
   *
   * @default {}
   */
  params?: ClientParams;
  /**
   * Whether connections are reused for one request after another (`FCGI_KEEP_CONN`). Leave it off
   * for php-fpm, where a connection occupies one of the workers, and where a program should end
   * without {@link StreamClient.close}.
   *
   * @default false, and true where requests share connections (`maxRequestsPerConnection`)
   */
  keepConnection?: boolean;
  /**
   * The most connections at a time; further requests wait for one, first come, first served.
   *
   * @default 128
   */
  maxConnections?: number;
  /**
   * The most requests at once on one connection. More than one needs an application that says that
   * it can (`FCGI_MPXS_CONNS`), as this module and Go do, and php-fpm does not; connections are
   * kept then. A response that nobody reads holds up the others on its connection.
   *
   * @default 1
   */
  maxRequestsPerConnection?: number;
  /**
   * How many requests one connection may carry, one after the other; 0 is no limit. With
   * `keepConnection` in front of php-fpm, set it to `pm.max_requests`: after so many a worker ends,
   * and a request that is on its way to it is lost.
   *
   * @default 0
   */
  maxConnectionUses?: number;
  /**
   * How long a kept connection may be idle, in milliseconds; 0 is for ever. Less than the
   * application's own limit, if that has one.
   *
   * @default 60000
   */
  idleTimeout?: number;
  /**
   * How long connecting may take, in milliseconds; 0 is for ever.
   *
   * @default 10000
   */
  connectTimeout?: number;
  /**
   * How long the application may take until the first bytes of its reply, from the moment when a
   * request has a connection, in milliseconds; 0 is for ever. Time during which the application is
   * still being sent the request's body counts.
   *
   * @default 0
   */
  responseTimeout?: number;
  /**
   * The most requests that wait for a connection; one more is refused with `overloaded`.
   *
   * @default 1024
   */
  maxQueue?: number;
  /**
   * How long a request may wait for a connection, in milliseconds; 0 is for ever. Then it is
   * refused with `overloaded`.
   *
   * @default 30000
   */
  queueTimeout?: number;
  /**
   * The largest request body, in bytes, that is held in memory as a whole before the request
   * begins. Such a body is sent in the first write, and the request can be sent again. A larger one
   * is sent as it comes if it has a Content-Length; without one it is gathered in a temporary file,
   * for its length must be known: an application reads no more than that (RFC 3875, section 4.2).
   *
   * @default 65536
   */
  bufferBody?: number;
  /**
   * The largest request body, in bytes; a larger one is refused with `body_too_large`. Where there
   * can be no temporary file, as on Deno without `--allow-write`, a body without a Content-Length
   * may have `bufferBody` bytes.
   *
   * @default 134217728
   */
  maxBodyBytes?: number;
  /**
   * Whether a body without a Content-Length is sent as it comes, without CONTENT_LENGTH. Go,
   * libfcgi and this module read it then; php-fpm takes it for empty.
   *
   * @default false
   */
  streamBody?: boolean;
  /**
   * Called with every line that the application writes to FCGI_STDERR, which a web server puts into
   * its error log, and with the request that it belongs to. An exception that it throws is printed,
   * and nothing else fails.
   *
   * @default prints the line to standard error, without its control characters
   */
  onStderr?: (line: string, context: { readonly request: Request }) => void;
}

/** {@link ClientOptions} with the function that connects. */
export interface StreamClientOptions extends ClientOptions {
  /** Opens a connection. If it rejects, `fetch` rejects with the same reason. */
  connect: () => Promise<ByteStreams>;
  /**
   * Opens a place for a body that is more than `bufferBody` and has no known length.
   *
   * @default there is none
   */
  openSpool?: () => Promise<BodySpool>;
}

/** The options of one request. */
export interface ClientFetchOptions {
  /** Parameters for this request; they replace the client's and those made from the `Request`. */
  params?: ClientParams;
  /**
   * The role that the application is asked to play (FastCGI 1.0, section 6).
   *
   * @default "responder"
   */
  role?: ClientRole;
  /**
   * The file for a filter (the FCGI_DATA stream). Bytes get an `FCGI_DATA_LENGTH`; for a stream,
   * and for `FCGI_DATA_LAST_MOD`, see `params`.
   */
  data?: Uint8Array | ReadableStream<Uint8Array>;
  /** Aborts this request, as `request.signal` does too. */
  signal?: AbortSignal;
  /**
   * Called when the application has ended a reply that is complete, with its exit status
   * (FCGI_END_REQUEST, FastCGI 1.0, section 5.5): 0, as a rule, and 255 of php-fpm behind the page
   * of a fatal error. The status of another reply is in the message of its error.
   *
   * @default nobody is told
   */
  onEnd?: (appStatus: number) => void;
  /**
   * Called with the error of a reply that breaks off in its body, whoever reads that.
   *
   * @default nobody is told but the reader of the body
   */
  onBreak?: (error: unknown) => void;
}
