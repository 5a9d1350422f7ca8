/**
 * A web server's requests, as the records that they are sent in.
 *
 * @module
 */
import {
  encodeBeginRequest,
  encodeGetValues,
  encodeNameValues,
  encodeRecord,
  encodeStream,
  FCGI_KEEP_CONN,
  RecordType,
  Role,
} from "../../src/protocol/mod.ts";
import { type Bytes, bytes, concat } from "../_bytes.ts";

/** Parameters by name; a list of pairs where a name comes twice. */
export type Params = Record<string, string> | [string, string][];

/** A request of a web server; without anything: GET / on a connection that is kept. */
export interface RequestSpec {
  /** @default {1} */
  id?: number;
  /** FCGI_KEEP_CONN. @default {true} */
  keep?: boolean;
  /** @default Role.RESPONDER */
  role?: number;
  /** @default {"GET"} */
  method?: string;
  /** Behind the ones that every request has. */
  params?: Params;
  /** Bytes or Latin-1 text; `null`: no STDIN record at all. @default {""} */
  stdin?: Uint8Array | string | null;
  /** FCGI_DATA, for a filter. @default none */
  data?: Uint8Array | string;
}

/** A request for a path. */
export function at(REQUEST_URI: string, spec: RequestSpec = {}): RequestSpec {
  return { ...spec, params: { REQUEST_URI } };
}

/** BEGIN_REQUEST. */
export function begin({ id = 1, keep = true, role = Role.RESPONDER }: RequestSpec = {}): Bytes {
  return bytes(encodeBeginRequest(id, { role, flags: keep ? FCGI_KEEP_CONN : 0 }));
}

/** The parameters of a request, encoded as pairs. */
export function paramPairs({ method = "GET", params = {} }: RequestSpec = {}): Bytes {
  return bytes(encodeNameValues([
    ["REQUEST_METHOD", method],
    ["REQUEST_URI", "/"],
    ["HTTP_HOST", "example.org"],
    ["SERVER_PROTOCOL", "HTTP/1.1"],
    ...(Array.isArray(params) ? params : Object.entries(params)),
  ]));
}

/** A whole PARAMS stream. */
export function params(spec: RequestSpec = {}): Bytes {
  return stream(RecordType.PARAMS, paramPairs(spec), spec.id);
}

/** A whole stream: content in records, then the empty one. */
export function stream(type: number, content: Uint8Array | string, id = 1): Bytes {
  return bytes(encodeStream(type, id, bytes(content)));
}

/** One record. */
export function record(type: number, content: Uint8Array | string = "", id = 1): Bytes {
  return bytes(encodeRecord(type, id, bytes(content)));
}

/** One STDIN record; without content it ends the body. */
export function stdin(content: Uint8Array | string = "", id = 1): Bytes {
  return record(RecordType.STDIN, content, id);
}

/** ABORT_REQUEST. */
export function abort(id = 1): Bytes {
  return record(RecordType.ABORT_REQUEST, "", id);
}

/** A whole request. */
export function request(spec: RequestSpec = {}): Bytes {
  const { id = 1, stdin = "", data } = spec;
  return concat([
    begin(spec),
    params(spec),
    stdin === null ? bytes() : stream(RecordType.STDIN, stdin, id),
    data === undefined ? bytes() : stream(RecordType.DATA, data, id),
  ]);
}

/** A request whose body is still to come. */
export function openRequest(spec: RequestSpec = {}): Bytes {
  return request({ method: "POST", ...spec, stdin: null });
}

/** A question that is answered at once, without a handler. */
export function question(): Bytes {
  return bytes(encodeGetValues(["FCGI_MAX_REQS"]));
}
