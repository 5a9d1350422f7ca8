/**
 * Management records (FastCGI 1.0, section 4). The answers are returned as bytes; the caller, who
 * holds the connection, writes them.
 */
import { FCGI_NULL_REQUEST_ID, RecordType } from "./constants.ts";
import { encodeUnknownType } from "./bodies.ts";
import { encodeNameValues, forEachNameValue } from "./name_value.ts";
import { encodeRecord, type FastCgiRecord } from "./record.ts";

// As loaded: applications replace the global.
const { Map } = globalThis;

/**
 * The variables of an application that GET_VALUES asks for: `FCGI_MAX_CONNS`, `FCGI_MAX_REQS`,
 * `FCGI_MPXS_CONNS` (section 4.1).
 */
export type ManagementValues = ReadonlyMap<string, string>;

/** Whether a record type is one of the eleven of FastCGI 1.0. */
export function isKnownType(type: number): type is RecordType {
  return type >= RecordType.BEGIN_REQUEST && type <= RecordType.UNKNOWN_TYPE;
}

/** Encodes GET_VALUES, a web server's query for the variables with these names. */
export function encodeGetValues(names: Iterable<string>): Uint8Array {
  const pairs = [...names].map((name) => [name, ""] as const);
  return encodeRecord(RecordType.GET_VALUES, FCGI_NULL_REQUEST_ID, encodeNameValues(pairs));
}

/**
 * Encodes GET_VALUES_RESULT: the queried variables that are known, each once, in the order of the
 * query. So the result is never larger than `values`, however often a name is repeated.
 *
 * @throws {FastCgiError} `bad_name_value` if the query is malformed.
 */
export function answerGetValues(content: Uint8Array, values: ManagementValues): Uint8Array {
  const answer = new Map<string, string>();
  forEachNameValue(content, (nameStart, valueStart) => {
    const name = String.fromCharCode(
      ...content.subarray(nameStart, Math.min(valueStart, nameStart + 64)),
    );
    const value = values.get(name);
    if (value !== undefined) answer.set(name, value);
  });
  return encodeRecord(
    RecordType.GET_VALUES_RESULT,
    FCGI_NULL_REQUEST_ID,
    encodeNameValues(answer),
  );
}

/**
 * Answers a record that belongs to no request: GET_VALUES with GET_VALUES_RESULT, an unknown type
 * with UNKNOWN_TYPE (section 4.2), whichever request id it has. The other types get no answer:
 * `undefined`.
 *
 * @throws {FastCgiError} `bad_name_value` if a GET_VALUES is malformed.
 */
export function answerManagement(
  record: FastCgiRecord,
  values: ManagementValues,
): Uint8Array | undefined {
  if (record.type === RecordType.GET_VALUES) return answerGetValues(record.content, values);
  return isKnownType(record.type) ? undefined : encodeUnknownType(record.type);
}
