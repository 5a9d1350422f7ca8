import { RecordType, ROLE_NUMBERS } from "../protocol/constants.ts";
import { encodeRequestStart } from "../protocol/request_start.ts";
import type { ClientFetchOptions, ClientOptions } from "./options.ts";
import { readAhead, type RequestBody } from "./request_body.ts";
import { authorizerParams, changeParams, requestParams } from "./request_params.ts";
import type { OutgoingStream } from "./request_sender.ts";

// As loaded: applications replace the global.
const { ReadableStream } = globalThis;

/**
 * The id of every request: a connection carries one at a time, as those of all web servers but
 * HAProxy do.
 */
export const REQUEST_ID = 1;

/** Eight of nginx's buffers for a request body (`client_body_buffer_size 8k`). */
const BUFFER_BODY = 65_536;

const EMPTY_BODY: RequestBody = { bytes: new Uint8Array(0), rest: undefined };

/** A request as it goes out. */
export interface OutgoingRequest {
  /** The first write: for most requests everything. */
  readonly start: Uint8Array;
  /** What follows it. If there is nothing, the request can be sent again. */
  readonly streams: OutgoingStream[];
}

/**
 * Makes the wire's form of a request, and reads its body so far that a small one is a part of it.
 *
 * @throws {RangeError} If a parameter holds a code unit above U+00FF.
 * @throws What the request's body fails with, or the signal's reason.
 */
export async function prepareRequest(
  request: Request,
  { role = "responder", params, data }: ClientFetchOptions,
  client: ClientOptions,
  signal: AbortSignal,
): Promise<OutgoingRequest> {
  // Before the body is asked for: Bun forgets the type that it gave a form then.
  const known = requestParams(request);
  // An authorizer gets no body (FastCGI 1.0, section 6.3); it stays with the caller.
  const stream = role === "authorizer" ? null : request.body;
  const body = stream === null
    ? EMPTY_BODY
    : await readAhead(stream, client.bufferBody ?? BUFFER_BODY, signal);
  const isComplete = body.rest === undefined;
  if (stream !== null && isComplete) known.set("CONTENT_LENGTH", String(body.bytes.length));
  if (role === "authorizer") authorizerParams(known);
  if (data instanceof Uint8Array) known.set("FCGI_DATA_LENGTH", String(data.length));
  const start = encodeRequestStart({
    requestId: REQUEST_ID,
    role: ROLE_NUMBERS[role],
    keepConnection: client.keepConnection ?? false,
    params: changeParams(changeParams(known, client.params), params),
    stdin: role === "authorizer" ? undefined : { bytes: body.bytes, isComplete },
  });
  const streams: OutgoingStream[] = [];
  if (body.rest !== undefined) streams.push({ type: RecordType.STDIN, reader: body.rest });
  if (role === "filter") {
    const content = data instanceof ReadableStream ? data : streamOf(data);
    streams.push({ type: RecordType.DATA, reader: content.getReader() });
  }
  return { start, streams };
}

function streamOf(bytes: Uint8Array | undefined): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      if (bytes !== undefined) controller.enqueue(bytes);
      controller.close();
    },
  });
}
