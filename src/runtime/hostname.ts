import { isIP } from "node:net";

/**
 * Refuses what is neither an IP address nor the name of a host. The runtimes take more: `""`, `"0"`
 * and on Bun `"*"` listen on every interface, which nobody says by accident with `"0.0.0.0"` or
 * `"::"`.
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
 * A part that says a number, which an address in an old spelling ends with (inet_aton(3)): `127.1`,
 * `0x7f000001`.
 */
const ENDS_IN_NUMBER = /(?:^|\.)(?:\d+|0x[\da-f]*)\.?$/i;
/** What no name of a host holds: white space, and what belongs to another part of a URL. */
const NO_NAME = /[\s\p{Cc}\[\]:/\\?#@*%]/u;

function adviceOn(hostname: unknown): string | undefined {
  if (typeof hostname !== "string" || hostname === "") return "no address and no host name";
  if (isIP(hostname) !== 0) return undefined;
  const bare = /^\[(.*)\]$/.exec(hostname)?.[1];
  if (bare !== undefined && isIP(bare) === 6) return "give it without the brackets";
  // As a resolver reads it: digits and dots of other scripts are digits and dots (IDNA).
  const mapped = hostname.normalize("NFKC").replaceAll("\u3002", ".");
  if (ENDS_IN_NUMBER.test(mapped)) return "no IP address; write it out, such as 127.0.0.1";
  return NO_NAME.test(mapped) ? "no address and no host name" : undefined;
}
