import type { ServeHandlerInfo } from "../../mod.ts";

/** One request, and what the pages say about it. */
export interface Visit {
  request: Request;
  url: URL;
  /** The path below the mount point, decoded. */
  path: string;
  /** Empty where the handler runs without FastCGI, as under `deno serve`. */
  info: Partial<ServeHandlerInfo>;
  /** The FastCGI parameters, as text and in the order of their names. */
  params: [name: string, value: string][];
  /** How often this browser has been here. */
  visits: number;
  /** Such as `Deno/2.9.6`. */
  runtime: string;
}

/** Looks at a request. */
export function visitOf(request: Request, info: Partial<ServeHandlerInfo> = {}): Visit {
  const url = new URL(request.url);
  const cookie = /(?:^|;\s*)visits=(\d{1,6})(?:;|$)/.exec(request.headers.get("cookie") ?? "");
  return {
    request,
    url,
    path: info.pathInfo ?? decodePath(url.pathname),
    info,
    params: [...info.params ?? []]
      .map(([name, value]): [string, string] => [name, fromUtf8(value)])
      .sort(([a], [b]) => a < b ? -1 : 1),
    visits: Number(cookie?.[1] ?? 0) + 1,
    runtime: navigator.userAgent,
  };
}

/** Parameters are bytes, one per code unit; most of them are UTF-8. */
function fromUtf8(value: string): string {
  return new TextDecoder().decode(Uint8Array.from(value, (unit) => unit.charCodeAt(0)));
}

function decodePath(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}
