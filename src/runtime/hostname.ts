import { isIP } from "node:net";

/**
 * Validates a hostname: an IP address or a host name. The runtimes accept more: `""`, `"0"` and on
 * Bun `"*"` listen on every interface, by accident; `"0.0.0.0"` and `"::"` say that on purpose.
 *
 * @throws {TypeError} If `hostname` is neither; the message begins with `Cannot <action>`.
 */
export function checkHostname(hostname: unknown, action: string): asserts hostname is string {
  const advice = adviceOn(hostname);
  if (advice === undefined) return;
  const shown = typeof hostname === "string" ? JSON.stringify(hostname) : String(hostname);
  throw new TypeError(`Cannot ${action}: the hostname is ${shown}, ${advice}`);
}

/**
 * A numeric last part, as in the old forms of an IPv4 address (inet_aton(3)): `127.1`,
 * `0x7f000001`.
 */
const ENDS_IN_NUMBER = /(?:^|\.)(?:\d+|0x[\da-f]*)\.?$/i;
/** Characters that no host name contains: white space, and delimiters of other parts of a URL. */
const NO_NAME = /[\s\p{Cc}\[\]:/\\?#@*%]/u;

function adviceOn(hostname: unknown): string | undefined {
  if (typeof hostname !== "string" || hostname === "") return "no address and no host name";
  if (isIP(hostname) !== 0) return undefined;
  const bare = /^\[(.*)\]$/.exec(hostname)?.[1];
  if (bare !== undefined && isIP(bare) === 6) return "give it without the brackets";
  // As a resolver reads it: digits and dots of other scripts count as digits and dots (IDNA).
  const mapped = hostname.normalize("NFKC").replaceAll("\u3002", ".");
  if (ENDS_IN_NUMBER.test(mapped)) return "no IP address; write it out, such as 127.0.0.1";
  return NO_NAME.test(mapped) ? "no address and no host name" : undefined;
}
