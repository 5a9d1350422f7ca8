/**
 * Answers a request. There is always an answer; the reason of a failure goes to the web server's
 * log and to `onError`, never to the client.
 *
 * The ladder, which {@link respond} and {@link fail} go down as far as necessary:
 *
 * 1. The handler's `Response` is sent.
 * 2. The handler threw, or its `Response` cannot be sent, and nothing has been sent: `onError` is
 * called, and the `Response` that it returns is sent.
 * 3. It returns none, or that one cannot be sent either: a plain 500.
 * 4. The header block has been sent already: `onError` is called, and the response breaks off.
 *
 * Apart from it there is {@link reject}: an answer of the server's own, before the handler's or in
 * place of it.
 */
import { isGrant } from "../../cgi/authorizer_head.ts";
import type { Rejection } from "../../cgi/rejection.ts";
import { describeThrown } from "../../log/describe.ts";
import type { EndRequestBody } from "../../protocol/bodies.ts";
import { abortError, isAbortError } from "./abort_error.ts";
import { cancelQuietly } from "../application/cancel_quietly.ts";
import type { Exchange } from "./exchange.ts";
import { sendPlain, sendResponse } from "./send_response.ts";

/**
 * The first rung: sends the handler's `Response`. Never rejects, and returns a promise only if
 * there is something to wait for.
 */
export function respond(exchange: Exchange, response: Response): void | Promise<void> {
  try {
    return sendResponse(exchange, response)?.catch((error) => fail(exchange, error));
  } catch (error) {
    return fail(exchange, error);
  }
}

/**
 * The other three rungs: answers after a failure. Never rejects: where not even a plain 500 can be
 * sent, since an application has replaced what that is made with, the response breaks off.
 */
export async function fail(exchange: Exchange, error: unknown): Promise<void> {
  if (!isAbort(exchange, error)) exchange.application.counters.requestsFailed++;
  try {
    await descend(exchange, error);
  } catch (last) {
    exchange.breakOff(last);
  }
}

async function descend(exchange: Exchange, error: unknown): Promise<void> {
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

/** The second rung: the `Response` of `onError`, if any. */
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
  // An error page without a status is a 200, which would grant what the authorizer protects.
  if (page === undefined || exchange.role !== "authorizer" || !isGrant(page.status)) return page;
  void cancelQuietly(page.body, error);
  return undefined;
}

/**
 * The fourth rung: all that can still be signalled is that the response is truncated. The request
 * counts until `onError` has settled, as on the second rung.
 */
async function breakOff(exchange: Exchange, error: unknown): Promise<void> {
  if (isAbort(exchange, error)) return exchange.breakOff(error);
  const { logsFailures, reports } = exchange.application;
  if (logsFailures) exchange.log(describeThrown(error));
  exchange.setHandled(true);
  const told = reports.report(error, exchange.errorContext);
  exchange.breakOff(error);
  await told;
  exchange.setHandled(false);
}

/**
 * Whether a handler, or the body of its answer, failed because its request was aborted, which is
 * not reported as a failure.
 */
function isAbort({ abortReason }: Exchange, error: unknown): boolean {
  if (abortReason === undefined) return false;
  return error === abortReason || isAbortError(error);
}

/**
 * Answers instead of the handler: the input is not a valid request, or something exceeds a limit.
 *
 * A handler that has been called missed its turn when this returns: its request bodies error,
 * `request.signal` aborts, and its response is ignored. A response that has begun goes on, without
 * the rest of the request bodies.
 *
 * @param endRequest The END_REQUEST body, if not that of a complete request.
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
  exchange.application.counters.requestsRejected++;
  exchange.rejectLate(reason);
  // Without a body it is sent at once.
  sendPlain(exchange, rejection.status, "");
}

/** Sends a rejection as the only answer to a request. */
export function sendRejection(
  exchange: Exchange,
  { status, reason }: Rejection,
  endRequest?: EndRequestBody,
): void {
  exchange.application.counters.requestsRejected++;
  // Before the method is known a body might be wrong: a response to HEAD has none.
  sendPlain(exchange, status, exchange.method === "" ? "" : `${reason}\n`, endRequest);
}
