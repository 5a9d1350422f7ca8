import { print } from "../log/print.ts";
import type { Connection } from "./connection.ts";
import { ConnectionPool } from "./connection_pool.ts";
import { Exchange } from "./exchange.ts";
import { askValues } from "./get_values.ts";
import type { ClientFetchOptions, StreamClientOptions } from "./options.ts";
import { type OutgoingRequest, prepareRequest, REQUEST_ID } from "./outgoing_request.ts";
import { untilAborted } from "./until_aborted.ts";

// As loaded: applications replace the global.
// Another name for what public types say, too: `deno doc --lint` takes it for a type of ours.
const { AbortSignal, Promise: StandardPromise } = globalThis;

/**
 * The default `maxConnections`: as many as the listen queue of a socket used to hold on Linux
 * (`SOMAXCONN`).
 */
const MAX_CONNECTIONS = 128;

/**
 * Idempotent methods: a request may be sent again when no response came (RFC 9110, section 9.2.2).
 */
const IDEMPOTENT = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"];

/**
 * The web server's half of FastCGI over any Web Streams: sends a `Request` to an application as a
 * web server would, and turns the reply into a `Response`. `FastCgiClient` is the same over
 * sockets.
 */
export class StreamClient implements AsyncDisposable {
  readonly #options: StreamClientOptions;
  readonly #pool: ConnectionPool;

  /** Creates a client; it connects at the first request. */
  constructor(options: StreamClientOptions) {
    this.#options = options;
    this.#pool = new ConnectionPool(options.connect, options.maxConnections ?? MAX_CONNECTIONS);
  }

  /**
   * Sends a request, and resolves with the response as soon as its header block is complete; the
   * body is streamed. As with any `fetch`, an unused body must be cancelled, or its connection
   * stays busy.
   *
   * If a kept connection turns out to be closed, the request is retried once over a new one,
   * provided that its method is idempotent (RFC 9110, section 9.2.2) and its body was not longer
   * than `bufferBody`.
   *
   * @throws {FastCgiError} `connection_lost`, `request_refused`, `bad_reply` or a fault of the
   * record layer. After the header block the response's body errors with it instead: a truncated
   * reply never looks complete.
   * @throws The reason of an aborted signal, and whatever `connect` throws.
   */
  async fetch(request: Request, options: ClientFetchOptions = {}): Promise<Response> {
    const signal = options.signal === undefined
      ? request.signal
      : AbortSignal.any([request.signal, options.signal]);
    signal.throwIfAborted();
    const outgoing = await prepareRequest(request, options, this.#options, signal);
    for (let fresh = false;; fresh = true) {
      const connection = await this.#acquire(fresh, outgoing, signal);
      const exchange = this.#begin(connection, outgoing, request.method === "HEAD", signal);
      try {
        return await exchange.response;
      } catch (error) {
        const isStale = connection.isReused && !exchange.hasReceived && !signal.aborted;
        const isRepeatable = outgoing.streams.length === 0 && IDEMPOTENT.includes(request.method);
        if (fresh || !isStale || !isRepeatable) throw error;
      }
    }
  }

  /**
   * Queries variables of the application with GET_VALUES (FastCGI 1.0, section 4.1), over a
   * connection of its own. Variables that the application does not know are absent from the result.
   *
   * @param names Such as `FCGI_MAX_CONNS`, `FCGI_MAX_REQS`, `FCGI_MPXS_CONNS`.
   * @throws {FastCgiError} `connection_lost`, or a fault of the record layer.
   */
  async getValues(names: Iterable<string>): Promise<Map<string, string>> {
    const connection = await this.#pool.acquire({ fresh: true });
    try {
      return await askValues(connection, names);
    } finally {
      this.#pool.release(connection, false);
    }
  }

  /** Closes all connections at once. Requests in flight fail. */
  close(): void {
    this.#pool.close();
  }

  /** The same as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return StandardPromise.resolve();
  }

  get #keepsConnections(): boolean {
    return this.#options.keepConnection ?? false;
  }

  async #acquire(
    fresh: boolean,
    outgoing: OutgoingRequest,
    signal: AbortSignal,
  ): Promise<Connection> {
    const acquired = this.#pool.acquire({ fresh });
    try {
      return await untilAborted(acquired, signal);
    } catch (error) {
      // The abort does not stop the connection attempt; a later request may use the connection.
      acquired.then(
        (connection) => this.#pool.release(connection, this.#keepsConnections),
        () => {},
      );
      for (const { reader } of outgoing.streams) reader.cancel(error).catch(() => {});
      throw error;
    }
  }

  #begin(
    connection: Connection,
    { start, streams }: OutgoingRequest,
    isHead: boolean,
    signal: AbortSignal,
  ): Exchange {
    const onAbort = (): void => exchange.abort(signal.reason);
    const exchange = new Exchange(connection, {
      requestId: REQUEST_ID,
      start,
      streams,
      isHead,
      keepConnection: this.#keepsConnections,
      onStderr: this.#options.onStderr ?? print,
      onDone: (isReusable) => {
        signal.removeEventListener("abort", onAbort);
        this.#pool.release(connection, isReusable);
      },
    });
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    return exchange;
  }
}
