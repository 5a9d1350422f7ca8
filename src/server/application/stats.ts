import type { Application } from "./application.ts";

/** What a server has done since it was started, and what it does now. Counters never fall. */
export interface ServerStats {
  /** When it was started: milliseconds since the epoch, as of `Date.now()`. */
  readonly startTime: number;
  /** Connections of web servers. */
  readonly connections: {
    /** Open now, busy or kept. */
    readonly active: number;
    /** Accepted since the start. */
    readonly accepted: number;
    /** Of these, beyond `maxConnections`: their requests were answered 503. */
    readonly refused: number;
  };
  /** Requests on them. */
  readonly requests: {
    /** In progress now, with those whose client has gone and whose handler still runs. */
    readonly active: number;
    /** The most at once since the start. */
    readonly maxActive: number;
    /** Begun since the start, the others below included. */
    readonly accepted: number;
    /**
     * Answered by the server in place of the handler: 503 beyond a limit, 413, 431, 400, 504 after
     * `handlerTimeout`.
     */
    readonly rejected: number;
    /** The handler threw, or its response broke off. */
    readonly failed: number;
    /** Given up by the web server, as a rule because its client went away. */
    readonly aborted: number;
  };
}

/** The statistics of an application that is served on so many connections. */
export function statsOf(
  { counters, requestsInFlight }: Application,
  connections: number,
): ServerStats {
  return {
    startTime: counters.startTime,
    connections: {
      active: connections,
      accepted: counters.connectionsAccepted,
      refused: counters.connectionsRefused,
    },
    requests: {
      active: requestsInFlight,
      maxActive: counters.maxRequestsInFlight,
      accepted: counters.requestsAccepted,
      rejected: counters.requestsRejected,
      failed: counters.requestsFailed,
      aborted: counters.requestsAborted,
    },
  };
}
