/**
 * Names of headers: from parameters (`HTTP_ACCEPT` → `accept`), and for the wire (`accept` →
 * `Accept`).
 *
 * Both are asked for every header of every request, and sites see the same few names for ever: so
 * the answers are remembered, and the answer "this is no header to pass on" with them. What a
 * client can fill is bounded.
 */
import { quirksOf } from "./quirks.ts";

/** Names remembered per direction: the union of what browsers send is about 60. */
const MAX_REMEMBERED = 256;
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
const HOP_BY_HOP: ReadonlySet<string> = new Set([
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

const IGNORED: ReadonlySet<string> = new Set(
  quirksOf("ignored_headers").flatMap((row) => row.headers),
);

const fromParams = new Map<string, string | null>();
const forWire = new Map<string, string | null>();

/** Whether `text` is a token: a method or a field name (RFC 9110, section 5.6.2). */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/**
 * The header a parameter `HTTP_*` stands for, in lower case; `null` if none reaches the
 * application.
 */
export function requestHeaderName(param: string): string | null {
  const known = fromParams.get(param);
  if (known !== undefined) return known;
  const name = param.slice(5).toLowerCase().replaceAll("_", "-");
  const passed = isToken(name) && !HOP_BY_HOP.has(name) && !IGNORED.has(name);
  // The key is a string of its own: `param` may be a slice that keeps a whole parameter block
  // alive.
  const key = `HTTP_${name.toUpperCase().replaceAll("-", "_")}`;
  return key === param ? remember(fromParams, key, passed ? name : null) : passed ? name : null;
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
  return remember(forWire, name, passed ? titleCase(lower) : null);
}

function titleCase(name: string): string {
  return name.replace(/(?<![^-])[a-z]/g, (letter) => letter.toUpperCase());
}

function remember(
  map: Map<string, string | null>,
  key: string,
  answer: string | null,
): string | null {
  if (key.length <= MAX_REMEMBERED_LENGTH) {
    // Starting over costs little, and heals after a client has sent nothing but names of its own.
    if (map.size >= MAX_REMEMBERED) map.clear();
    map.set(key, answer);
  }
  return answer;
}
