/**
 * Makes the CGI header block of a `Response` (RFC 3875, section 6.3).
 *
 * The plan: one pass over the headers, one string. Framing is not the application's: hop-by-hop
 * fields are removed, and there is at most one Content-Length. `Status` is the last line, since
 * HAProxy turns every status into 302 when `Location` comes after it. An authorizer's refusal
 * begins with it: lighttpd reads only variables from an authorizer until it knows of the refusal,
 * and HAProxy has no authorizers.
 */
import { authorizerHeaderName, isGrant } from "./authorizer_head.ts";
import { countableLength } from "./content_length.ts";
import { responseHeaderName } from "./header_name.ts";
import { impliedContentType } from "./implied_type.ts";
import type { Rejection } from "./rejection.ts";
import { isFinalStatus, statusLine } from "./status.ts";

/** The source of a header block: the runtime's `Response`, or another implementation's. */
export interface ResponseHeadSource {
  readonly status: number;
  readonly statusText: string;
  readonly headers: {
    forEach(visit: (value: string, name: string) => void): void;
  };
}

/** Options of {@link responseHead}. */
export interface ResponseHeadOptions {
  /** The request's method: the response to HEAD has a length but no body. */
  method: string;
  /** The exact length of the body in bytes, if it is known. */
  contentLength?: number;
  /**
   * The bytes of a body that did not come as a stream, or the first of them, for runtimes that hide
   * the Content-Type of text ({@link impliedContentType}).
   */
  body?: Uint8Array;
  /** Whether the role is Authorizer (FastCGI 1.0, section 6.3). */
  authorizer?: boolean;
  /**
   * Whether an authorizer's 200 may be sent; an error page must not grant.
   *
   * @default true
   */
  mayGrant?: boolean;
  /**
   * Whether the body has been decoded: its Content-Encoding and its original length no longer
   * apply.
   */
  decoded?: boolean;
}

/** Control characters, which make Apache and nginx answer 500, and code units above U+00FF. */
const UNSAFE = /[^\t\x20-\x7e\x80-\xff]/;
const UNSAFE_UNITS = /[^\t\x20-\x7e\x80-\xff]/g;

/**
 * Server-sent events are useless in a buffer, and stock nginx buffers them until the response ends.
 * This header turns buffering off for one response, and nginx does not forward it. Measured with
 * five events, 250 ms apart: nginx, and an nginx that proxies to Apache, then pass each on as it
 * comes. lighttpd, Apache (mod_proxy_fcgi, mod_fcgid, mod_cgid), Caddy and HAProxy behave as
 * without it, and forward the header to the client, which ignores it.
 */
const EVENTS = /^\s*text\/event-stream\s*(?:;|$)/i;
const UNBUFFERED = "X-Accel-Buffering: no\r\n";

/**
 * Writes the header block: Latin-1 text, one line per header and per cookie, `Status` last (in an
 * authorizer's refusal first), the empty line at the end.
 *
 * On Bun, read `response.headers` once before touching the body: a type that came from a `Blob` or
 * `FormData` is lost after that.
 *
 * @returns The block; a {@link Rejection} if the status cannot be sent (101, `Response.error()`).
 */
export function responseHead(
  response: ResponseHeadSource,
  options: ResponseHeadOptions,
): string | Rejection {
  const status = response.status;
  if (!isFinalStatus(status)) {
    return { status: 500, reason: `Status of the response cannot be sent: ${status}` };
  }
  if (options.authorizer && options.mayGrant === false && isGrant(status)) {
    return { status: 500, reason: "An error page must not let the request through" };
  }
  const lines = headerLines(response, status, options, []);
  const ending = statusLine(status, response.statusText);
  if (options.authorizer !== true || isGrant(status)) return lines + ending;
  const empty = ending.length - 2;
  return ending.slice(0, empty) + lines + ending.slice(empty);
}

/** All lines except `Status`, without the headers listed in a `Connection` header. */
function headerLines(
  response: ResponseHeadSource,
  status: number,
  options: ResponseHeadOptions,
  listed: readonly string[],
): string {
  const { authorizer = false } = options;
  let lines = "";
  let length: string | null = null;
  let type: string | undefined;
  let unbuffered = false;
  let connection: string | null = null;
  response.headers.forEach((value, header) => {
    const name = responseHeaderName(header);
    if (name === null) {
      if (header.toLowerCase() === "connection") connection = value;
    } else if (listed.length > 0 && listed.includes(header.toLowerCase())) {
      return;
    } else if (name === "Content-Length") {
      length = length === null ? value : `${length}, ${value}`;
    } else if (name !== "Content-Encoding" || options.decoded !== true) {
      if (name === "Content-Type") type = value;
      else if (name === "X-Accel-Buffering") unbuffered = true;
      const shown = authorizer ? authorizerHeaderName(name, status) : name;
      if (shown !== null) lines += `${shown}: ${safeValue(value)}\r\n`;
    }
  });
  // A `Connection` header: a response from elsewhere, passed on (RFC 9110, section 7.6.1). Headers
  // that it lists may be in the lines already, hence a second pass.
  if (connection !== null && listed.length === 0) {
    return headerLines(response, status, options, connectionOptions(connection));
  }
  if (!(authorizer && isGrant(status))) {
    if (type === undefined && options.body !== undefined) {
      const implied = impliedContentType(options.body);
      if (implied !== null) lines += `Content-Type: ${implied}\r\n`;
    }
    if (!unbuffered && type !== undefined && EVENTS.test(type)) lines += UNBUFFERED;
  }
  const bytes = bodyLength(options, status, length);
  return bytes === undefined ? lines : `${lines}Content-Length: ${bytes}\r\n`;
}

/**
 * Whether a body may follow the header block (RFC 9110, section 6.4.1): HAProxy answers 502 to one
 * that must not. A 205 has none either (section 15.3.6), nor has an authorizer's grant: web servers
 * drop it.
 */
export function responseAllowsBody(method: string, status: number, authorizer = false): boolean {
  if (authorizer && isGrant(status)) return false;
  return method !== "HEAD" && !hasNoContent(status) && status >= 200;
}

function hasNoContent(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}

/**
 * The Content-Length to send; `undefined` for none. Where the body is known, its actual length
 * wins, for HEAD too; where a response to HEAD has no body, the length is that of the body that a
 * GET would get, which the application knows (RFC 9110, section 8.6).
 */
function bodyLength(
  options: ResponseHeadOptions,
  status: number,
  own: string | null,
): number | undefined {
  // A grant: the body will be the web server's own file.
  if (options.authorizer && isGrant(status)) return undefined;
  if (hasNoContent(status)) {
    // RFC 9110 forbids one in a 204. In a 304 it would have to be that of the 200 response, which
    // is not known here: frameworks set 0. A 205 has no body, and needs a length of 0 for its
    // framing.
    return status === 205 ? 0 : undefined;
  }
  const declared = options.decoded === true ? undefined : countableLength(own);
  const known = options.contentLength;
  return options.method === "HEAD" ? known || declared : known ?? declared;
}

/**
 * The connection options (RFC 9110, section 7.6.1). At least one, so that the second pass is the
 * last.
 */
function connectionOptions(connection: string): string[] {
  return connection.toLowerCase().split(",").map((name) => name.trim());
}

/**
 * Replaces unsafe characters. `Headers` refuses NUL, CR, LF and code units above U+00FF;
 * implementations other than the runtime's may not.
 */
function safeValue(value: string): string {
  if (!UNSAFE.test(value)) return value;
  return value.replace(UNSAFE_UNITS, (unit) => unit > "\xff" ? "?" : " ");
}
