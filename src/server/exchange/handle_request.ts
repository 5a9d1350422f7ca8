/** Calls the handler once the parameters are complete: creates its `Request` and its info. */
import { contentLength } from "../../cgi/content_length.ts";
import { hasEmptyBody } from "../../cgi/empty_body.ts";
import { isRejection } from "../../cgi/rejection.ts";
import { createRequest, methodAllowsBody } from "../../cgi/request.ts";
import { fail, respond, sendRejection } from "./answer.ts";
import type { Exchange } from "./exchange.ts";
import { handlerInfo } from "./handler_info.ts";
import { bodyTooLarge } from "./rejections.ts";

/** As loaded: applications replace globals. */
const { Promise, ReadableStream, Response } = globalThis;

/** Runs the handler on an exchange whose parameters are complete, and sends its response. */
export function handleRequest(exchange: Exchange): void {
  if (!exchange.beginHandling()) return;
  try {
    answerRequest(exchange);
  } catch (error) {
    void fail(exchange, error);
  }
}

function answerRequest(exchange: Exchange): void {
  const rejection = exchange.readParams();
  if (rejection !== undefined) return sendRejection(exchange, rejection);
  const { params, method, role, input: { stdin }, application: { options } } = exchange;
  // An authorizer decides without a body, and Apache never ends its STDIN.
  const hasBody = role !== "authorizer" && methodAllowsBody(method);
  if (!hasBody) stdin.discard();
  else if (hasEmptyBody(params)) stdin.end();
  else if ((contentLength(params.get("CONTENT_LENGTH")) ?? 0) > options.maxBodyBytes) {
    return sendRejection(exchange, bodyTooLarge(options.maxBodyBytes));
  }
  const body = hasBody ? stdin.open() : null;
  const request = createRequest(params, body, {
    mount: options.mount,
    signal: () => exchange.signal,
    collect: body instanceof ReadableStream
      ? (stream) => stdin.collect(stream, contentLength(params.get("CONTENT_LENGTH")) ?? 0)
      : undefined,
  });
  if (isRejection(request)) return sendRejection(exchange, request);
  callHandler(exchange, request);
}

function callHandler(exchange: Exchange, request: Request): void {
  const { application: { handler }, input: { data } } = exchange;
  const info = handlerInfo(exchange, data === undefined ? null : streamOf(data.open()));
  exchange.handlerCalled(request, info);
  const response = handler(request, info);
  if (response instanceof Response) return void respond(exchange, response);
  exchange.setHandled(true);
  Promise.resolve(response).then(
    (response) => {
      exchange.setHandled(false);
      return respond(exchange, response);
    },
    (error) => fail(exchange, error),
  );
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
