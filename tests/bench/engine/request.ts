// The request of a case as the bytes that nginx would send for it, the same that fcgiload sends.

import { type Bytes, concat, utf8 } from "../../_bytes.ts";
import { rawPairs, rawRecord } from "../../_records.ts";
import { type Case, HEADERS } from "../cases.ts";

const BEGIN_REQUEST = 1;
const PARAMS = 4;
const STDIN = 5;

/** What nginx puts into a record of a body. */
const BODY_RECORD = 32 * 1024;

export function requestBytes(kase: Case): Bytes {
  const body = new Uint8Array(kase.post ?? 0).fill("x".charCodeAt(0));
  const records = [
    record(BEGIN_REQUEST, Uint8Array.of(0, 1, 1, 0, 0, 0, 0, 0)), // a responder that keeps
    record(PARAMS, rawPairs(params(kase).map(([name, value]) => [utf8(name), utf8(value)]))),
    record(PARAMS),
  ];
  for (let start = 0; start < body.length; start += BODY_RECORD) {
    records.push(record(STDIN, body.subarray(start, start + BODY_RECORD)));
  }
  return concat([...records, record(STDIN)]);
}

function record(type: number, content = new Uint8Array()): Bytes {
  return rawRecord({ type, content, padding: -content.length & 7 });
}

function params({ url, post, extraHeaders = 0 }: Case): [string, string][] {
  const [path, query = ""] = url.split("?");
  const headers = { Host: "localhost:8080", ...HEADERS };
  return [
    ["QUERY_STRING", query],
    ["REQUEST_METHOD", post ? "POST" : "GET"],
    ["CONTENT_TYPE", post ? "application/octet-stream" : ""],
    ["CONTENT_LENGTH", post ? `${post}` : ""],
    ["SCRIPT_NAME", path],
    ["REQUEST_URI", url],
    ["DOCUMENT_URI", path],
    ["DOCUMENT_ROOT", "/usr/share/nginx/html"],
    ["SERVER_PROTOCOL", "HTTP/1.1"],
    ["REQUEST_SCHEME", "http"],
    ["GATEWAY_INTERFACE", "CGI/1.1"],
    ["SERVER_SOFTWARE", "nginx/1.22.1"],
    ["REMOTE_ADDR", "127.0.0.1"],
    ["REMOTE_PORT", "51234"],
    ["REMOTE_USER", ""],
    ["SERVER_ADDR", "127.0.0.1"],
    ["SERVER_PORT", "8080"],
    ["SERVER_NAME", "localhost"],
    ["REDIRECT_STATUS", "200"],
    ...Object.entries(headers).map(([name, value]): [string, string] => [
      `HTTP_${name.toUpperCase().replaceAll("-", "_")}`,
      value,
    ]),
    ...Array.from({ length: extraHeaders }, (_, i): [string, string] => [
      `HTTP_X_EXTRA_${i}`,
      "some header value of ordinary length",
    ]),
  ];
}
