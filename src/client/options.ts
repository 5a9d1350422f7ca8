import type { ByteStreams } from "./byte_streams.ts";
import type { ClientRole } from "./role.ts";
import type { ClientParams } from "./request_params.ts";

/** What all requests of a client have in common. */
export interface ClientOptions {
  /**
   * Parameters for every request, such as `DOCUMENT_ROOT` or `SCRIPT_FILENAME`. They replace the
   * ones made from the `Request`; `undefined` takes one away.
   *
   * @default {{}}
   */
  params?: ClientParams;
  /**
   * Whether connections are used for one request after another (`FCGI_KEEP_CONN`). Leave it off for
   * php-fpm, where a connection keeps one of the workers for itself, and where a program should end
   * without {@link StreamClient.close}.
   *
   * @default {false}
   */
  keepConnection?: boolean;
  /**
   * The most connections at a time; further requests wait for one. One connection carries one
   * request at a time.
   *
   * @default {128}
   */
  maxConnections?: number;
  /**
   * The largest request body, in bytes, that is read as a whole before the request begins. Such a
   * body travels with its length and in the first write; a larger one is passed on as it comes. 0
   * passes on every body as it comes.
   *
   * @default {65536}
   */
  bufferBody?: number;
  /**
   * Hears of every line the application writes to FCGI_STDERR: what a web server has its error log
   * for. What it throws is printed, and nothing fails of it.
   *
   * @default prints the line to standard error, without its control characters
   */
  onStderr?: (line: string) => void;
}

/** {@link ClientOptions} and how a connection is made. */
export interface StreamClientOptions extends ClientOptions {
  /** Makes a connection. What it rejects with, `fetch` rejects with. */
  connect: () => Promise<ByteStreams>;
}

/** What one request has beside its `Request`. */
export interface ClientFetchOptions {
  /** Parameters for this request; they replace the client's and those made from the `Request`. */
  params?: ClientParams;
  /**
   * What the application is asked to be (FastCGI 1.0, section 6).
   *
   * @default {"responder"}
   */
  role?: ClientRole;
  /**
   * The file that a filter is to filter. Bytes get an `FCGI_DATA_LENGTH`; for a stream, and for
   * `FCGI_DATA_LAST_MOD`, see `params`.
   */
  data?: Uint8Array | ReadableStream<Uint8Array>;
  /** Aborts this request, as `request.signal` does too. */
  signal?: AbortSignal;
}
