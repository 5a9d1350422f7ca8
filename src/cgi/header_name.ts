/**
 * Names of headers: from parameters (`HTTP_ACCEPT` → `accept`), and for the wire (`accept` →
 * `Accept`).
 *
 * Both are asked for every header of every request, and sites see the same few names for ever: so
 * the answers are remembered, and the answer "this is no header to pass on" with them. What a
 * client can fill is bounded.
 */
import { quirksOf } from "./quirks.ts";

/** Response names remembered: what an application says is a few dozen. */
const MAX_REMEMBERED = 256;
/**
 * Request names remembered of one length. The union of what browsers and proxies send is about 80
 * names, six of one length at the most.
 */
const MAX_SAME_LENGTH = 12;
/**
 * Longer names are worked out each time; remembering them would let a client choose how much memory
 * it takes.
 */
const MAX_REMEMBERED_LENGTH = 64;

/** A field name (RFC 9110, section 5.6.2). */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/**
 * Fields about one connection, not about the message (RFC 9110, section 7.6.1), and those that
 * would be taken for one: HTTP/1.1 framing belongs to the web server.
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
 * `Expect` asks for a 100 (RFC 9110, section 10.1.1), which the web server has answered or will;
 * some take it away then, and `fetch` on Node throws for a request that is passed on with it.
 */
const IGNORED: ReadonlySet<string> = new Set([
  "expect",
  ...quirksOf("ignored_headers").flatMap((row) => row.headers),
]);

/** A parameter's name, and the header it stands for. */
interface KnownParam {
  readonly param: string;
  readonly header: string | null;
}

/**
 * By the length of the name: comparing with a few where they stand beats making a string to hash.
 */
const fromParams: KnownParam[][] = Array.from({ length: MAX_REMEMBERED_LENGTH + 1 }, () => []);
const forWire = new Map<string, string | null>();

/** Whether `text` is a token: a method or a field name (RFC 9110, section 5.6.2). */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/**
 * The header that a parameter `HTTP_*` stands for, in lower case; `null` if none reaches the
 * application.
 *
 * @param text The parameter's name, from `start` to `end`.
 */
export function requestHeaderName(
  text: string,
  start = 0,
  end: number = text.length,
): string | null {
  const known = fromParams[end - start];
  if (known !== undefined) {
    for (let i = 0; i < known.length; i++) {
      if (text.startsWith(known[i]!.param, start)) return known[i]!.header;
    }
  }
  const name = text.slice(start + 5, end).toLowerCase().replaceAll("_", "-");
  const header = isToken(name) && !HOP_BY_HOP.has(name) && !IGNORED.has(name) ? name : null;
  // A string of its own: a slice would keep a whole parameter block alive.
  const param = `HTTP_${name.toUpperCase().replaceAll("-", "_")}`;
  if (known !== undefined && text.startsWith(param, start)) {
    // Starting over costs little, and heals after a client has sent nothing but names of its own.
    if (known.length >= MAX_SAME_LENGTH) known.length = 0;
    known.push({ param, header });
  }
  return header;
}

/**
 * A response header's name for the wire, `Content-Type` for `content-type`; `null` if it must not
 * go out.
 */
export function responseHeaderName(name: string): string | null {
  const known = forWire.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  // "Status" is how CGI tells the status (RFC 3875, section 6.3.3): ours alone.
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
