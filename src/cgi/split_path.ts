/**
 * Splits the path into the mount point (`scriptName`) and the rest below it (`pathInfo`).
 *
 * The plan: the path is that of `REQUEST_URI`, decoded, without dot segments. `SCRIPT_NAME` and
 * `PATH_INFO` only tell where to split it, if together they are that path as one of the web servers
 * writes it. After a rewrite they are not: then the folder of the script is the mount point, as
 * PHP's frameworks determine it, if the path is below that. Stock nginx, Apache's ProxyPass and
 * HAProxy put the whole path into `SCRIPT_NAME`. The option `basePath` overrides all of it. So
 * `scriptName + pathInfo` is always the requested path.
 */
import { percentDecode } from "./percent_decode.ts";
import type { ParamsView } from "./params.ts";
import { quirksOf } from "./quirks.ts";
import { targetPath } from "./request_url.ts";

const WHOLE_PATH = quirksOf("whole_path");
const SCRIPT_FILE = quirksOf("script_file");
const encoder = new TextEncoder();
const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

/** The two parts of a path. */
export interface SplitPath {
  /** The mount point (RFC 3875, section 4.1.13): `""` or `/app`, without a slash at the end. */
  scriptName: string;
  /** The rest (RFC 3875, section 4.1.5): `""` or `/x`. */
  pathInfo: string;
}

/**
 * Splits the path of a request. Both parts are percent-decoded, then decoded as UTF-8, or left as
 * Latin-1 (one code unit per byte) where they are not valid UTF-8.
 *
 * @param basePath The mount point, such as `/app`. A path not at or below it is all `pathInfo`.
 */
export function splitPath(params: ParamsView, basePath?: string): SplitPath {
  const { scriptName, pathInfo } = split(params, basePath);
  return { scriptName: decodeUtf8(scriptName), pathInfo: decodeUtf8(pathInfo) };
}

/**
 * Whether the path is at or below `mount` as every web server reads it: nginx, lighttpd and Apache
 * merge slashes before they remove dot segments, so for them `/app//../x` is `/x`, and no rule that
 * protects `/app/x` applies to it.
 *
 * @param mount The mount point, as returned by {@link mountPoint}.
 */
export function isBelow(params: ParamsView, mount: string): boolean {
  const { decoded } = askedPath(params);
  const bytes = utf8Bytes(mount);
  return [decoded, mergeSlashes(decoded)]
    .every((spelling) => splitAt(removeDots(spelling), bytes) !== null);
}

/** {@link splitPath} on bytes: code unit n is byte n. */
function split(params: ParamsView, basePath: string | undefined): SplitPath {
  const { raw, decoded } = askedPath(params);
  const path = removeDots(decoded);
  const mount = basePath === undefined
    ? givenMount(params, { raw, decoded, path })
    : utf8Bytes(mountPoint(basePath));
  return splitAt(path, mount) ?? { scriptName: "", pathInfo: path };
}

/** The path of a request, raw (`null` without `REQUEST_URI`) and decoded. */
function askedPath(params: ParamsView): { raw: string | null; decoded: string } {
  const uri = params.get("REQUEST_URI");
  if (!uri) {
    const path = (params.get("SCRIPT_NAME") ?? "") + (params.get("PATH_INFO") ?? "");
    return { raw: null, decoded: withSlash(path) };
  }
  const raw = targetPath(uri);
  return { raw, decoded: percentDecode(raw) };
}

/** The requested path: raw, decoded, and decoded without dot segments. */
interface AskedPath {
  readonly raw: string | null;
  readonly decoded: string;
  readonly path: string;
}

/** The mount point according to the web server; `""` if its parameters do not tell. */
function givenMount(params: ParamsView, { raw, decoded, path }: AskedPath): string {
  const script = params.get("SCRIPT_NAME") ?? "";
  const info = rooted(params.get("PATH_INFO"));
  const given = script + (info ?? "");
  // HAProxy and Caddy keep dots and slashes; nginx, lighttpd and Apache merge slashes before they
  // remove dot segments.
  const spellings = [path, decoded, mergeSlashes(path), removeDots(mergeSlashes(decoded))];
  if (spellings.includes(given)) {
    const isMount = info !== undefined || WHOLE_PATH.some((row) => row.isMount(params));
    // lighttpd's "/app/" and "/" are mount points with a slash.
    return isMount ? script.replace(/\/$/, "") : "";
  }
  if (script !== "") {
    // `SCRIPT_NAME` is the mount point if it is the only part (a fixed
    // `fastcgi_param SCRIPT_NAME /app`, or beside an empty `PATH_INFO`), or if `PATH_INFO` is not
    // decoded (Apache's ProxyFCGISetEnvIf recipe).
    if (given === raw || (!info && splitAt(path, script) !== null)) return script;
    const folder = script.slice(0, script.lastIndexOf("/"));
    // Rewritten to a script and the path below it, `/app/x` to `/app/index.fcgi/x`, by any server.
    const isFront = info && /\.[^/]*$/.test(script) && spellings.includes(folder + info);
    return isFront || SCRIPT_FILE.some((row) => row.isFile(params)) ? folder : "";
  }
  // A prefix was stripped before the web server split the path (Caddy's handle_path).
  const stripped = info && spellings.find((spelling) => spelling.endsWith(info));
  return stripped ? stripped.slice(0, -info.length) : "";
}

/**
 * Splits at `mount`; `null` if `path` is not at or below it: `/app` is the parent of `/app/x`, not
 * of `/apple`.
 */
function splitAt(path: string, mount: string): SplitPath | null {
  if (!path.startsWith(mount)) return null;
  const rest = path.slice(mount.length);
  return rest === "" || rest.startsWith("/") ? { scriptName: mount, pathInfo: rest } : null;
}

/** Normalizes a mount point as an application writes it: a leading slash, no trailing one. */
export function mountPoint(basePath: string): string {
  const trimmed = basePath.replace(/\/+$/, "");
  return trimmed === "" ? "" : withSlash(trimmed);
}

/** Encodes text as UTF-8 bytes in a string: code unit n is byte n. */
export function utf8Bytes(text: string): string {
  return /^[\0-\x7f]*$/.test(text) ? text : String.fromCharCode(...encoder.encode(text));
}

/**
 * Restores the leading slash of a `PATH_INFO` (RFC 3875, section 4.1.5); flup's recipe for nginx
 * cuts it off.
 */
function rooted(info: string | undefined): string | undefined {
  return info ? withSlash(info) : info;
}

function withSlash(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}

/**
 * Removes dot segments (RFC 3986, section 5.2.4), after decoding, as nginx, lighttpd and Apache do:
 * `%2F..%2F` must not become a path traversal in an application that maps `pathInfo` to files.
 */
function removeDots(path: string): string {
  if (!path.includes("/.")) return path;
  const segments = path.slice(1).split("/");
  const kept: string[] = [];
  for (const segment of segments) {
    if (segment === "..") kept.pop();
    else if (segment !== ".") kept.push(segment);
  }
  const last = segments[segments.length - 1];
  if (last === "." || last === "..") kept.push("");
  return `/${kept.join("/")}`;
}

/** Merges adjacent slashes, as nginx, lighttpd and Apache do. */
function mergeSlashes(path: string): string {
  return path.replace(/\/{2,}/g, "/");
}

function decodeUtf8(bytes: string): string {
  if (/^[\0-\x7f]*$/.test(bytes)) return bytes;
  try {
    return strictUtf8.decode(Uint8Array.from(bytes, (unit) => unit.charCodeAt(0)));
  } catch {
    return bytes;
  }
}
