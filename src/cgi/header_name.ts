/**
 * Field names: from parameters (`HTTP_ACCEPT` → `accept`), and for the wire (`accept` → `Accept`).
 *
 * Both are looked up for every header of every request, and a site sees the same few names for
 * ever. So the results are cached, the negative ones ("not to be passed on") too. What a client can
 * add to the cache is bounded.
 */
import { quirksOf } from "./quirks.ts";

/** Response names cached: an application uses a few dozen. */
const MAX_REMEMBERED = 256;
/**
 * Request names cached per length. Browsers and proxies together send about 80 names, six of one
 * length at most; an application's own may be more alike.
 */
const MAX_SAME_LENGTH = 32;
/**
 * The longest name cached. Longer ones are computed each time: caching them would let a client
 * choose how much memory it takes.
 */
const MAX_REMEMBERED_LENGTH = 64;

/** A field name (RFC 9110, section 5.6.2). */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/**
 * Hop-by-hop fields: about one connection, not about the message (RFC 9110, section 7.6.1), and
 * those that would be mistaken for one. HTTP/1.1 framing belongs to the web server.
 */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Request fields that are dropped. `Expect` asks for a 100 (RFC 9110, section 10.1.1), which the
 * web server has sent or will send. Some servers remove the field then, and `fetch` on Node throws
 * for a request that is passed on with it.
 */
const IGNORED: ReadonlySet<string> = new Set([
  "expect",
  ...quirksOf("ignored_headers").flatMap((row) => row.headers),
]);

/** A parameter's name, and the header that it carries. */
interface KnownParam {
  readonly param: string;
  readonly header: string | null;
}

/** The cached names of one length. */
interface SameLength {
  readonly names: KnownParam[];
  /** Where the next search begins: names come in the same order each time. */
  next: number;
}

/**
 * Cache by length of the name: comparing a few candidates in place is faster than allocating a
 * string to hash.
 */
const fromParams: SameLength[] = Array.from(
  { length: MAX_REMEMBERED_LENGTH + 1 },
  () => ({ names: [], next: 0 }),
);
const forWire = new Map<string, string | null>();

/** Whether `text` is a token: a method or a field name (RFC 9110, section 5.6.2). */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/**
 * The header that a parameter `HTTP_*` carries, in lower case; `null` if it does not reach the
 * application.
 *
 * @param text Contains the parameter's name, from `start` to `end`.
 */
export function requestHeaderName(
  text: string,
  start = 0,
  end: number = text.length,
): string | null {
  const known = fromParams[end - start];
  if (known !== undefined) {
    const { names } = known;
    for (let i = 0, at = known.next; i < names.length; i++, at++) {
      if (at >= names.length) at = 0;
      const { param, header } = names[at]!;
      if (!text.startsWith(param, start)) continue;
      known.next = at + 1;
      return header;
    }
  }
  const name = text.slice(start + 5, end).toLowerCase().replaceAll("_", "-");
  const header = isToken(name) && !HOP_BY_HOP.has(name) && !IGNORED.has(name) ? name : null;
  // A copy: a slice would keep a whole parameter block alive.
  const param = `HTTP_${name.toUpperCase().replaceAll("-", "_")}`;
  if (known !== undefined && text.startsWith(param, start)) {
    // Clearing costs little, and recovers from a client that has filled the list with names of its
    // own.
    if (known.names.length >= MAX_SAME_LENGTH) known.names.length = 0;
    known.names.push({ param, header });
  }
  return header;
}

/**
 * A response header's name for the wire, `Content-Type` for `content-type`; `null` if it must not
 * be sent.
 */
export function responseHeaderName(name: string): string | null {
  const known = forWire.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  // `Status` carries the status code in CGI (RFC 3875, section 6.3.3), so only this library sets
  // it.
  const passed = isToken(lower) && !HOP_BY_HOP.has(lower) && lower !== "status";
  const answer = passed ? titleCase(lower) : null;
  if (name.length <= MAX_REMEMBERED_LENGTH) {
    if (forWire.size >= MAX_REMEMBERED) forWire.clear();
    forWire.set(name, answer);
  }
  return answer;
}

function titleCase(name: string): string {
  return name.replace(/(?<![^-])[a-z]/g, (letter) => letter.toUpperCase());
}
