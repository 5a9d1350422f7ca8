/**
 * Sends a `Response` to STDOUT.
 *
 * The body is read as long as its reads settle at once. If it ends by then its length is known: it
 * gets a Content-Length, and a small one is sent in one write with its header block and the end of
 * the request. If it does not, it is streamed: the chunks so far are sent, and every later chunk as
 * it comes, under back-pressure.
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
import { takeWholeBody } from "../../runtime/whole_body.ts";
import { type BodyReader, type BodyStart, readBodyStart, wholeStart } from "./body_start.ts";
import { bytesOf } from "./chunk.ts";
import { hasCoding, isDecodedUnseen, lookAtCoding } from "./content_coding.ts";
import type { Exchange } from "./exchange.ts";
import { foreignResponse, type ResponseLike } from "./foreign_response.ts";
import { badResponse, MAX_WRITTEN, sendContent, sendStream } from "./send_body.ts";

/** As loaded: applications replace the global. A response of this class needs no validation. */
const { Map, Response } = globalThis;

/**
 * Sends `answer`, the runtime's `Response` or a foreign one, as the response of `exchange`. Returns
 * a promise only if there is something to wait for.
 *
 * @param mayGrant Whether an authorizer's response may grant, which an error page may not, even if
 * its `status` has another value when it is read again.
 * @throws {TypeError} If it is not a response, or its body has been used; nothing has been sent
 * then.
 * @throws {FastCgiError} `bad_response` if its header block does not fit a record, or its body is
 * shorter than its Content-Length.
 * @throws The error of the body; `exchange` has the state of what has been sent.
 */
export function sendResponse(
  exchange: Exchange,
  answer: Response,
  mayGrant = true,
): void | Promise<void> {
  const response = asResponse(answer);
  if (response.bodyUsed) throw bodyIsUsed();
  // Foreign implementations expose the type of text.
  const isOwn = response === answer;
  const whole = isOwn && !exchange.isEnded ? takeWholeBody(answer) : undefined;
  const sending: Sending = { exchange, response, mayGrant, isOwn };
  if (whole === undefined) return readAndSend(sending, answer);
  if (typeof whole === "string") return sendText(sending, whole);
  if (whole instanceof Uint8Array) return sendFrom(sending, wholeStart(whole));
  return whole.then((bytes) => sendFrom(sending, wholeStart(bytes)));
}

/** A response on its way. */
interface Sending {
  readonly exchange: Exchange;
  readonly response: ResponseLike;
  readonly mayGrant: boolean;
  /** Whether it is of the runtime's own class. */
  readonly isOwn: boolean;
}

async function readAndSend(sending: Sending, answer: Response): Promise<void> {
  let { exchange, response } = sending;
  let { body } = response;
  if (body !== null && typeof body.getReader !== "function") {
    // On Bun the `Response` of node-fetch is of the runtime's class, with a Node stream as its
    // body.
    response = foreignResponse(answer);
    ({ body } = response);
    sending = { ...sending, response, isOwn: false };
  }
  if (body?.locked) throw bodyIsUsed();
  if (body === null) return sendWithoutBody(sending);
  const reader = body.getReader();
  exchange.bodyOpened(reader);
  // The request was aborted while the handler ran.
  if (exchange.isEnded) return exchange.dropBody(exchange.abortReason);
  const start = await readBodyStart(reader);
  if (start.ended) exchange.bodyEnded();
  await sendFrom(sending, start, reader);
}

/** Sends a body that is an ASCII text, most often in one piece with its header block. */
function sendText(sending: Sending, text: string): void | Promise<void> {
  const { exchange, response } = sending;
  const { length } = text;
  const head = headOf(exchange, response, optionsFor(sending, true, length));
  const isSimple = head.length + length <= STREAM_CONTENT_LEN && !hasCoding(head) &&
    hasBody(sending);
  if (isSimple) return void exchange.send(head + text, NOTHING, true);
  return sendFrom(sending, wholeStart(bytesOf(text)));
}

const NOTHING: readonly Uint8Array[] = [];

/** @param reader Needed unless the body has ended. */
function sendFrom(
  sending: Sending,
  start: BodyStart,
  reader?: BodyReader,
): void | Promise<void> {
  const { exchange, response, isOwn } = sending;
  // The request may have been aborted while the body was read.
  if (exchange.isEnded) return;
  const { chunks, ended, length } = start;
  const text = ended && isOwn ? chunks[0] : undefined;
  const head = headOf(exchange, response, optionsFor(sending, ended, length, text));
  if (hasCoding(head)) return sendCoded(sending, start, reader);
  return sendBody(sending, head, start, reader);
}

async function sendCoded(
  sending: Sending,
  start: BodyStart,
  reader: BodyReader | undefined,
): Promise<void> {
  const { exchange, response } = sending;
  let decoded: boolean;
  // A body that is not sent is not waited for.
  if (hasBody(sending) || start.length > 0) {
    ({ decoded, start } = await lookAtCoding(response, reader, start));
  } else decoded = isDecodedUnseen(response);
  if (start.ended) exchange.bodyEnded();
  if (exchange.isEnded) return;
  const { chunks, ended, length } = start;
  const text = ended && sending.isOwn ? chunks[0] : undefined;
  const options = optionsFor(sending, ended, length, text);
  const head = headOf(exchange, response, { ...options, decoded });
  await sendBody(sending, head, start, reader, decoded);
}

function sendBody(
  sending: Sending,
  head: string,
  start: BodyStart,
  reader: BodyReader | undefined,
  decoded = false,
): void | Promise<void> {
  const { exchange, response } = sending;
  if (!hasBody(sending)) return void exchange.send(head, NOTHING, true);
  if (!start.ended) {
    const declared = decoded ? undefined : declaredLength(response);
    return sendStream(exchange, head, start, reader!, declared);
  }
  // The usual case: the complete response in one write, after which there is nothing to wait for.
  if (start.length <= MAX_WRITTEN) {
    return void exchange.send(head, start.chunks, true);
  }
  return sendContent(exchange, head, start.chunks, true);
}

function hasBody({ exchange: { method, role }, response: { status } }: Sending): boolean {
  return responseAllowsBody(method, status, role === "authorizer");
}

function optionsFor(
  { exchange: { method, role }, mayGrant }: Sending,
  ended: boolean,
  length: number,
  body?: Uint8Array,
): ResponseHeadOptions {
  const contentLength = ended ? length : undefined;
  return { method, contentLength, body, mayGrant, authorizer: role === "authorizer" };
}

function sendWithoutBody({ exchange, response, mayGrant }: Sending): void {
  if (exchange.isEnded) return;
  const { method } = exchange;
  const authorizer = exchange.role === "authorizer";
  // For HEAD only the handler knows the length of the body that a GET would get.
  const contentLength = method === "HEAD" ? undefined : 0;
  const options: ResponseHeadOptions = { method, contentLength, mayGrant, authorizer };
  let head = headOf(exchange, response, options);
  if (hasCoding(head) && isDecodedUnseen(response)) {
    head = headOf(exchange, response, { ...options, decoded: true });
  }
  exchange.send(head, [], true);
}

function bodyIsUsed(): TypeError {
  return new TypeError("Cannot send the handler's answer: its body has been used already");
}

/**
 * Sends a response of the server's own, with a text unless that is `""`. It uses no `Response`: the
 * class may be a replacement of the application's, and the very thing that failed.
 *
 * @param endRequest The END_REQUEST body, if not that of a complete request.
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
  // For a HEAD that was not handled, the length of the body that a GET would get is not known.
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
  // It has to be complete in the first record: HAProxy crashes if that ends before the empty line.
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

/** Returns the runtime's own `Response` as it is, and adapts a foreign one. */
function asResponse(answer: Response): ResponseLike {
  if (!(answer instanceof Response)) return foreignResponse(answer);
  // Bun loses the type of a Blob or a FormData unless the headers are read before the body.
  void answer.headers;
  return answer;
}

/** The Content-Length in the header block, which calls the same function. */
function declaredLength(response: ResponseLike): number | undefined {
  return countableLength(response.headers.get("content-length"));
}
