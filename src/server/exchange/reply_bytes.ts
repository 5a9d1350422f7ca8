/**
 * Encodes one write: as much of a reply as is available, in one buffer, or around a large content.
 *
 * ```text
 * STDOUT (header block + body) | STDERR (log lines) | STDOUT end | STDERR end | END_REQUEST
 * ```
 *
 * A small reply is complete in one write, which is most of the advantage over servers that need
 * five. Log lines come after the header block, since a web server that gets STDERR first may take
 * it for the beginning of the response.
 */
import { encodeLatin1Into } from "../../cgi/latin1.ts";
import { allocate, MAX_SLICE } from "../../protocol/allocate.ts";
import { END_REQUEST_SIZE, type EndRequestBody, writeEndRequest } from "../../protocol/bodies.ts";
import {
  BROKEN_OFF,
  FCGI_HEADER_LEN,
  ProtocolStatus,
  RecordType,
} from "../../protocol/constants.ts";
import {
  paddingLength,
  recordSize,
  STREAM_CONTENT_LEN,
  writeRecord,
  writeRecordHeader,
} from "../../protocol/record.ts";

/**
 * The end of a write: open, with more to come, or the end of the request, with or without a STDERR
 * stream to close.
 */
export type WriteEnding = "open" | "end" | "end with stderr";

/** The END_REQUEST body of a complete response. */
export const COMPLETE: EndRequestBody = {
  appStatus: 0,
  protocolStatus: ProtocolStatus.REQUEST_COMPLETE,
};

/** The END_REQUEST body of a truncated response. */
export const INCOMPLETE: EndRequestBody = { ...COMPLETE, appStatus: BROKEN_OFF };

/**
 * More content than this, in bytes, is not copied behind its header: the write has several parts
 * then. A copy of less is small beside the write itself; a copy of more would need memory of its
 * own, which is zeroed first. A stream of 12 kB chunks costs 0.7 times as much so, on Node half.
 */
const MAX_COPIED = MAX_SLICE;

/**
 * Encodes one write. `head` is Latin-1 text, and complete in the first record (65,535 bytes); if
 * `head` and `body` are both empty there is no STDOUT record, since an empty one would end the
 * stream.
 *
 * @returns The bytes, or their parts: a large body is in them as it came.
 */
export function encodeWrite(
  requestId: number,
  head: string,
  body: readonly Uint8Array[],
  log: readonly Uint8Array[],
  ending: WriteEnding,
  endRequest: EndRequestBody = COMPLETE,
): Uint8Array | Uint8Array[] {
  let length = head.length;
  for (let i = 0; i < body.length; i++) length += body[i]!.length;
  const isLarge = length - head.length > MAX_COPIED;
  const endSize = ending === "open"
    ? 0
    : FCGI_HEADER_LEN * (ending === "end" ? 1 : 2) + END_REQUEST_SIZE;
  const contentSize = isLarge ? paddingLength(length % STREAM_CONTENT_LEN) : recordSize(length);
  let size = (length > 0 ? contentSize : 0) + endSize;
  for (let i = 0; i < log.length; i++) size += logSize(log[i]!.length);
  const bytes = allocate(size);
  let offset = 0;
  if (isLarge) {
    offset = contentSize;
  } else if (length > 0) {
    let start = writeRecordHeader(bytes, 0, RecordType.STDOUT, requestId, length);
    if (head !== "") start += encodeLatin1Into(head, bytes, start);
    for (let i = 0; i < body.length; i++) {
      bytes.set(body[i]!, start);
      start += body[i]!.length;
    }
    offset = contentSize;
  }
  for (let i = 0; i < log.length; i++) {
    offset = writeLog(bytes, offset, requestId, log[i]!);
  }
  if (ending !== "open") {
    offset = writeRecordHeader(bytes, offset, RecordType.STDOUT, requestId, 0);
    if (ending === "end with stderr") {
      offset = writeRecordHeader(bytes, offset, RecordType.STDERR, requestId, 0);
    }
    writeEndRequest(bytes, offset, requestId, endRequest);
  }
  if (!isLarge) return bytes;
  const parts = contentParts(requestId, head, body, length);
  if (size > 0) parts.push(bytes);
  return parts;
}

/** The records of a large content, without the padding of the last one. */
function contentParts(
  requestId: number,
  head: string,
  body: readonly Uint8Array[],
  length: number,
): Uint8Array[] {
  const parts: Uint8Array[] = [];
  /** Bytes that still fit the current record. */
  let room = 0;
  const begin = (text: string) => {
    const content = Math.min(length, STREAM_CONTENT_LEN);
    const header = allocate(FCGI_HEADER_LEN + text.length);
    const start = writeRecordHeader(header, 0, RecordType.STDOUT, requestId, content);
    if (text !== "") encodeLatin1Into(text, header, start);
    parts.push(header);
    length -= content;
    room = content - text.length;
  };
  begin(head);
  for (const chunk of body) {
    for (let offset = 0; offset < chunk.length;) {
      if (room === 0) begin("");
      const part = chunk.subarray(offset, offset + room);
      parts.push(part);
      offset += part.length;
      room -= part.length;
    }
  }
  return parts;
}

/** The offset of `paddingLength` in a record header (section 3.3). */
const PADDING_LENGTH = 6;

/**
 * The size of a log line: one record, never without padding, since HAProxy 2.6 crashes (SIGSEGV)
 * when one without follows a large part of a response (measured: one of eight consecutive lengths).
 */
function logSize(length: number): number {
  return recordSize(length) + (length % 8 === 0 ? 8 : 0);
}

function writeLog(target: Uint8Array, offset: number, requestId: number, line: Uint8Array): number {
  writeRecord(target, offset, RecordType.STDERR, requestId, line);
  if (line.length % 8 === 0) target[offset + PADDING_LENGTH] = 8;
  return offset + logSize(line.length);
}
