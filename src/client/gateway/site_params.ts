/** The parameters that only the gateway can know. */
import type { ClientParams, ClientParamValue } from "../request_params.ts";
import { utf8Bytes } from "../../cgi/split_path.ts";
import type { Origin } from "./forwarded.ts";
import type { GatewayPeer } from "./peer.ts";
import type { Route } from "./route.ts";

// As loaded: applications replace the global.
const { URL } = globalThis;

type Params = Record<string, ClientParamValue>;

/** A request that is for the application, by its path. */
export type ApplicationRoute = Extract<Route, { kind: "script" | "application" }>;

/**
 * Who asks whom, and for which URL (RFC 3875, sections 4.1.8, 4.1.14 and 4.1.15).
 *
 * @param own Where the HTTP server listens, if that is known.
 */
export function originParams(
  url: URL,
  { peer, scheme, host }: Origin,
  own: GatewayPeer | undefined,
): Params {
  const params: Params = {
    REMOTE_ADDR: peer.hostname,
    REMOTE_PORT: peer.port === 0 ? "" : String(peer.port),
  };
  if (own !== undefined) {
    params.SERVER_ADDR = own.hostname;
    params.SERVER_PORT = String(own.port);
  }
  if (scheme === undefined && host === undefined) return params;
  // As the client sees it, in front of the proxy.
  const seen = new URL(`${scheme ?? url.protocol.slice(0, -1)}://${host ?? url.host}`);
  const isHttps = seen.protocol === "https:";
  return {
    ...params,
    HTTP_HOST: host ?? url.host,
    SERVER_NAME: seen.hostname,
    SERVER_PORT: seen.port || (isHttps ? "443" : "80"),
    REQUEST_SCHEME: isHttps ? "https" : "http",
    HTTPS: isHttps ? "on" : undefined,
  };
}

/**
 * What the application gets of the path, as nginx sets it for PHP with Debian's configuration.
 *
 * @param root The document root.
 */
export function pathParams(found: ApplicationRoute, root: string | undefined): Params {
  const params: Params = root === undefined ? {} : { DOCUMENT_ROOT: utf8Bytes(root) };
  if (found.kind === "script") {
    return { ...params, ...scriptParams(found, params.DOCUMENT_ROOT as string) };
  }
  const { scriptName, pathInfo } = found;
  return scriptName === undefined
    ? params
    : { ...params, SCRIPT_NAME: scriptName, PATH_INFO: pathInfo };
}

function scriptParams(
  { script, pathInfo, query }: Extract<Route, { kind: "script" }>,
  root: string,
): Params {
  return {
    SCRIPT_NAME: script,
    SCRIPT_FILENAME: below(root, script),
    DOCUMENT_URI: script,
    PATH_INFO: pathInfo,
    ...(pathInfo === "" ? {} : { PATH_TRANSLATED: below(root, pathInfo) }),
    ...(query === undefined ? {} : { QUERY_STRING: query }),
  };
}

/** All parameters, the later ones instead of the earlier ones of the same name. */
export function mergeParams(
  known: readonly Params[],
  given: ClientParams | undefined,
): (readonly [string, ClientParamValue])[] {
  const list = given === undefined
    ? []
    : Symbol.iterator in given
    ? [...given as Iterable<readonly [string, ClientParamValue]>]
    : Object.entries(given);
  const names = new Set(list.map(([name]) => name));
  return [
    ...Object.entries(Object.assign({}, ...known) as Params).filter(([name]) => !names.has(name)),
    ...list,
  ];
}

function below(root: string, path: string): string {
  return root === "/" ? path : root + path;
}
