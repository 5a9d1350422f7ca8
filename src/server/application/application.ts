import { ROLE_NUMBERS } from "../../protocol/constants.ts";
import type { ManagementValues } from "../../protocol/management.ts";
import {
  checkLimits,
  type CompleteOptions,
  completeOptions,
  type ConnectionOptions,
} from "./connection_options.ts";
import type { ErrorContext, ServeHandler, ServeRole } from "./handler.ts";
import { Counters } from "./counters.ts";
import type { RequestObserver } from "./observer.ts";
import { PendingWork } from "./pending_work.ts";
import { Reports } from "./reports.ts";
import { runHere, type RunInContext } from "./run_in_context.ts";

// As loaded: applications replace the global.
const { Map } = globalThis;

/**
 * Limits over all connections. `Infinity`, the default, is no limit, and is not announced in
 * GET_VALUES_RESULT.
 */
export interface ServiceOptions {
  /** The most connections at once. */
  maxConnections?: number;
  /** The most requests at once; each counts until it has ended and its handler has settled. */
  maxRequests?: number;
  /**
   * Whether a failed request is reported in the web server's log, besides `onError`.
   *
   * @default true
   */
  logsFailures?: boolean;
  /** Is told of every request. */
  observer?: RequestObserver;
}

/**
 * The application served: its handler, its options, and its failure reports. It is independent of
 * connections.
 */
export class Application {
  readonly handler: ServeHandler;
  readonly options: CompleteOptions;
  /** The roles that the handler accepts, by number. */
  readonly roles: ReadonlyMap<number, ServeRole>;
  /** The variables for GET_VALUES_RESULT (FastCGI 1.0, section 4.1). */
  readonly managementValues: ManagementValues;
  readonly reports: Reports;
  readonly counters: Counters = new Counters();
  /** Calls application code. */
  readonly run: RunInContext;
  readonly logsFailures: boolean;
  readonly maxRequests: number;
  readonly observer: RequestObserver | undefined;
  /** Requests on all connections, including ended ones whose handlers still run. */
  requestsInFlight = 0;
  /** Promises of `waitUntil`. */
  readonly pending: PendingWork;

  /** @param settled Called each time a promise of `waitUntil` has settled. */
  constructor(
    handler: ServeHandler,
    options: ConnectionOptions = {},
    serviceOptions: ServiceOptions = {},
    run: RunInContext = runHere,
    settled: () => void = () => {},
  ) {
    const { maxConnections = Infinity, maxRequests = Infinity } = serviceOptions;
    checkLimits({ maxConnections, maxRequests });
    this.handler = handler;
    this.options = completeOptions(options);
    this.roles = new Map(this.options.roles.map((role) => [ROLE_NUMBERS[role], role]));
    this.managementValues = valuesOf(this.options, maxConnections, maxRequests);
    this.reports = new Reports(options.onError);
    this.run = run;
    this.logsFailures = serviceOptions.logsFailures ?? true;
    this.observer = serviceOptions.observer;
    this.maxRequests = maxRequests;
    this.pending = new PendingWork(settled);
  }

  /** Counts a request that begins. */
  requestBegins(): void {
    const { counters } = this;
    const inFlight = ++this.requestsInFlight;
    counters.requestsAccepted++;
    if (inFlight > counters.maxRequestsInFlight) counters.maxRequestsInFlight = inFlight;
  }

  /** Makes a shutdown wait for `promise`, which may be any value; a rejection is reported. */
  waitUntil(promise: unknown, context?: ErrorContext): void {
    this.pending.add(promise, (error) => void this.reports.report(error, context));
  }

  // What is reported from outside of a request's own code, each in an async context of its own:
  // `onError` is the application's, and what it enters is nobody else's.

  /** Reports a failure that has no request to answer, or none any more. */
  report(error: unknown, context?: ErrorContext): void {
    this.run((error) => void this.reports.report(error, context), error);
  }

  /** Reports a fault of a peer, or of a socket; see {@link Reports.reportPeerFault}. */
  reportPeerFault(error: unknown): void {
    this.run((error) => this.reports.reportPeerFault(error), error);
  }

  /** Reports the faults left out last: there will be no others. */
  flushReports(): void {
    this.run((reports) => reports.flush(), this.reports);
  }
}

/**
 * The variables of GET_VALUES_RESULT. According to the specification these are limits over all
 * connections; HAProxy, the only server that asks, takes them as limits of one. The values are true
 * for both.
 */
function valuesOf(
  { maxRequestsPerConnection }: CompleteOptions,
  maxConnections: number,
  maxRequests: number,
): ManagementValues {
  const maxReqs = Math.min(maxRequestsPerConnection, maxRequests);
  const values = new Map([
    ["FCGI_MAX_REQS", String(maxReqs)],
    ["FCGI_MPXS_CONNS", maxReqs > 1 ? "1" : "0"],
  ]);
  if (maxConnections < Infinity) values.set("FCGI_MAX_CONNS", String(maxConnections));
  return values;
}
