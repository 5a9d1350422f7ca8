/**
 * A `Response` to STDOUT.
 *
 * The body is read for as long as it answers at once. If it ends in that time its length is known:
 * it gets a Content-Length, and a small one leaves in one write with its header block and the end
 * of the request. If it does not, it is a stream: what there is goes out, and every chunk after it
 * as it comes, no faster than the connection takes it.
 */
import { countableLength } from "../../cgi/content_length.ts";
import { headerLimitWarning } from "../../cgi/header_limits.ts";
import {
  responseAllowsBody,
  responseHead,
  type ResponseHeadOptions,
  type ResponseHeadSource,
} from "../../cgi/response_head.ts";
import { isFinalStatus } from "../../cgi/status.ts";
import type { EndRequestBody } from "../../protocol/bodies.ts";
import { STREAM_CONTENT_LEN } from "../../protocol/record.ts";
import { type BodyStart, readBodyStart } from "./body_start.ts";
import { bytesOf } from "./chunk.ts";
import { hasCoding, isDecodedUnseen, lookAtCoding } from "./content_coding.ts";
import type { Exchange } from "./exchange.ts";
import { foreignResponse, type ResponseLike } from "./foreign_response.ts";
import { badResponse, sendContent, sendStream } from "./send_body.ts";

/** As it was when this was loaded: applications replace the global. It only saves a closer look. */
const { Response } = globalThis;

/**
 * Sends `answer`, a `Response` of this runtime or of another making, as that of `exchange`.
 *
 * @param mayGrant Whether it may let an authorizer's request through, which an error page may not,
 * whatever its status says when it is asked again.
 * @throws {TypeError} If it is none, or its body has been used; nothing has been sent then.
 * @throws {FastCgiError} `bad_response` if its header block fits no record, or its body is shorter
 * than it says.
 * @throws Whatever the body fails with; `exchange` says whether anything has been sent.
 */
export async function sendResponse(
  exchange: Exchange,
  answer: Response,
  mayGrant = true,
): Promise<void> {
  let response = asResponse(answer);
  let { body } = response;
  if (body !== null && typeof body.getReader !== "function") {
    // On Bun node-fetch's is of the runtime's class, with a body of Node's.
    response = foreignResponse(answer);
    ({ body } = response);
  }
  if (response.bodyUsed || body?.locked) {
    throw new TypeError("Cannot send the handler's answer: its body has been used already");
  }
  const { method } = exchange;
  const authorizer = exchange.role === "authorizer";
  if (body === null) {
    if (exchange.isEnded) return;
    // The length of what a GET would have got is for the handler of a HEAD to say.
    const contentLength = method === "HEAD" ? undefined : 0;
    const options: ResponseHeadOptions = { method, contentLength, mayGrant, authorizer };
    let head = headOf(exchange, response, options);
    if (hasCoding(head) && isDecodedUnseen(response)) {
      head = headOf(exchange, response, { ...options, decoded: true });
    }
    exchange.send(head, [], true);
    return;
  }
  const reader = body.getReader();
  exchange.bodyOpened(reader);
  // The request was aborted while the handler thought.
  if (exchange.isEnded) return exchange.dropBody(exchange.abortReason);
  let start = await readBodyStart(reader);
  if (start.ended) exchange.bodyEnded();
  // Or while the body did.
  if (exchange.isEnded) return;
  let decoded = false;
  // Others show the type of a text.
  const isOwn = response === answer;
  const hasBody = responseAllowsBody(method, response.status, authorizer);
  const optionsFor = ({ ended, length, chunks }: BodyStart): ResponseHeadOptions => ({
    method,
    contentLength: ended ? length : undefined,
    body: ended && isOwn ? chunks[0] : undefined,
    mayGrant,
    authorizer,
    decoded,
  });
  let head = headOf(exchange, response, optionsFor(start));
  if (hasCoding(head)) {
    // A body that nobody gets is not waited for.
    if (hasBody || start.length > 0) {
      ({ decoded, start } = await lookAtCoding(response, reader, start));
    } else decoded = isDecodedUnseen(response);
    if (start.ended) exchange.bodyEnded();
    if (exchange.isEnded) return;
    head = headOf(exchange, response, optionsFor(start));
  }
  if (!hasBody) {
    exchange.send(head, [], true);
  } else if (start.ended && head.length + start.length <= STREAM_CONTENT_LEN) {
    // The usual case: all of it is one write, behind which there is nothing to wait for.
    exchange.send(head, start.chunks, true);
  } else if (start.ended) {
    await sendContent(exchange, head, start.chunks, true);
  } else {
    const declared = decoded ? undefined : declaredLength(response);
    await sendStream(exchange, head, start, reader, declared);
  }
}

/**
 * Sends an answer of the server's own, with a text unless that is `""`. No `Response` is needed for
 * it: what failed may be the one that the application has put in place of the runtime's.
 *
 * @param endRequest What END_REQUEST says behind it, if not that the request is complete.
 */
export function sendPlain(
  exchange: Exchange,
  status: number,
  text: string,
  endRequest?: EndRequestBody,
): void {
  const headers = new Map([["content-type", "text/plain; charset=utf-8"]]);
  if (status === 503) headers.set("retry-after", "1");
  const response = { status: isFinalStatus(status) ? status : 500, statusText: "", headers };
  const body = bytesOf(text);
  const { method } = exchange;
  const authorizer = exchange.role === "authorizer";
  // What a GET would have got is not known for a HEAD that could not be looked at.
  const contentLength = method === "HEAD" && text === "" ? undefined : body.length;
  const head = headOf(exchange, response, { method, contentLength, authorizer });
  const isSent = responseAllowsBody(method, response.status, authorizer);
  exchange.send(head, isSent ? [body] : [], true, endRequest);
}

function headOf(
  exchange: Exchange,
  response: ResponseHeadSource,
  options: ResponseHeadOptions,
): string {
  const head = responseHead(response, options);
  if (typeof head !== "string") throw badResponse(head.reason);
  // It has to be complete in the first record: HAProxy dies of one that ends before the blank line.
  if (head.length >= STREAM_CONTENT_LEN) {
    throw badResponse(
      `its header block is ${head.length} bytes, the most is ${STREAM_CONTENT_LEN}`,
    );
  }
  const warning = headerLimitWarning(head);
  if (warning !== null) {
    exchange.application.reports.warnOnce(warning, exchange.errorContext);
  }
  return head;
}

/** The runtime's own `Response` as it is, one of another making in its shape. */
function asResponse(answer: Response): ResponseLike {
  if (!(answer instanceof Response)) return foreignResponse(answer);
  // Bun forgets the type of a Blob or a FormData unless the headers are looked at before the body.
  void answer.headers;
  return answer;
}

/** What the header block says, which asks the same function. */
function declaredLength(response: ResponseLike): number | undefined {
  return countableLength(response.headers.get("content-length"));
}
