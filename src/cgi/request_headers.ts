/**
 * The request's headers, from `HTTP_*`, `CONTENT_TYPE` and `CONTENT_LENGTH` (RFC 3875, section
 * 4.1.18).
 *
 * Left out are hop-by-hop fields, fields that no client sent, and fields that `Headers` would
 * refuse. Fields listed in a `Connection` header stay: removing them is for intermediaries (RFC
 * 9110, section 7.6.1), and the web server is the last of those. Here it would let a client remove
 * headers that the web server added for the application to rely on
 * (`Connection: close, X-Forwarded-For`; CVE-2022-31813 is that mistake in Apache).
 */
import { countableLength } from "./content_length.ts";
import { requestHeaderName } from "./header_name.ts";
import type { CgiParams } from "./params.ts";
import { quirksOf } from "./quirks.ts";

const INVENTED_EMPTY = quirksOf("invented_empty").map((row) => row.header);
const INVENTED_TYPE = quirksOf("invented_type");
const INVENTED_LENGTH = quirksOf("invented_length");
const OTHER_NAMES = quirksOf("other_name");

/** A header field: its name in lower case, and its value. */
export type HeaderLine = [name: string, value: string];

/** The headers of a request with this method; a name may come several times. */
export function requestHeaders(params: CgiParams, method: string): HeaderLine[] {
  const lines: HeaderLine[] = [];
  // The two fields that are not joined as `Headers` would do it.
  let host = "";
  let cookies: string | null = null;
  params.forEachHeader((text, start, valueStart, end) => {
    const name = requestHeaderName(text, start, valueStart);
    if (name === null) return;
    const value = text.slice(valueStart, end);
    if (name === "host") host = value;
    else if (name === "cookie") cookies = cookies === null ? value : `${cookies}; ${value}`;
    else if (value !== "" || !INVENTED_EMPTY.includes(name)) lines.push([name, value]);
  });
  // An empty Host was invented (Caddy, HAProxy and h2o, for HTTP/1.0 without Host), and if it was
  // not, it still names no host.
  if (host !== "") lines.push(["host", host]);
  if (cookies !== null) lines.push(["cookie", cookies]);
  for (const { header, param } of OTHER_NAMES) {
    const value = params.get(param);
    if (value && !lines.some(([name]) => name === header)) lines.push([header, value]);
  }
  const type = params.get("CONTENT_TYPE");
  if (type && !INVENTED_TYPE.some((row) => row.invented(params))) {
    lines.push(["content-type", type]);
  }
  const length = shownLength(params.get("CONTENT_LENGTH"), method);
  if (length !== null) lines.push(["content-length", length]);
  return lines;
}

/**
 * Content-Length as a client would write it; Caddy sends -1, nginx an empty value, HAProxy 0003.
 */
function shownLength(value: string | undefined, method: string): string | null {
  const bytes = countableLength(value);
  if (bytes === undefined) return null;
  const length = String(bytes);
  return INVENTED_LENGTH.some((row) => row.invented(method, length)) ? null : length;
}
