import { ROLE_NUMBERS } from "../../protocol/constants.ts";
import type { ManagementValues } from "../../protocol/management.ts";
import {
  checkLimits,
  type CompleteOptions,
  completeOptions,
  type ConnectionOptions,
} from "./connection_options.ts";
import type { ErrorContext, ServeHandler, ServeRole } from "./handler.ts";
import { PendingWork } from "./pending_work.ts";
import { Reports } from "./reports.ts";
import { runHere, type RunInContext } from "./run_in_context.ts";

/**
 * What holds for all connections together; `Infinity`, the default, is no limit, and none is told.
 */
export interface ServiceOptions {
  /** The most connections. */
  maxConnections?: number;
  /** The most requests at once: each until it has ended and its handler has settled. */
  maxRequests?: number;
  /**
   * Whether a request that fails says so in the web server's log, beside `onError`.
   *
   * @default {true}
   */
  logsFailures?: boolean;
}

/** What is served: a handler, its options, and who hears of failures. It knows no connection. */
export class Application {
  readonly handler: ServeHandler;
  readonly options: CompleteOptions;
  /** The roles that the handler takes, by number. */
  readonly roles: ReadonlyMap<number, ServeRole>;
  /** What GET_VALUES is answered with (FastCGI 1.0, section 4.1). */
  readonly managementValues: ManagementValues;
  readonly reports: Reports;
  /** Calls what the application wrote. */
  readonly run: RunInContext;
  readonly logsFailures: boolean;
  readonly maxRequests: number;
  /** Requests on all connections, those that have ended and whose handlers still run among them. */
  requestsInFlight = 0;
  /** What was given to `waitUntil`. */
  readonly pending: PendingWork;

  /** @param settled Hears each time a promise of `waitUntil` has settled. */
  constructor(
    handler: ServeHandler,
    options: ConnectionOptions = {},
    { maxConnections = Infinity, maxRequests = Infinity, logsFailures = true }: ServiceOptions = {},
    run: RunInContext = runHere,
    settled: () => void = () => {},
  ) {
    checkLimits({ maxConnections, maxRequests });
    this.handler = handler;
    this.options = completeOptions(options);
    this.roles = new Map(this.options.roles.map((role) => [ROLE_NUMBERS[role], role]));
    this.managementValues = valuesOf(this.options, maxConnections, maxRequests);
    this.reports = new Reports(options.onError);
    this.run = run;
    this.logsFailures = logsFailures;
    this.maxRequests = maxRequests;
    this.pending = new PendingWork(settled);
  }

  /** Keeps a shutdown waiting for `promise`, whatever it is; its rejection is reported. */
  waitUntil(promise: unknown, context?: ErrorContext): void {
    this.pending.add(promise, (error) => void this.reports.report(error, context));
  }
}

/**
 * By the letter these are the limits of all connections; HAProxy, which alone asks, takes them for
 * those of one. What is said is true of both.
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
