/**
 * The URL of a request, as a browser shows it, byte for byte as far as the URL standard allows.
 *
 * The plan: `REQUEST_URI` is the raw request target; `SCRIPT_NAME` and `PATH_INFO` are decoded, so
 * lossy, and only used without it. Characters that the WHATWG parser would strip (tab, line feed),
 * turn into `/` (`\`) or read as UTF-8 (bytes from 0x80) are percent-encoded first. The target is
 * appended to a validated authority, so `//a//b` is a path. Dot segments are left to the parser
 * inside `Request`, as in `Deno.serve`.
 */
import { isAuthority, requestAuthority, requestScheme } from "./authority.ts";
import type { ParamsView } from "./params.ts";
import type { Rejection } from "./rejection.ts";

// As loaded: applications replace the global.
const { URL } = globalThis;

/** Visible ASCII except `#` and `\`: a target of only these goes into the URL unchanged. */
const PLAIN = /^[!"$-[\]-~]*$/;
const NOT_PLAIN = /[^!"$-[\]-~]/g;
/** Characters to encode in a decoded path: all but `pchar` and `/` (RFC 3986, section 3.3). */
const NOT_PATH = /[^\w.~!$&'()*+,;=:@/-]/g;
const ABSOLUTE_FORM = /^https?:\/\/([^/?#]*)/i;

/** The absolute URL of the request, or the rejection of one that has none. */
export function requestUrl(params: ParamsView): string | Rejection {
  const scheme = requestScheme(params);
  const uri = params.get("REQUEST_URI");
  if (!uri) return join(scheme, requestAuthority(params, scheme), decodedTarget(params));
  if (uri.charCodeAt(0) === 0x2f) {
    return join(scheme, requestAuthority(params, scheme), encodeTarget(uri));
  }
  // The authority of the absolute form overrides Host (RFC 9112, section 3.2.2); the scheme stays
  // that of the connection to the web server.
  const absolute = ABSOLUTE_FORM.exec(uri);
  if (absolute !== null) {
    const [start, authority] = absolute as unknown as [string, string];
    const target = uri.slice(start.length);
    return join(
      scheme,
      isAuthority(authority) ? authority : null,
      encodeTarget(target.startsWith("/") ? target : `/${target}`),
    );
  }
  // The asterisk form, `OPTIONS *`: path and query are empty (RFC 9112, section 3.3).
  return join(
    scheme,
    requestAuthority(params, scheme),
    uri === "*" ? "/" : encodeTarget(`/${uri}`),
  );
}

/** {@link requestUrl}, normalized as in `Request`. The request has become one, so it has a URL. */
export function publicUrl(params: ParamsView): string {
  const url = requestUrl(params);
  if (typeof url !== "string") throw new TypeError(url.reason);
  return new URL(url).href;
}

/**
 * The path part of a request target, still percent-encoded: no authority, no query, no fragment.
 */
export function targetPath(uri: string): string {
  const path = uri.replace(ABSOLUTE_FORM, "").split(/[?#]/, 1)[0]!;
  if (path === "*") return "/";
  return path.startsWith("/") ? path : `/${path}`;
}

function join(scheme: string, authority: string | null, target: string): string | Rejection {
  if (authority === null) return { status: 400, reason: "Host is not valid" };
  return `${scheme}://${authority}${target}`;
}

/**
 * Percent-encodes what the URL parser would change in a raw target, one code unit per byte, and
 * removes a fragment.
 */
export function encodeTarget(target: string): string {
  if (PLAIN.test(target)) return target;
  const hash = target.indexOf("#");
  return (hash < 0 ? target : target.slice(0, hash)).replace(NOT_PLAIN, percentEncode);
}

/** Path and query from the decoded variables (RFC 3875, section 3.3). */
function decodedTarget(params: ParamsView): string {
  const path = ((params.get("SCRIPT_NAME") ?? "") + (params.get("PATH_INFO") ?? ""))
    .replace(NOT_PATH, percentEncode);
  const query = params.get("QUERY_STRING");
  return (path.startsWith("/") ? path : `/${path}`) + (query ? encodeTarget(`?${query}`) : "");
}

/** One Latin-1 code unit as `%XX`; one above U+00FF as an encoded `?`. */
function percentEncode(unit: string): string {
  const code = unit.charCodeAt(0);
  return code > 0xff ? "%3F" : `%${code < 16 ? "0" : ""}${code.toString(16).toUpperCase()}`;
}
