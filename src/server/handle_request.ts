/**
 * From complete parameters to an answer on its way: `Request`, handler, `Response`, and whatever goes wrong between
 * them. There is always an answer; the reason of a failure goes to the web server's log and to `onError`, never to the
 * client.
 */
import { isGrant } from "../cgi/authorizer_head.ts";
import { hasEmptyBody } from "../cgi/empty_body.ts";
import { CgiParams } from "../cgi/params.ts";
import { contentLength } from "../cgi/content_length.ts";
import { createRequest, isRejection, methodAllowsBody, type Rejection } from "../cgi/request.ts";
import { describeThrown } from "../log/describe.ts";
import { abortError, isAbortError } from "./abort_error.ts";
import { cancelQuietly } from "./cancel_quietly.ts";
import { errorContext } from "./error_context.ts";
import type { Exchange } from "./exchange.ts";
import { handlerInfo } from "./handler_info.ts";
import { readParams } from "./read_params.ts";
import { bodyTooLarge } from "./refusal.ts";
import { sendPlain, sendResponse } from "./send_response.ts";

/** As they were when this was loaded: applications put others in their place. */
const { ReadableStream, Response } = globalThis;

/** Runs the handler on an exchange whose parameters are complete, and sends what it answers. */
export function handleRequest(exchange: Exchange): void {
  const content = exchange.takeParams();
  if (content === undefined) return;
  const { stdin, connection: { service } } = exchange;
  const { mount, maxParams, maxBodyBytes } = service.options;
  const params = readParams(content, maxParams);
  if (!(params instanceof CgiParams)) return answer(exchange, params);
  exchange.params = params;
  exchange.method = params.get("REQUEST_METHOD") ?? "";
  // An authorizer decides without a body, and Apache's never end the STDIN of one.
  const hasBody = exchange.role !== "authorizer" && methodAllowsBody(exchange.method);
  if (!hasBody) stdin.discard();
  else if (hasEmptyBody(params)) stdin.end();
  else if ((contentLength(params.get("CONTENT_LENGTH")) ?? 0) > maxBodyBytes) {
    return answer(exchange, bodyTooLarge(maxBodyBytes));
  }
  const request = createRequest(params, hasBody ? stdin.open() : null, {
    mount,
    signal: () => exchange.signal,
  });
  if (isRejection(request)) return answer(exchange, request);
  exchange.method = request.method;
  callHandler(exchange, request);
}

/**
 * Answers instead of the handler: what came cannot be made a request, or something is over a limit.
 *
 * A handler that has been called is overruled, before this returns: its bodies fail, `request.signal` aborts, and what it
 * still answers comes too late. An answer that has begun goes on, without the rest of the bodies.
 */
export function reject(exchange: Exchange, rejection: Rejection): void {
  if (exchange.takeParams() !== undefined) return answer(exchange, rejection);
  const reason = abortError(rejection.reason);
  exchange.stdin.fail(reason);
  exchange.data?.fail(reason);
  if (exchange.state !== "handling") return;
  exchange.overrule(reason);
  // Without a body it goes at once.
  sendPlain(exchange, rejection.status, "");
}

function answer(exchange: Exchange, { status, reason }: Rejection): void {
  // Before the method is known a body may be one too many: HEAD has none.
  sendPlain(exchange, status, exchange.method === "" ? "" : `${reason}\n`);
}

function callHandler(exchange: Exchange, request: Request): void {
  const { service, requests } = exchange.connection;
  const info = handlerInfo(exchange, exchange.data ? streamOf(exchange.data.open()) : null);
  exchange.request = request;
  exchange.info = info;
  try {
    const response = service.handler(request, info);
    if (response instanceof Response) {
      void respond(exchange, response);
    } else {
      requests.setHandled(exchange, true);
      Promise.resolve(response).then(
        (response) => {
          requests.setHandled(exchange, false);
          return respond(exchange, response);
        },
        (error) => handlerFailed(exchange, error),
      );
    }
  } catch (error) {
    void handlerFailed(exchange, error);
  }
}

async function respond(exchange: Exchange, response: Response): Promise<void> {
  try {
    await sendResponse(exchange, response);
  } catch (error) {
    if (exchange.isResponding) await responseFailed(exchange, error);
    else await handlerFailed(exchange, error);
  }
}

/** Nothing has been sent: the client gets an answer. */
async function handlerFailed(exchange: Exchange, error: unknown): Promise<void> {
  const { service, requests } = exchange.connection;
  exchange.dropBody(error);
  requests.setHandled(exchange, true);
  let response: Response | undefined;
  if (!isAbort(exchange, error)) {
    if (!exchange.isEnded && service.logsFailures) exchange.log(describeThrown(error));
    response = await service.reports.errorResponse(error, errorContext(exchange));
  }
  requests.setHandled(exchange, false);
  try {
    // An error page that has forgotten its status would open what the authorizer guards.
    if (exchange.role === "authorizer" && isGrant(response?.status ?? 0)) {
      void cancelQuietly(response?.body, error);
      response = undefined;
    }
    if (response === undefined) return sendInternalServerError(exchange);
    await sendResponse(exchange, response, false);
  } catch (failure) {
    if (exchange.isResponding) return await responseFailed(exchange, failure);
    exchange.dropBody(failure);
    service.report(failure, errorContext(exchange));
    sendInternalServerError(exchange);
  }
}

/**
 * The header block has been sent: all that can still be told is that the response is not whole. The
 * request counts until `onError` has settled, as it does where that has an answer to give.
 */
async function responseFailed(exchange: Exchange, error: unknown): Promise<void> {
  const { service, requests } = exchange.connection;
  if (service.logsFailures) exchange.log(describeThrown(error));
  requests.setHandled(exchange, true);
  const told = service.reports.report(error, errorContext(exchange));
  exchange.breakOff(error);
  await told;
  requests.setHandled(exchange, false);
}

/** Whether a handler failed because its request was aborted, which is no failure of anybody's. */
function isAbort({ abortReason }: Exchange, error: unknown): boolean {
  if (abortReason === undefined) return false;
  return error === abortReason || isAbortError(error);
}

function sendInternalServerError(exchange: Exchange): void {
  sendPlain(exchange, 500, "Internal Server Error\n");
}

function streamOf(
  data: Uint8Array | ReadableStream<Uint8Array> | null,
): ReadableStream<Uint8Array> {
  if (data instanceof ReadableStream) return data;
  return new ReadableStream({
    start(controller) {
      if (data !== null) controller.enqueue(data);
      controller.close();
    },
  });
}
