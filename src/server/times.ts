/** What lasts too long on a connection: parameters that do not come, handlers that do not answer, a peer that does not read. */
import { FastCgiError } from "../protocol/errors.ts";
import { abortError } from "./abort_error.ts";
import type { Connection } from "./connection.ts";
import { errorContext } from "./error_context.ts";
import type { Exchange } from "./exchange.ts";
import { reject } from "./handle_request.ts";

/** How many ticks each may last; after more it is given up. */
export interface TimeLimits {
  readonly params: number;
  readonly handler: number;
  readonly write: number;
}

/** Counts one tick on a connection, and gives up what has lasted too long. Nothing else on it is touched. */
export function watchTimes(connection: Connection, limits: TimeLimits): void {
  if (connection.output.waited() > limits.write) return notRead(connection);
  // An empty connection is ordinary: it ends, and nobody is told.
  if (connection.waitedForRequest() > limits.params) connection.endWhenDone();
  for (const exchange of connection.requests.all) {
    const { state } = exchange;
    // What we do not read cannot come, and what is not taken cannot be given.
    if (state === "params" ? connection.reading.isHeld : connection.output.isBlocked) continue;
    exchange.ticks++;
    if (state === "params") {
      if (exchange.ticks > limits.params) paramsLate(exchange);
    } else if (exchange.ticks > limits.handler) handlerLate(exchange);
  }
}

/** The connection closes behind the answer: a web server that sends half a head is not one to wait for again. */
function paramsLate(exchange: Exchange): void {
  const { connection } = exchange;
  const { paramsTimeout } = connection.service.options;
  connection.service.reports.reportPeerFault(
    new FastCgiError("timed_out", `Cannot wait for parameters longer than ${paramsTimeout} ms`, {
      fault: "peer",
      connectionSurvives: false,
    }),
  );
  reject(exchange, { status: 408, reason: "The request did not come in time" });
  connection.endWhenDone();
}

function handlerLate(exchange: Exchange): void {
  const { service } = exchange.connection;
  const message = `The handler has given nothing for ${service.options.handlerTimeout} ms`;
  exchange.log(message);
  if (exchange.isResponding) exchange.breakOff(abortError(message));
  else reject(exchange, { status: 504, reason: message });
  service.report(
    new FastCgiError("timed_out", `Cannot wait for a handler any longer: ${message}`, {
      fault: "application",
      connectionSurvives: true,
    }),
    errorContext(exchange),
  );
}

function notRead(connection: Connection): void {
  const { options, reports } = connection.service;
  const message = `The web server has read nothing for ${options.writeTimeout} ms`;
  reports.reportPeerFault(
    new FastCgiError("timed_out", `Cannot send any more: ${message}`, {
      fault: "peer",
      connectionSurvives: false,
    }),
  );
  connection.closed(abortError(message));
}
