/**
 * What a request is answered. There is always an answer; the reason of a failure goes to the web
 * server's log and to `onError`, never to the client.
 *
 * The ladder, which {@link respond} and {@link fail} go down as far as they must:
 *
 * 1. The handler's `Response` is sent.
 * 2. The handler threw, or its `Response` cannot be sent, and nothing has been: `onError` hears of
 *    it, and the `Response` that it gives is sent.
 * 3. It gives none, or that one cannot be sent either: a plain 500.
 * 4. The header block is out already: `onError` hears of it, and the answer breaks off.
 *
 * Beside it stands {@link reject}: an answer of the server's own, before the handler or over it.
 */
import { isGrant } from "../../cgi/authorizer_head.ts";
import type { Rejection } from "../../cgi/rejection.ts";
import { describeThrown } from "../../log/describe.ts";
import type { EndRequestBody } from "../../protocol/bodies.ts";
import { abortError, isAbortError } from "./abort_error.ts";
import { cancelQuietly } from "../application/cancel_quietly.ts";
import type { Exchange } from "./exchange.ts";
import { sendPlain, sendResponse } from "./send_response.ts";

/** Answers with what the handler gave: the first rung. */
export async function respond(exchange: Exchange, response: Response): Promise<void> {
  try {
    await sendResponse(exchange, response);
  } catch (error) {
    await fail(exchange, error);
  }
}

/** Answers although something failed: the other three. */
export async function fail(exchange: Exchange, error: unknown): Promise<void> {
  if (exchange.isResponding) return await breakOff(exchange, error);
  try {
    const page = await errorPage(exchange, error);
    if (page !== undefined) return await sendResponse(exchange, page, false);
  } catch (failure) {
    if (exchange.isResponding) return await breakOff(exchange, failure);
    exchange.dropBody(failure);
    void exchange.application.reports.report(failure, exchange.errorContext);
  }
  sendPlain(exchange, 500, "Internal Server Error\n");
}

/** The second rung: what `onError` wants sent, if anything. */
async function errorPage(exchange: Exchange, error: unknown): Promise<Response | undefined> {
  const { logsFailures, reports } = exchange.application;
  exchange.dropBody(error);
  if (isAbort(exchange, error)) {
    exchange.setHandled(false);
    return undefined;
  }
  exchange.setHandled(true);
  if (!exchange.isEnded && logsFailures) exchange.log(describeThrown(error));
  const page = await reports.errorResponse(error, exchange.errorContext);
  exchange.setHandled(false);
  // An error page that has forgotten its status would open what the authorizer guards.
  if (page === undefined || exchange.role !== "authorizer" || !isGrant(page.status)) return page;
  void cancelQuietly(page.body, error);
  return undefined;
}

/**
 * The fourth rung: all that can still be told is that the response is not whole. The request counts
 * until `onError` has settled, as it does where that has an answer to give.
 */
async function breakOff(exchange: Exchange, error: unknown): Promise<void> {
  const { logsFailures, reports } = exchange.application;
  if (logsFailures) exchange.log(describeThrown(error));
  exchange.setHandled(true);
  const told = reports.report(error, exchange.errorContext);
  exchange.breakOff(error);
  await told;
  exchange.setHandled(false);
}

/** Whether a handler failed because its request was aborted, which is no failure of anybody's. */
function isAbort({ abortReason }: Exchange, error: unknown): boolean {
  if (abortReason === undefined) return false;
  return error === abortReason || isAbortError(error);
}

/**
 * Answers instead of the handler: what came cannot be made a request, or something is over a limit.
 *
 * A handler that has been called is overruled, before this returns: its bodies fail,
 * `request.signal` aborts, and what it still answers comes too late. An answer that has begun goes
 * on, without the rest of the bodies.
 *
 * @param endRequest What END_REQUEST says behind it, if not that the request is complete.
 */
export function reject(
  exchange: Exchange,
  rejection: Rejection,
  endRequest?: EndRequestBody,
): void {
  if (exchange.beginHandling()) return sendRejection(exchange, rejection, endRequest);
  const reason = abortError(rejection.reason);
  exchange.input.failBodies(reason);
  if (exchange.state !== "handling") return;
  exchange.rejectLate(reason);
  // Without a body it goes at once.
  sendPlain(exchange, rejection.status, "");
}

/** Sends a rejection to a request that nobody else answers. */
export function sendRejection(
  exchange: Exchange,
  { status, reason }: Rejection,
  endRequest?: EndRequestBody,
): void {
  // Before the method is known a body may be one too many: HEAD has none.
  sendPlain(exchange, status, exchange.method === "" ? "" : `${reason}\n`, endRequest);
}
