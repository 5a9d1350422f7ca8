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
   * @default false
   */
  keepConnection?: boolean;
  /**
   * The most connections at a time; further requests wait for one. One connection carries one
   * request at a time.
   *
   * @default 128
   */
  maxConnections?: number;
  /**
   * The largest request body, in bytes, that is buffered as a whole before the request begins. Such
   * a body is sent with its length and in the first write; a larger one is streamed. 0 streams
   * every body.
   *
   * @default 65536
   */
  bufferBody?: number;
  /**
   * Called with every line that the application writes to FCGI_STDERR, which a web server puts into
   * its error log. An exception that it throws is printed, and nothing else fails.
   *
   * @default prints the line to standard error, without its control characters
   */
  onStderr?: (line: string) => void;
}

/** {@link ClientOptions} with the function that connects. */
export interface StreamClientOptions extends ClientOptions {
  /** Opens a connection. If it rejects, `fetch` rejects with the same reason. */
  connect: () => Promise<ByteStreams>;
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
}
