/**
 * The fixed bodies of BEGIN_REQUEST, END_REQUEST and UNKNOWN_TYPE (FastCGI 1.0, sections 4.2, 5.1
 * and 5.5).
 */
import { FCGI_HEADER_LEN, RecordType } from "./constants.ts";
import { fatalPeerError } from "./errors.ts";
import { encodeRecord, writeRecordHeader } from "./record.ts";

/** Bytes in each of the fixed bodies. */
const BODY_LEN = 8;

/** The encoded size in bytes of an END_REQUEST record. */
export const END_REQUEST_SIZE: number = FCGI_HEADER_LEN + BODY_LEN;

/** The body of BEGIN_REQUEST (section 5.1). */
export interface BeginRequestBody {
  /** One of {@link Role}, or a number that FastCGI 1.0 does not define. */
  readonly role: number;
  /** Bits; {@link FCGI_KEEP_CONN} is the only one defined. */
  readonly flags: number;
}

/** The body of END_REQUEST (section 5.5). */
export interface EndRequestBody {
  /**
   * The exit status of a CGI program, 0 to 4294967295, or {@link BROKEN_OFF}. No web server looks
   * at it.
   */
  readonly appStatus: number;
  /** One of {@link ProtocolStatus}, or a number that FastCGI 1.0 does not define. */
  readonly protocolStatus: number;
}

/** Encodes a BEGIN_REQUEST record. */
export function encodeBeginRequest(requestId: number, body: BeginRequestBody): Uint8Array {
  const content = new Uint8Array(BODY_LEN);
  content[0] = body.role >> 8;
  content[1] = body.role;
  content[2] = body.flags;
  return encodeRecord(RecordType.BEGIN_REQUEST, requestId, content);
}

/**
 * Decodes the content of a BEGIN_REQUEST record.
 *
 * @throws {FastCgiError} `bad_record` if it is not 8 bytes.
 */
export function decodeBeginRequest(content: Uint8Array): BeginRequestBody {
  checkLength("BEGIN_REQUEST", content);
  return { role: content[0]! << 8 | content[1]!, flags: content[2]! };
}

/** Writes an END_REQUEST record into zeroed bytes at `offset` and returns the offset behind it. */
export function writeEndRequest(
  target: Uint8Array,
  offset: number,
  requestId: number,
  body: EndRequestBody,
): number {
  const start = writeRecordHeader(target, offset, RecordType.END_REQUEST, requestId, BODY_LEN);
  target[start] = body.appStatus >>> 24;
  target[start + 1] = body.appStatus >> 16;
  target[start + 2] = body.appStatus >> 8;
  target[start + 3] = body.appStatus;
  target[start + 4] = body.protocolStatus;
  return start + BODY_LEN;
}

/** Encodes an END_REQUEST record. */
export function encodeEndRequest(requestId: number, body: EndRequestBody): Uint8Array {
  const bytes = new Uint8Array(END_REQUEST_SIZE);
  writeEndRequest(bytes, 0, requestId, body);
  return bytes;
}

/**
 * Decodes the content of an END_REQUEST record.
 *
 * @throws {FastCgiError} `bad_record` if it is not 8 bytes.
 */
export function decodeEndRequest(content: Uint8Array): EndRequestBody {
  checkLength("END_REQUEST", content);
  return {
    appStatus: (content[0]! << 24 | content[1]! << 16 | content[2]! << 8 | content[3]!) >>> 0,
    protocolStatus: content[4]!,
  };
}

/** Encodes an UNKNOWN_TYPE record: the answer to a record of an unknown type (section 4.2). */
export function encodeUnknownType(type: number): Uint8Array {
  const content = new Uint8Array(BODY_LEN);
  content[0] = type;
  return encodeRecord(RecordType.UNKNOWN_TYPE, 0, content);
}

/**
 * Decodes the content of an UNKNOWN_TYPE record to the record type that it refuses.
 *
 * @throws {FastCgiError} `bad_record` if it is not 8 bytes.
 */
export function decodeUnknownType(content: Uint8Array): number {
  checkLength("UNKNOWN_TYPE", content);
  return content[0]!;
}

function checkLength(name: string, content: Uint8Array): void {
  if (content.length !== BODY_LEN) {
    throw fatalPeerError(
      "bad_record",
      `Cannot read ${name}: its content is ${content.length} bytes, not ${BODY_LEN}`,
    );
  }
}
