/**
 * The client behind trusted proxies, by what they say in `X-Forwarded-For`, `-Proto` and `-Host`,
 * or in `Forwarded` (RFC 7239).
 *
 * Anybody can send these fields, and proxies add to what they get. So they are read from the right,
 * where the nearest proxy has written, and only as long as those who wrote are trusted.
 * `X-Forwarded-` wins: most proxies write that, and pass on any `Forwarded` of the client.
 */
import { isAuthority } from "../../cgi/authority.ts";
import { formatIp, type IpRange, isInRange, parseIp, parseIpRange } from "./ip_address.ts";
import type { GatewayPeer } from "./peer.ts";

/** What is known of a request besides the `Request`. */
export interface Origin {
  /** The client. */
  readonly peer: GatewayPeer;
  /** The scheme that the client uses, if a proxy says it. */
  readonly scheme?: "http" | "https" | undefined;
  /** The host that the client has asked for, with its port, if a proxy says it. */
  readonly host?: string | undefined;
}

/** Whose word is taken. */
export interface TrustedProxies {
  readonly ranges: readonly IpRange[];
  /** Whether a peer without an address is one: on a Unix socket. */
  readonly unix: boolean;
}

/**
 * Reads the option `trustedProxies`.
 *
 * @throws {TypeError} If one of them is no address, no range of addresses, and not `unix:`.
 */
export function parseTrustedProxies(proxies: readonly string[]): TrustedProxies {
  const ranges = proxies.filter((proxy) => proxy !== "unix:").map((proxy) => {
    const range = parseIpRange(proxy);
    if (range !== undefined) return range;
    throw new TypeError(
      `Cannot trust the proxy ${JSON.stringify(proxy)}: it is neither an IP address, nor a range ` +
        `such as 10.0.0.0/8, nor "unix:"`,
    );
  });
  return { ranges, unix: proxies.includes("unix:") };
}

/** One proxy's word, the nearest proxy's last. */
interface Hop {
  readonly peer: GatewayPeer | undefined;
  readonly scheme: string | undefined;
  readonly host: string | undefined;
}

/** Finds the client of a request that `peer` has sent. */
export function originOf(headers: Headers, peer: GatewayPeer, trusted: TrustedProxies): Origin {
  if (!isTrusted(peer, trusted)) return { peer };
  const hops = hasXForwarded(headers) ? xForwarded(headers) : forwarded(headers);
  let origin: Origin = { peer };
  for (const { peer, scheme, host } of hops.toReversed()) {
    origin = {
      peer: peer ?? origin.peer,
      scheme: schemeOf(scheme) ?? origin.scheme,
      host: host !== undefined && isAuthority(host) ? host : origin.host,
    };
    // What stands further to the left is the word of this peer.
    if (peer === undefined || !isTrusted(peer, trusted)) break;
  }
  return origin;
}

function isTrusted({ hostname }: GatewayPeer, { ranges, unix }: TrustedProxies): boolean {
  const address = parseIp(hostname);
  if (address === undefined) return unix && hostname === "";
  return ranges.some((range) => isInRange(address, range));
}

function schemeOf(text: string | undefined): "http" | "https" | undefined {
  const scheme = text?.toLowerCase();
  return scheme === "http" || scheme === "https" ? scheme : undefined;
}

const FOR = "x-forwarded-for";
const PROTO = "x-forwarded-proto";
const HOST = "x-forwarded-host";

function hasXForwarded(headers: Headers): boolean {
  return [FOR, PROTO, HOST].some((name) => headers.has(name));
}

/**
 * The lists side by side, their ends together: a proxy may set one, where it adds to another.
 */
function xForwarded(headers: Headers): Hop[] {
  const [peers, schemes, hosts] = [FOR, PROTO, HOST].map((name) => listOf(headers.get(name)));
  const length = Math.max(peers!.length, schemes!.length, hosts!.length);
  return Array.from({ length }, (_, i) => {
    const fromEnd = i - length;
    return {
      peer: nodeOf(peers!.at(fromEnd)),
      scheme: schemes!.at(fromEnd),
      host: hosts!.at(fromEnd),
    };
  });
}

function listOf(field: string | null): string[] {
  return field === null ? [] : field.split(",").map((item) => item.trim());
}

const ELEMENT =
  /^[ \t]*(?:([\w!#$%&'*+.^`|~-]+)=([\w!#$%&'*+.^`|~-]+|"(?:[^"\\]|\\.)*"))?[ \t]*([;,]|$)/;

/** RFC 7239, section 4; nothing, if it is malformed. */
function forwarded(headers: Headers): Hop[] {
  let rest = headers.get("forwarded") ?? "";
  const hops: Hop[] = [];
  let pairs: Record<string, string> = {};
  for (let end = ";"; end !== "" || rest !== "";) {
    const match = ELEMENT.exec(rest);
    if (match === null) return [];
    const [all, name, value] = match;
    if (name !== undefined) pairs[name.toLowerCase()] = unquote(value!);
    rest = rest.slice(all.length);
    end = match[3]!;
    if (end === ";") continue;
    if (Object.keys(pairs).length > 0) {
      hops.push({ peer: nodeOf(pairs.for), scheme: pairs.proto, host: pairs.host });
    }
    pairs = {};
    if (end === "") break;
  }
  return hops;
}

function unquote(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, "$1") : text;
}

/**
 * An address with or without its port, IPv6 in brackets or bare (RFC 7239, section 6); `undefined`
 * for `unknown`, `_hidden` and what is none.
 */
function nodeOf(text: string | undefined): GatewayPeer | undefined {
  const [, bracketed, ipv4, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text ?? "") ??
    [];
  const address = parseIp(bracketed ?? ipv4 ?? text ?? "");
  return address && { hostname: formatIp(address), port: Number(port ?? 0) };
}
