import { Role } from "../protocol/constants.ts";
import type { ManagementValues } from "../protocol/management.ts";
import { Connection } from "./connection.ts";
import {
  checkLimits,
  type CompleteOptions,
  completeOptions,
  type ConnectionOptions,
} from "./connection_options.ts";
import { Deadline } from "./deadline.ts";
import type { ErrorContext, ServeHandler, ServeRole } from "./handler.ts";
import { Reports } from "./reports.ts";
import { runHere, type RunInContext } from "./run_in_context.ts";
import { Ticker } from "./ticker.ts";
import { type TimeLimits, watchTimes } from "./times.ts";
import type { Transport } from "./transport.ts";

/** `BEGIN_REQUEST.role` by name (FastCGI 1.0, section 8). */
const ROLE_NUMBERS: Record<ServeRole, number> = {
  responder: Role.RESPONDER,
  authorizer: Role.AUTHORIZER,
  filter: Role.FILTER,
};

/** What a service takes at once, over all its connections; `Infinity`, the default, is no limit, and none is told. */
export interface ServiceLimits {
  /** The most connections. */
  maxConnections?: number;
  /** The most requests at once: each until it has ended and its handler has settled. */
  maxRequests?: number;
}

/** One handler with its options, and every connection that it serves. */
export class Service {
  readonly handler: ServeHandler;
  readonly options: CompleteOptions;
  /** The roles that the handler takes, by number. */
  readonly roles: ReadonlyMap<number, ServeRole>;
  /** What GET_VALUES is answered with (FastCGI 1.0, section 4.1). */
  readonly managementValues: ManagementValues;
  readonly reports: Reports;
  /** The most requests at once. */
  readonly maxRequests: number;
  /** Requests on all connections, those that have ended and whose handlers still run among them. */
  requestsInFlight = 0;
  /** How to call what the application wrote. */
  readonly runInContext: RunInContext;
  /** Whether a request that fails says so in the web server's log, beside `onError`. */
  logsFailures = true;
  readonly #maxConnections: number;
  readonly #connections = new Set<Connection>();
  readonly #pending = new Set<Promise<unknown>>();
  readonly #ticker: Ticker;
  readonly #timeLimits: TimeLimits;
  #drained: PromiseWithResolvers<void> | undefined;
  #deadline: Deadline | undefined;

  constructor(
    handler: ServeHandler,
    options: ConnectionOptions = {},
    limits: ServiceLimits = {},
    runInContext: RunInContext = runHere,
  ) {
    this.runInContext = runInContext;
    const { maxConnections = Infinity, maxRequests = Infinity } = limits;
    checkLimits({ maxConnections, maxRequests });
    this.#maxConnections = maxConnections;
    this.maxRequests = maxRequests;
    this.handler = handler;
    this.options = completeOptions(options);
    this.reports = new Reports(options.onError);
    this.roles = new Map(this.options.roles.map((role) => [ROLE_NUMBERS[role], role]));
    const { paramsTimeout, handlerTimeout, writeTimeout } = this.options;
    this.#ticker = new Ticker([paramsTimeout, handlerTimeout, writeTimeout], () => this.#tick());
    this.#timeLimits = {
      params: this.#ticker.ticksOf(paramsTimeout),
      handler: this.#ticker.ticksOf(handlerTimeout),
      write: this.#ticker.ticksOf(writeTimeout),
    };
    // By the letter those of all connections; HAProxy, which alone asks, takes it for those of one. This is true of both.
    const maxReqs = Math.min(this.options.maxRequestsPerConnection, maxRequests);
    const values = new Map([
      ["FCGI_MAX_REQS", String(maxReqs)],
      ["FCGI_MPXS_CONNS", maxReqs > 1 ? "1" : "0"],
    ]);
    if (maxConnections < Infinity) values.set("FCGI_MAX_CONNS", String(maxConnections));
    this.managementValues = values;
  }

  /** Starts serving a connection; one too many takes the place of an idle one, or is served a 503. */
  accept(transport: Transport): Connection {
    const connection = new Connection(transport, this);
    if (this.#isFull && !this.#letIdleGo()) connection.refuse();
    else if (this.#drained !== undefined) connection.drain();
    this.#connections.add(connection);
    this.#ticker.start();
    return connection;
  }

  /** Whether as many connections take requests as may. Those that are about to end have been answered. */
  get #isFull(): boolean {
    if (this.#connections.size < this.#maxConnections) return false;
    let serving = 0;
    for (const connection of this.#connections) if (connection.isServing) serving++;
    return serving >= this.#maxConnections;
  }

  /** Closes the oldest connection that has no request; returns whether there is one. */
  #letIdleGo(): boolean {
    for (const connection of this.#connections) {
      if (connection.isIdle && connection.drain()) return true;
    }
    return false;
  }

  /** Something happens on a connection, after which it may have to be waited for. */
  watch(): void {
    this.#ticker.start();
  }

  /** A connection is closed on both sides. */
  connectionClosed(connection: Connection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#ticker.stop();
    this.#settle();
  }

  /** Keeps {@link drain} waiting for `promise`, whatever it is; its rejection is reported. */
  waitUntil(promise: unknown, context?: ErrorContext): void {
    // `Promise.resolve` would throw for a promise whose `constructor` does.
    const taken = new Promise((resolve) => resolve(promise));
    const settled = taken.catch((error) => this.report(error, context)).finally(() => {
      this.#pending.delete(settled);
      this.#settle();
    });
    this.#pending.add(settled);
  }

  /** Tells `onError` of a failure that has no request to answer, or none any more. */
  report(error: unknown, context?: ErrorContext): void {
    void this.reports.report(error, context);
  }

  /**
   * Lets idle connections go, and the others after the requests they have; resolves when all are closed and what was
   * given to `waitUntil` has settled.
   *
   * @param timeout Milliseconds after which the rest is broken off; 0 and `Infinity` for never.
   */
  drain(timeout = 0): Promise<void> {
    this.#drained ??= Promise.withResolvers();
    for (const connection of [...this.#connections]) connection.drain();
    this.#deadline ??= new Deadline(timeout, this.#connections, this.#pending, (lost) => {
      if (lost !== undefined) this.report(lost);
      this.#settle();
    });
    this.#settle();
    return this.#drained.promise;
  }

  #settle(): void {
    if (this.#drained === undefined) return;
    if (this.#connections.size > 0 || this.#pending.size > 0) return;
    this.#deadline?.clear();
    this.reports.flush();
    this.#drained.resolve();
  }

  #tick(): boolean {
    let isWaiting = false;
    for (const connection of [...this.#connections]) {
      watchTimes(connection, this.#timeLimits);
      isWaiting ||= !connection.isIdle;
    }
    return isWaiting;
  }
}
