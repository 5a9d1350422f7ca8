/**
 * A `Request` as CGI parameters, as nginx's stock `fastcgi_params` makes them: `SCRIPT_NAME` is the
 * whole path and there is no `PATH_INFO`; `CONTENT_TYPE` and `CONTENT_LENGTH` are there even if
 * they are empty.
 *
 * Unlike in nginx's, no header comes twice, and none can be mistaken for another: a name with other
 * characters than letters, digits and hyphens is left out (`X_User` would be `HTTP_X_USER` too),
 * and so is `Proxy`, which CGI libraries take for a proxy setting.
 */
import { decodePath } from "../cgi/decode_path.ts";
import { HOP_BY_HOP } from "../cgi/header_name.ts";

// As loaded: applications replace the global.
const { Map, URL } = globalThis;

/**
 * Parameters to add. They replace those of the same name; `undefined` removes one.
 *
 * In a string, code unit n is byte n, as in the headers of a `Request`: text of a few languages
 * looks as if it worked, and other text is a RangeError. For UTF-8 give bytes:
 * `{ PATH_INFO: new TextEncoder().encode("/ü.php") }`.
 */
export type ClientParams =
  | Iterable<readonly [name: string, value: ClientParamValue]>
  | Readonly<Record<string, ClientParamValue>>;

/** The value of a parameter; `undefined` removes it. */
export type ClientParamValue = string | Uint8Array | undefined;

/** A parameter on its way. */
type SentParam = readonly [name: string, value: string | Uint8Array];

/**
 * Header fields that do not become `HTTP_` parameters: they have one of their own, or could be
 * mistaken for another.
 */
const NOT_PASSED_ON = new Set(["content-length", "content-type", "proxy"]);

/** Parameters that an authorizer must not get (FastCGI 1.0, section 6.3). */
const NOT_FOR_AUTHORIZERS = ["CONTENT_LENGTH", "PATH_INFO", "PATH_TRANSLATED", "SCRIPT_NAME"];

/** The parameters of a request. */
export function requestParams(request: Request): Map<string, string> {
  const { headers, method } = request;
  const url = new URL(request.url);
  const isHttps = url.protocol === "https:";
  const path = decodePath(url.pathname);
  const params = new Map([
    ["QUERY_STRING", url.search.slice(1)],
    ["REQUEST_METHOD", method],
    ["CONTENT_TYPE", headers.get("content-type") ?? ""],
    ["CONTENT_LENGTH", headers.get("content-length") ?? ""],
    ["SCRIPT_NAME", path],
    ["REQUEST_URI", url.pathname + url.search],
    ["DOCUMENT_URI", path],
    ["DOCUMENT_ROOT", ""],
    ["SERVER_PROTOCOL", "HTTP/1.1"],
    ["REQUEST_SCHEME", isHttps ? "https" : "http"],
    ["GATEWAY_INTERFACE", "CGI/1.1"],
    ["SERVER_SOFTWARE", "fastcgi-serve"],
    ["REMOTE_ADDR", "127.0.0.1"],
    ["REMOTE_PORT", "0"],
    ["SERVER_ADDR", "127.0.0.1"],
    ["SERVER_PORT", url.port || (isHttps ? "443" : "80")],
    ["SERVER_NAME", url.hostname],
    ["REDIRECT_STATUS", "200"],
    ["HTTP_HOST", url.host],
  ]);
  if (isHttps) params.set("HTTPS", "on");
  for (const [name, value] of headers) {
    if (NOT_PASSED_ON.has(name) || HOP_BY_HOP.has(name)) continue;
    if (!/^[a-z0-9-]+$/.test(name)) continue;
    params.set(`HTTP_${name.toUpperCase().replaceAll("-", "_")}`, value);
  }
  return params;
}

/** Replaces and removes parameters. A name that comes twice in `changes` is sent twice. */
export function changeParams(
  params: Iterable<SentParam>,
  changes: ClientParams | undefined,
): Iterable<SentParam> {
  if (changes === undefined) return params;
  const list = Symbol.iterator in changes
    ? [...changes as Iterable<readonly [string, ClientParamValue]>]
    : Object.entries(changes);
  const names = new Set(list.map(([name]) => name));
  return [
    ...[...params].filter(([name]) => !names.has(name)),
    ...list.filter((pair): pair is SentParam => pair[1] !== undefined),
  ];
}

/** Removes the parameters that an authorizer must not get. */
export function authorizerParams(params: Map<string, string>): Map<string, string> {
  for (const name of NOT_FOR_AUTHORIZERS) params.delete(name);
  return params;
}
