/**
 * Requests that hold others up. A connection is not read while a body is full, so the other requests on it wait for one
 * handler: as long as that one reads on, if slowly, they do. One that reads nothing at all is given up for them.
 */
import { FastCgiError } from "../protocol/errors.ts";
import { errorContext } from "./error_context.ts";
import type { Exchange } from "./exchange.ts";
import { reject } from "./handle_request.ts";
import { STALL_TIMEOUT } from "./limits.ts";

const REASON = `The body was not read for ${STALL_TIMEOUT} ms while other requests waited`;

/**
 * Gives up those of `exchanges` whose handlers have read nothing of a full body since this was asked last: the body fails,
 * what still comes of it is dropped, and the answer is 503, unless there is one on its way, which may go on.
 */
export function giveUpStalled(exchanges: readonly Exchange[]): void {
  for (const exchange of exchanges) {
    const { stdin, data } = exchange;
    const bodies = data === undefined ? [stdin] : [stdin, data];
    if (!bodies.some((body) => body.hasStalled())) continue;
    exchange.log(REASON);
    reject(exchange, { status: 503, reason: REASON });
    exchange.connection.service.report(
      new FastCgiError("body_unread", `Cannot wait for a handler any longer: ${REASON}`, {
        fault: "application",
        connectionSurvives: true,
      }),
      errorContext(exchange),
    );
  }
}
