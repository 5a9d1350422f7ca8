import { print } from "../log/print.ts";
import { tell } from "../log/tell.ts";
import type { Lane } from "./carrier.ts";
import { ConnectionPool } from "./connection_pool.ts";
import { Exchange } from "./exchange.ts";
import { askValues } from "./get_values.ts";
import type { ClientFetchOptions, StreamClientOptions } from "./options.ts";
import { keepsConnections, type OutgoingRequest, prepareRequest } from "./outgoing_request.ts";
import { noReply } from "./errors.ts";
import { waitFor } from "./wait_for.ts";

// As loaded: applications replace the global.
// Another name for what public types say, too: `deno doc --lint` takes it for a type of ours.
const { AbortSignal: StandardSignal, Promise: StandardPromise } = globalThis;

/**
 * The default `maxConnections`: as many as the listen queue of a socket used to hold on Linux
 * (`SOMAXCONN`).
 */
const MAX_CONNECTIONS = 128;
/** The default `maxQueue`. */
const MAX_QUEUE = 1024;
/** The default `queueTimeout`, in milliseconds. */
const QUEUE_TIMEOUT = 30_000;
/** The default `connectTimeout`, in milliseconds. */
const CONNECT_TIMEOUT = 10_000;
/** The default `idleTimeout`, in milliseconds: that of nginx's `keepalive`. */
const IDLE_TIMEOUT = 60_000;

/** How long GET_VALUES may take without a `responseTimeout`, in milliseconds: nothing runs then. */
const VALUES_TIMEOUT = 10_000;

/** The variables of the specification (FastCGI 1.0, section 4.1). */
const ALL_VALUES = ["FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS"];

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
  /** Settles when it is known how many requests a connection carries. */
  #capacityKnown: Promise<void> | undefined;

  /** Creates a client; it connects at the first request. */
  constructor(options: StreamClientOptions) {
    this.#options = options;
    this.#pool = new ConnectionPool(options.connect, {
      maxConnections: options.maxConnections ?? MAX_CONNECTIONS,
      keepsIdle: keepsConnections(options),
      maxConnectionUses: options.maxConnectionUses ?? 0,
      idleTimeout: options.idleTimeout ?? IDLE_TIMEOUT,
      connectTimeout: options.connectTimeout ?? CONNECT_TIMEOUT,
      maxQueue: options.maxQueue ?? MAX_QUEUE,
      queueTimeout: options.queueTimeout ?? QUEUE_TIMEOUT,
    });
  }

  /**
   * Sends a request, and resolves with the response as soon as its header block is complete; the
   * body is streamed. As with any `fetch`, an unused body must be cancelled, or its connection
   * stays busy.
   *
   * If a kept connection turns out to be closed, the request is sent once more over a new one,
   * provided that nothing of an answer has come, its body is still in memory (`bufferBody`), and
   * its method is idempotent (RFC 9110, section 9.2.2) or the system says that nothing was sent.
   *
   * @throws {FastCgiError} `connection_lost`, `request_refused`, `bad_reply`, `body_too_large`,
   * `overloaded`, `timed_out` or a fault of the record layer. After the header block the response's
   * body errors with it instead: a truncated reply never looks complete.
   * @throws The reason of an aborted signal, and whatever `connect` throws.
   */
  async fetch(request: Request, options: ClientFetchOptions = {}): Promise<Response> {
    const signal = options.signal === undefined
      ? request.signal
      : StandardSignal.any([request.signal, options.signal]);
    signal.throwIfAborted();
    const outgoing = await prepareRequest(request, options, this.#options, signal);
    for (let fresh = false;; fresh = true) {
      const lane = await this.#acquire(fresh, outgoing, signal);
      const exchange = this.#begin(lane, outgoing, request, { ...options, signal });
      try {
        return await exchange.response;
      } catch (error) {
        const isStale = lane.isReused && !exchange.hasReceived && !signal.aborted;
        const isRepeatable = outgoing.streams.length === 0 &&
          (IDEMPOTENT.includes(request.method) || exchange.isUnsent(error));
        if (fresh || !isStale || !isRepeatable) throw error;
      }
    }
  }

  /**
   * Resolves when the application answers: to a query of its variables, over a connection of its
   * own. That runs no code of the application's, and needs no script. An application that knows no
   * GET_VALUES says so, which is an answer.
   *
   * @throws {FastCgiError} `connection_lost`, `overloaded`, `timed_out` or a fault of the record
   * layer.
   * @throws The reason of an aborted signal, and whatever `connect` throws.
   */
  async ping(options: { signal?: AbortSignal } = {}): Promise<void> {
    await this.values(ALL_VALUES, options);
  }

  /**
   * Queries variables of the application with GET_VALUES (FastCGI 1.0, section 4.1), over a
   * connection of its own. Variables that the application does not know are absent from the result.
   *
   * @param names By default those of the specification: `FCGI_MAX_CONNS`, `FCGI_MAX_REQS`,
   * `FCGI_MPXS_CONNS`.
   * @throws {FastCgiError} `connection_lost`, `overloaded`, `timed_out` or a fault of the record
   * layer.
   * @throws The reason of an aborted signal, and whatever `connect` throws.
   */
  async values(
    names: Iterable<string> = ALL_VALUES,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Map<string, string>> {
    signal?.throwIfAborted();
    const connection = await this.#pool.acquire(signal, { fresh: true });
    try {
      const { responseTimeout = VALUES_TIMEOUT } = this.#options;
      return await waitFor(askValues(connection, names), {
        time: responseTimeout,
        error: () => noReply(responseTimeout),
        signal,
      });
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

  get #mayShare(): boolean {
    return (this.#options.maxRequestsPerConnection ?? 1) > 1;
  }

  /** Asks the application whether it takes several requests on a connection, and how many. */
  async #findCapacity(): Promise<void> {
    try {
      const values = await this.values(["FCGI_MPXS_CONNS", "FCGI_MAX_REQS"]);
      if (values.get("FCGI_MPXS_CONNS") !== "1") return;
      const most = Number(values.get("FCGI_MAX_REQS")) || Infinity;
      this.#pool.capacity = Math.min(this.#options.maxRequestsPerConnection!, most);
    } catch {
      // The request that waits for this will meet the same; a later one asks again.
      this.#capacityKnown = undefined;
    }
  }

  async #acquire(
    fresh: boolean,
    outgoing: OutgoingRequest,
    signal: AbortSignal,
  ): Promise<Lane> {
    try {
      if (this.#mayShare) await (this.#capacityKnown ??= this.#findCapacity());
      return await this.#pool.acquire(signal, { fresh });
    } catch (error) {
      for (const { reader } of outgoing.streams) reader.cancel(error).catch(() => {});
      throw error;
    }
  }

  #begin(
    lane: Lane,
    { startFor, streams }: OutgoingRequest,
    request: Request,
    { signal, onBreak, onEnd }: ClientFetchOptions & { signal: AbortSignal },
  ): Exchange {
    const { onStderr = print, responseTimeout = 0 } = this.#options;
    const onAbort = (): void => exchange.abort(signal.reason);
    const exchange = new Exchange(lane, {
      start: startFor(lane.requestId),
      streams,
      isHead: request.method === "HEAD",
      keepConnection: keepsConnections(this.#options),
      responseTimeout,
      onStderr: (line) => onStderr(line, { request }),
      onBreak: onBreak && ((error) => tell(() => onBreak(error))),
      onEnd: onEnd && ((appStatus) => tell(() => onEnd(appStatus))),
      onDone: (isReusable) => {
        signal.removeEventListener("abort", onAbort);
        this.#pool.release(lane, isReusable);
      },
    });
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    return exchange;
  }
}
