import { encodeBeginRequest } from "./bodies.ts";
import { concat } from "./concat.ts";
import { FCGI_KEEP_CONN, RecordType, type Role } from "./constants.ts";
import { encodeNameValues, type NameOrValue } from "./name_value.ts";
import { encodeStream, encodeStreamPart } from "./record.ts";

/** The beginning of a request on the wire. */
export interface RequestStart {
  /** The request's id on its connection. */
  requestId: number;
  /** The role of the application. */
  role: Role;
  /** Whether the application keeps the connection open. */
  keepConnection: boolean;
  /** The parameters, in wire order; in a string code unit n is byte n. */
  params: Iterable<readonly [name: string, value: NameOrValue]>;
  /** The content of STDIN: all of it, or its beginning. Authorizers have none. */
  stdin?: { bytes: Uint8Array; isComplete: boolean };
}

/**
 * Encodes the beginning of a request for one write: BEGIN_REQUEST, PARAMS, and as much of STDIN as
 * is known. For most requests that is everything.
 *
 * @throws {RangeError} If a parameter holds a code unit above U+00FF.
 */
export function encodeRequestStart(start: RequestStart): Uint8Array {
  const { requestId, role, keepConnection, params, stdin } = start;
  const flags = keepConnection ? FCGI_KEEP_CONN : 0;
  const parts = [
    encodeBeginRequest(requestId, { role, flags }),
    encodeStream(RecordType.PARAMS, requestId, encodeNameValues(params)),
  ];
  if (stdin !== undefined) {
    const encode = stdin.isComplete ? encodeStream : encodeStreamPart;
    parts.push(encode(RecordType.STDIN, requestId, stdin.bytes));
  }
  return concat(parts);
}
