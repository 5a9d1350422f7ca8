import { RecordType, ROLE_NUMBERS } from "../protocol/constants.ts";
import { encodeRequestStart } from "../protocol/request_start.ts";
import type { ClientFetchOptions, ClientOptions, StreamClientOptions } from "./options.ts";
import { type RequestBody, takeBody } from "./request_body.ts";
import { authorizerParams, changeParams, requestParams } from "./request_params.ts";
import type { OutgoingStream } from "./request_sender.ts";

// As loaded: applications replace the global.
const { ReadableStream } = globalThis;

/** The id that most requests have: few connections are shared. */
const FIRST_ID = 1;

/**
 * The default `bufferBody`: eight of nginx's buffers for a request body
 * (`client_body_buffer_size 8k`).
 */
const BUFFER_BODY = 65_536;
/** The default `maxBodyBytes`, as that of `serve()`. */
const MAX_BODY_BYTES = 134_217_728;

const EMPTY_BODY: RequestBody = { bytes: new Uint8Array(0), rest: undefined, length: undefined };

/** A request, encoded for the wire. */
export interface OutgoingRequest {
  /** The first write under an id: for most requests, the whole request. */
  startFor(requestId: number): Uint8Array;
  /** The streams that follow it. Without any, the request can be retried. */
  readonly streams: OutgoingStream[];
}

/**
 * Encodes a request for the wire, with its body as far as that is in memory.
 *
 * @throws {RangeError} If a parameter holds a code unit above U+00FF.
 * @throws {FastCgiError} `body_too_large`.
 * @throws The error of the request's body, or the signal's reason.
 */
export async function prepareRequest(
  request: Request,
  { role = "responder", params, data }: ClientFetchOptions,
  client: StreamClientOptions,
  signal: AbortSignal,
): Promise<OutgoingRequest> {
  // Before `body` is read: Bun loses the Content-Type of a form then.
  const known = requestParams(request);
  // An authorizer gets no body (FastCGI 1.0, section 6.3); it stays with the caller.
  const stream = role === "authorizer" ? null : request.body;
  const body = stream === null ? EMPTY_BODY : await takeBody(stream, lengthOf(request), {
    bufferBody: client.bufferBody ?? BUFFER_BODY,
    maxBodyBytes: client.maxBodyBytes ?? MAX_BODY_BYTES,
    streamBody: client.streamBody ?? false,
    openSpool: client.openSpool,
  }, signal);
  const isComplete = body.rest === undefined;
  // Without a body it may say 0, and of a length that is not known it says nothing.
  if (stream !== null) known.set("CONTENT_LENGTH", String(body.length ?? ""));
  if (role === "authorizer") authorizerParams(known);
  if (data instanceof Uint8Array) known.set("FCGI_DATA_LENGTH", String(data.length));
  const fields = {
    role: ROLE_NUMBERS[role],
    keepConnection: keepsConnections(client),
    params: [...changeParams(changeParams(known, client.params), params)],
    stdin: role === "authorizer" ? undefined : { bytes: body.bytes, isComplete },
  };
  // What cannot be encoded is told before a connection is made.
  const first = encodeRequestStart({ requestId: FIRST_ID, ...fields });
  const streams: OutgoingStream[] = [];
  if (body.rest !== undefined) streams.push({ type: RecordType.STDIN, reader: body.rest });
  if (role === "filter") {
    const content = data instanceof ReadableStream ? data : streamOf(data);
    streams.push({ type: RecordType.DATA, reader: content.getReader() });
  }
  return {
    startFor: (requestId) =>
      requestId === FIRST_ID ? first : encodeRequestStart({ requestId, ...fields }),
    streams,
  };
}

/** Whether connections are kept: they must be where requests share them. */
export function keepsConnections(
  { keepConnection, maxRequestsPerConnection = 1 }: ClientOptions,
): boolean {
  return keepConnection ?? maxRequestsPerConnection > 1;
}

/** The length of the body, if the request says that. */
function lengthOf({ headers }: Request): number | undefined {
  const text = headers.get("content-length") ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function streamOf(bytes: Uint8Array | undefined): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      if (bytes !== undefined) controller.enqueue(bytes);
      controller.close();
    },
  });
}
