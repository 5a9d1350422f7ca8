/**
 * Records: the unit of everything FastCGI sends (FastCGI 1.0, section 3.3).
 *
 * An encoded record is an 8-byte header, the content, and padding up to a multiple of 8. Every
 * encoder here returns fresh bytes: a buffer that was given to a socket is never written to again.
 */
import { FCGI_HEADER_LEN, FCGI_MAX_CONTENT_LEN, FCGI_VERSION_1 } from "./constants.ts";

/** A record as a value. `type` is a number, since a peer may send unknown types. */
export interface FastCgiRecord {
  /** One of {@link RecordType}, or any other number up to 255. */
  readonly type: number;
  /** The request the record belongs to, 1 to 65535; 0 for management records. */
  readonly requestId: number;
  /** The content without padding, up to 65535 bytes. */
  readonly content: Uint8Array;
}

/** Empty content, shared by all records without any. */
export const EMPTY_CONTENT: Uint8Array = new Uint8Array(0);

/**
 * An invalid record: a header of version 0. Sent in the middle of a response, it makes web servers
 * notice the truncation, where an early end would look like a complete response.
 */
export const INVALID_RECORD: Uint8Array = new Uint8Array(FCGI_HEADER_LEN);

/**
 * Content length of the records that a long stream is cut into, in bytes: the largest multiple of 8
 * that fits, so that they need no padding.
 */
export const STREAM_CONTENT_LEN: number = FCGI_MAX_CONTENT_LEN - 7;

/** The padding that aligns `contentLength` bytes of content to 8, as section 3.3 recommends. */
export function paddingLength(contentLength: number): number {
  return -contentLength & 7;
}

/** The encoded size in bytes of a record with `contentLength` bytes of content. */
export function recordSize(contentLength: number): number {
  return FCGI_HEADER_LEN + ((contentLength + 7) & ~7);
}

/**
 * The encoded size in bytes of `length` bytes of stream content, cut into records, without the
 * empty one that closes the stream.
 */
export function streamSize(length: number): number {
  const full = Math.floor(length / STREAM_CONTENT_LEN);
  const rest = length - full * STREAM_CONTENT_LEN;
  return full * recordSize(STREAM_CONTENT_LEN) + (rest > 0 ? recordSize(rest) : 0);
}

/**
 * Writes a record header at `offset` and returns the offset behind it. `target` must be zero where
 * padding will be. The lengths are the caller's responsibility: nothing is checked here.
 */
export function writeRecordHeader(
  target: Uint8Array,
  offset: number,
  type: number,
  requestId: number,
  contentLength: number,
): number {
  target[offset] = FCGI_VERSION_1;
  target[offset + 1] = type;
  target[offset + 2] = requestId >> 8;
  target[offset + 3] = requestId;
  target[offset + 4] = contentLength >> 8;
  target[offset + 5] = contentLength;
  target[offset + 6] = paddingLength(contentLength);
  target[offset + 7] = 0;
  return offset + FCGI_HEADER_LEN;
}

/** Writes a whole record at `offset` and returns the offset behind its padding. */
export function writeRecord(
  target: Uint8Array,
  offset: number,
  type: number,
  requestId: number,
  content: Uint8Array,
): number {
  const start = writeRecordHeader(target, offset, type, requestId, content.length);
  if (content.length > 0) target.set(content, start);
  return offset + recordSize(content.length);
}

/** Writes stream content at `offset` as one or more records and returns the offset behind them. */
export function writeStream(
  target: Uint8Array,
  offset: number,
  type: number,
  requestId: number,
  content: Uint8Array,
): number {
  for (let start = 0; start < content.length; start += STREAM_CONTENT_LEN) {
    const part = content.subarray(start, start + STREAM_CONTENT_LEN);
    offset = writeRecord(target, offset, type, requestId, part);
  }
  return offset;
}

/**
 * Encodes one record.
 *
 * @throws {RangeError} If the content is longer than 65535 bytes, or the id or type does not fit
 * its field.
 */
export function encodeRecord(
  type: number,
  requestId: number,
  content: Uint8Array = EMPTY_CONTENT,
): Uint8Array {
  if (content.length > FCGI_MAX_CONTENT_LEN) {
    throw new RangeError(
      `Cannot encode a record: content is ${content.length} bytes, the most is ${FCGI_MAX_CONTENT_LEN}`,
    );
  }
  if (!(requestId >= 0 && requestId <= 0xffff && type >= 0 && type <= 0xff)) {
    throw new RangeError(`Cannot encode a record: type ${type}, request id ${requestId}`);
  }
  const bytes = new Uint8Array(recordSize(content.length));
  writeRecord(bytes, 0, type, requestId, content);
  return bytes;
}

/**
 * Encodes a whole stream (PARAMS, STDIN, STDOUT, STDERR or DATA): its content cut into records,
 * then the empty record that closes it (section 3.3, "stream records").
 */
export function encodeStream(type: number, requestId: number, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(streamSize(content.length) + FCGI_HEADER_LEN);
  const end = writeStream(bytes, 0, type, requestId, content);
  writeRecordHeader(bytes, end, type, requestId, 0);
  return bytes;
}

/** Encodes a part of a stream as records, without the empty one that closes it. */
export function encodeStreamPart(
  type: number,
  requestId: number,
  content: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(streamSize(content.length));
  writeStream(bytes, 0, type, requestId, content);
  return bytes;
}
