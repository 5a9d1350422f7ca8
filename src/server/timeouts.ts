/**
 * The three timeouts of a connection: `paramsTimeout`, `handlerTimeout` and `writeTimeout` (a peer
 * that does not read).
 */
import { applicationError, fatalPeerError } from "../protocol/errors.ts";
import { abortError } from "./exchange/abort_error.ts";
import { reject } from "./exchange/answer.ts";
import type { Connection } from "./connection/connection.ts";
import type { Exchange } from "./exchange/exchange.ts";

/** The timeouts in ticks; each fires after more than that. */
export interface TickLimits {
  readonly params: number;
  readonly handler: number;
  readonly write: number;
}

/**
 * Counts one tick on a connection, and ends what has timed out, without touching anything else on
 * it.
 */
export function checkTimeouts(connection: Connection, limits: TickLimits): void {
  if (connection.output.tick() > limits.write) return writeTimedOut(connection);
  // A connection without a request is ordinary: it is closed without a report.
  if (connection.tick() > limits.params) connection.endWhenDone();
  for (const exchange of connection.requests.all) {
    const awaitsParams = exchange.state === "params";
    // Paused: parameters cannot arrive while the input is held, nor a handler make progress while
    // the output is blocked.
    if (awaitsParams ? connection.reading.isHeld : connection.output.isBlocked) continue;
    const ticks = exchange.tick();
    if (ticks <= (awaitsParams ? limits.params : limits.handler)) continue;
    if (awaitsParams) paramsTimedOut(connection, exchange);
    else handlerTimedOut(exchange);
  }
}

/**
 * The connection closes after the response: a web server that sends incomplete parameters is not
 * worth waiting for again.
 */
function paramsTimedOut(connection: Connection, exchange: Exchange): void {
  const { application } = connection;
  const { paramsTimeout } = application.options;
  application.reportPeerFault(
    fatalPeerError("timed_out", `Cannot wait for parameters longer than ${paramsTimeout} ms`),
  );
  reject(exchange, { status: 408, reason: "The request did not come in time" });
  connection.endWhenDone();
}

function handlerTimedOut(exchange: Exchange): void {
  const { application } = exchange;
  const { handlerTimeout } = application.options;
  const message = `The handler has given nothing for ${handlerTimeout} ms`;
  exchange.log(message);
  if (exchange.isResponding) exchange.breakOff(abortError(message));
  else reject(exchange, { status: 504, reason: message });
  application.report(
    applicationError("timed_out", `Cannot wait for a handler any longer: ${message}`),
    exchange.errorContext,
  );
}

function writeTimedOut(connection: Connection): void {
  const { application } = connection;
  const { writeTimeout } = application.options;
  const message = `The web server has read nothing for ${writeTimeout} ms`;
  application.reportPeerFault(
    fatalPeerError("timed_out", `Cannot send any more: ${message}`),
  );
  connection.destroy(abortError(message));
}
