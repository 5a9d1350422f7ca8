/**
 * A `Response` becomes the CGI header block (RFC 3875, section 6.3).
 *
 * The plan: one pass over the headers, one string. Framing is not the application's: hop-by-hop
 * fields go, and there is one Content-Length or none. `Status` is the last line, since HAProxy
 * turns every status into 302 when `Location` comes after it. An authorizer's refusal begins with
 * it: lighttpd takes only variables from an authorizer until it knows that it refuses, and HAProxy
 * has no authorizers.
 */
import { authorizerHeaderName, isGrant } from "./authorizer_head.ts";
import { countableLength } from "./content_length.ts";
import { responseHeaderName } from "./header_name.ts";
import { impliedContentType } from "./implied_type.ts";
import type { Rejection } from "./rejection.ts";
import { isFinalStatus, statusLine } from "./status.ts";

/** What a header block is made of: a `Response` of the runtime's, or of another making. */
export interface ResponseHeadSource {
  readonly status: number;
  readonly statusText: string;
  readonly headers: {
    forEach(visit: (value: string, name: string) => void): void;
  };
}

/** Options of {@link responseHead}. */
export interface ResponseHeadOptions {
  /** The request's method: HEAD has a length but no body. */
  method: string;
  /** The exact length of the body in bytes, if it is known. */
  contentLength?: number;
  /**
   * The bytes of a body that did not come as a stream, or the first of them, for runtimes that hide
   * the Content-Type of text ({@link impliedContentType}).
   */
  body?: Uint8Array;
  /** Whether the application is asked as an authorizer (FastCGI 1.0, section 6.3). */
  authorizer?: boolean;
  /**
   * Whether an authorizer's 200 may go out; an error page must not be one.
   *
   * @default {true}
   */
  mayGrant?: boolean;
  /** Whether the body has been decoded: its Content-Encoding, and the length it had, are gone. */
  decoded?: boolean;
}

/** Control characters, which make Apache and nginx answer 500, and code units that are no byte. */
const UNSAFE = /[^\t\x20-\x7e\x80-\xff]/;
const UNSAFE_UNITS = /[^\t\x20-\x7e\x80-\xff]/g;

/**
 * Server-sent events are of no use in a buffer, and stock nginx holds them until the answer ends.
 * This header turns that off for one response, and nginx keeps it to itself. Measured with five
 * events, 250 ms apart: nginx, and an nginx that proxies to Apache, then pass each on as it comes.
 * lighttpd, Apache (mod_proxy_fcgi, mod_fcgid, mod_cgid), Caddy and HAProxy do as they did without,
 * and show the header to the client, to whom it says nothing.
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
 * @returns The block; a {@link Rejection} if the status is none that can be sent (101,
 * `Response.error()`).
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

/** All lines but `Status`, without the headers that a `Connection` header has listed. */
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
  // Seen after some of those it lists: a response from elsewhere, passed on (RFC 9110, section
  // 7.6.1).
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
 * that must not. A 205 has none either (section 15.3.6). An authorizer's grant has none: web
 * servers drop it.
 */
export function responseAllowsBody(method: string, status: number, authorizer = false): boolean {
  if (authorizer && isGrant(status)) return false;
  return method !== "HEAD" && !hasNoContent(status) && status >= 200;
}

function hasNoContent(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}

/**
 * The Content-Length to send; `undefined` for none. Where the body is known, its true length wins,
 * for HEAD, too; where a HEAD has none, the length is that of the body a GET would get, which the
 * application knows (RFC 9110, section 8.6).
 */
function bodyLength(
  options: ResponseHeadOptions,
  status: number,
  own: string | null,
): number | undefined {
  // Granted: what follows is the web server's own file.
  if (options.authorizer && isGrant(status)) return undefined;
  if (hasNoContent(status)) {
    // RFC 9110 forbids one in a 204. In a 304 it would have to be that of the 200 there would have
    // been, which is not known here: frameworks say 0. A 205 has no body, and its end must be told.
    return status === 205 ? 0 : undefined;
  }
  const declared = options.decoded === true ? undefined : countableLength(own);
  const known = options.contentLength;
  return options.method === "HEAD" ? known || declared : known ?? declared;
}

/** At least one, so that the second pass is the last. */
function connectionOptions(connection: string): string[] {
  return connection.toLowerCase().split(",").map((name) => name.trim());
}

/**
 * `Headers` refuses NUL, CR, LF and what is no byte; other implementations than the runtime's may
 * not.
 */
function safeValue(value: string): string {
  if (!UNSAFE.test(value)) return value;
  return value.replace(UNSAFE_UNITS, (unit) => unit > "\xff" ? "?" : " ");
}
