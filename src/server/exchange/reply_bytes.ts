/**
 * Encodes one write: as much of a reply as is available, in one buffer.
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
import { allocate } from "../../protocol/allocate.ts";
import { END_REQUEST_SIZE, type EndRequestBody, writeEndRequest } from "../../protocol/bodies.ts";
import {
  BROKEN_OFF,
  FCGI_HEADER_LEN,
  ProtocolStatus,
  RecordType,
} from "../../protocol/constants.ts";
import { recordSize, writeRecord, writeRecordHeader } from "../../protocol/record.ts";

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
 * Encodes one write. `head` is Latin-1 text; `head` and `body` together fill at most one record
 * (65,535 bytes); if both are empty there is no STDOUT record, since an empty one would end the
 * stream.
 */
export function encodeWrite(
  requestId: number,
  head: string,
  body: readonly Uint8Array[],
  log: readonly Uint8Array[],
  ending: WriteEnding,
  endRequest: EndRequestBody = COMPLETE,
): Uint8Array {
  let length = head.length;
  for (let i = 0; i < body.length; i++) length += body[i]!.length;
  const endSize = ending === "open"
    ? 0
    : FCGI_HEADER_LEN * (ending === "end" ? 1 : 2) + END_REQUEST_SIZE;
  let size = (length > 0 ? recordSize(length) : 0) + endSize;
  for (let i = 0; i < log.length; i++) size += logSize(log[i]!.length);
  const bytes = allocate(size);
  let offset = 0;
  if (length > 0) {
    let start = writeRecordHeader(bytes, 0, RecordType.STDOUT, requestId, length);
    if (head !== "") start += encodeLatin1Into(head, bytes, start);
    for (let i = 0; i < body.length; i++) {
      bytes.set(body[i]!, start);
      start += body[i]!.length;
    }
    offset = recordSize(length);
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
  return bytes;
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
