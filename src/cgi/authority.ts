/**
 * The origin of a request: the scheme, host and port that a browser shows (RFC 9110, section 4.2).
 */
import type { ParamsView } from "./params.ts";

// As loaded: applications replace globals.
const { URL } = globalThis;

/**
 * Host and optional port (RFC 3986, section 3.2): a name or IPv4 address, or a bracketed IPv6
 * address. Stricter than the RFC in one point: no percent-encoding, which the URL standard would
 * decode to another host. No `@`, `/`, `?`, `#` or `\`, so a match is the whole authority of the
 * URL. HAProxy and h2o pass on any Host unvalidated.
 */
const AUTHORITY = /^(?:[\w.~!$&'()*+,;=-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?$/;

const DEFAULT_PORTS: Record<Scheme, string> = { http: "80", https: "443" };

/** The schemes that a web server serves. */
export type Scheme = "http" | "https";

/**
 * Whether `text` is a valid authority: between `http://` and a path it leaves the path as it is.
 */
export function isAuthority(text: string): boolean {
  if (!AUTHORITY.test(text)) return false;
  // `xn--` begins Punycode, which may be invalid. `Request` throws then, except Bun's, which would
  // get a `url` that `new URL(request.url)` throws on.
  return !text.includes("--") || URL.canParse(`http://${text}`);
}

/**
 * The scheme of the request. `HTTPS` is the one variable that every server sets, and the one that
 * an administrator sets by hand behind a TLS proxy, where nginx's stock parameters still have
 * `REQUEST_SCHEME=http`: so if it is on, it wins.
 */
export function requestScheme(params: ParamsView): Scheme {
  const https = params.get("HTTPS");
  if (https !== undefined && (https === "1" || https.toLowerCase() === "on")) return "https";
  return params.get("REQUEST_SCHEME")?.toLowerCase() === "https" ? "https" : "http";
}

/**
 * The authority of the request: Host as the client sent it, else the server's name and port (RFC
 * 3875, sections 4.1.14 and 4.1.15). `null` if the client's Host is invalid.
 */
export function requestAuthority(params: ParamsView, scheme: Scheme): string | null {
  const host = params.get("HTTP_HOST");
  if (!host) return serverAuthority(params, scheme);
  // A site has one name, or few.
  if (host === lastHost) return host;
  if (!isAuthority(host)) return null;
  lastHost = host;
  return host;
}

/** The last Host that was valid. */
let lastHost = "";

/**
 * Authority from `SERVER_NAME`. That is configuration, so an invalid one (nginx passes on
 * `~^www\.`, a regular expression; lighttpd leaves it empty) is skipped, and no reason to refuse
 * the client.
 */
function serverAuthority(params: ParamsView, scheme: Scheme): string {
  let name = params.get("SERVER_NAME") ?? "";
  // An IPv6 literal without brackets (Caddy): two colons, where a port has one.
  if (name.indexOf(":") !== name.lastIndexOf(":") && !name.startsWith("[")) name = `[${name}]`;
  if (!isAuthority(name)) name = "localhost";
  // HAProxy's name is the Host header of a request that has none of its own: it may hold a port.
  if (/:\d*$/.test(name)) return name;
  const port = params.get("SERVER_PORT") ?? "";
  return /^\d{1,5}$/.test(port) && port !== DEFAULT_PORTS[scheme] ? `${name}:${port}` : name;
}
