/**
 * Where the application is mounted (`scriptName`), and what was asked for below that (`pathInfo`).
 *
 * The plan: `SCRIPT_NAME` and `PATH_INFO` count where both are there and make up the path of `REQUEST_URI`. They do
 * not after a rewrite, and stock nginx, Apache's ProxyPass and HAProxy put the whole path into `SCRIPT_NAME`. A base
 * path beats them all. Whatever happens, `scriptName + pathInfo` is the path that was asked for, decoded.
 */
import type { ParamsView } from "./params.ts";
import { quirksOf } from "./quirks.ts";
import { targetPath } from "./request_url.ts";

const WHOLE_PATH = quirksOf("whole_path");
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The two parts of a path. */
export interface SplitPath {
  /** The mount point (RFC 3875, section 4.1.13): `""` or `/app`, without a slash at the end. */
  scriptName: string;
  /** The rest (RFC 3875, section 4.1.5): `""` or `/x`. */
  pathInfo: string;
}

/**
 * Splits the path of a request. Both parts are percent-decoded; they are read as UTF-8, and stay Latin-1 (one code
 * unit per byte) where they are no UTF-8.
 *
 * @param basePath Where the application is mounted, such as `/app`. A path that is not below it is all `pathInfo`.
 */
export function splitPath(params: ParamsView, basePath?: string): SplitPath {
  const { scriptName, pathInfo } = split(params, basePath);
  return { scriptName: decodeUtf8(scriptName), pathInfo: decodeUtf8(pathInfo) };
}

/** {@link splitPath} in bytes: code unit n is byte n. */
function split(params: ParamsView, basePath: string | undefined): SplitPath {
  const script = params.get("SCRIPT_NAME");
  const info = params.get("PATH_INFO");
  const uri = params.get("REQUEST_URI");
  const raw = uri ? targetPath(uri) : null;
  const path = raw === null ? withSlash((script ?? "") + (info ?? "")) : percentDecode(raw);

  if (basePath !== undefined) return splitAt(path, mountPoint(basePath)) ?? whole(path);
  if (!script && info === undefined) return whole(path);

  const asked = (script ?? "") + (info ?? "");
  // Servers merge slashes and resolve dots before they split.
  if (asked === path || asked === normalize(path)) {
    if (info !== undefined) return { scriptName: script ?? "", pathInfo: info };
    const isMount = asked !== "/" && WHOLE_PATH.some((row) => row.isMount(params));
    return isMount ? { scriptName: asked, pathInfo: "" } : whole(asked);
  }
  // Apache's ProxyFCGISetEnvIf recipe takes the rest out of the raw path.
  if (script && asked === raw) return { scriptName: script, pathInfo: percentDecode(info ?? "") };
  // A mount point alone, with no PATH_INFO made from it (a fixed `fastcgi_param SCRIPT_NAME /app`).
  if (script && info === undefined) return splitAt(path, script) ?? whole(path);
  // A prefix was taken away before the path was looked at (Caddy's handle_path).
  if (!script && info?.startsWith("/") && path.endsWith(info)) {
    return { scriptName: path.slice(0, -info.length), pathInfo: info };
  }
  return whole(path);
}

function whole(path: string): SplitPath {
  return { scriptName: "", pathInfo: path };
}

/** `null` if `path` is not at or below `mount`: `/app` is the parent of `/app/x`, not of `/apple`. */
function splitAt(path: string, mount: string): SplitPath | null {
  if (!path.startsWith(mount)) return null;
  const rest = path.slice(mount.length);
  return rest === "" || rest.startsWith("/") ? { scriptName: mount, pathInfo: rest } : null;
}

/** A base path as an application writes it, in bytes: a slash before it, none after it. */
function mountPoint(basePath: string): string {
  const trimmed = basePath.replace(/\/+$/, "");
  if (trimmed === "") return "";
  return withSlash(String.fromCharCode(...new TextEncoder().encode(trimmed)));
}

function withSlash(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}

function percentDecode(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
}

/** Slashes merged and dot segments removed (RFC 3986, section 5.2.4), as nginx, lighttpd and Apache do. */
function normalize(path: string): string {
  const kept: string[] = [];
  const segments = path.split("/");
  for (const segment of segments) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(segment);
  }
  const last = segments[segments.length - 1];
  const slash = kept.length > 0 && (last === "" || last === "." || last === "..") ? "/" : "";
  return `/${kept.join("/")}${slash}`;
}

function decodeUtf8(bytes: string): string {
  if (/^[\0-\x7f]*$/.test(bytes)) return bytes;
  try {
    return strictUtf8.decode(Uint8Array.from(bytes, (unit) => unit.charCodeAt(0)));
  } catch {
    return bytes;
  }
}
