/** Makes a `Request` from parameters and a body (RFC 3875, section 4; Fetch standard). */
import { type BodyCollector, FastCgiRequest } from "./lazy_request.ts";
import { isToken } from "./header_name.ts";
import { urlBelowMount } from "./mount.ts";
import type { CgiParams } from "./params.ts";
import type { Rejection } from "./rejection.ts";
import { requestUrl } from "./request_url.ts";

/** Options of {@link createRequest}. */
export interface RequestOptions {
  /**
   * The mount point to remove from the URL, as returned by `mountPoint`; a request outside it is
   * rejected with 404.
   */
  mount?: string;
  /** Creates `request.signal`; called at most once, on first access. */
  signal?: () => AbortSignal;
  /** Takes a body that is a stream to its end, into one buffer; called at most once. */
  collect?: BodyCollector;
}

/** Methods that need no other look: most requests have one of these. */
const USUAL: ReadonlySet<string> = new Set(["GET", "POST"]);

/** Methods that `Request` normalizes, and those that it forbids (Fetch standard, section 2.2.1). */
const NORMALIZED = /^(?:delete|get|head|options|post|put)$/i;
const FORBIDDEN = /^(?:connect|trace|track)$/i;

const OUTSIDE_OF_MOUNT: Rejection = {
  status: 404,
  reason: "Not found: outside of the path at which the application is mounted",
};

/**
 * Creates the `Request` for a handler; never throws. The body is used as it is, whatever
 * `CONTENT_LENGTH` says; for a method that allows none it is left out.
 *
 * @returns The request, or the rejection to answer instead: {@link isRejection} distinguishes them.
 *
 * @example
 * ```ts ignore
 * const request = createRequest(params, body, { signal: () => abort.signal });
 * if (isRejection(request)) return reject(request.status, request.reason);
 * ```
 */
export function createRequest(
  params: CgiParams,
  body: ReadableStream<Uint8Array> | Uint8Array | null,
  options: RequestOptions = {},
): Request | Rejection {
  const method = params.get("REQUEST_METHOD");
  if (!method || !USUAL.has(method) && !isToken(method)) {
    return { status: 400, reason: "Method is not valid" };
  }
  if (!USUAL.has(method) && FORBIDDEN.test(method)) return unknownMethod(method);
  let url = requestUrl(params);
  if (typeof url !== "string") return url;

  let request: Request;
  try {
    if (options.mount !== undefined) {
      const below = urlBelowMount(params, url, options.mount);
      if (below === null) return OUTSIDE_OF_MOUNT;
      url = below;
    }
    request = new FastCgiRequest(url, requestInit(method, body), params, options);
  } catch {
    // The URL standard rejects more than the check of the host does: a port above 65535, a bad IPv6
    // address.
    return { status: 400, reason: "URL is not valid" };
  }
  // Bun turns methods that it does not know into GET, and puts those that it knows in upper case.
  if (!USUAL.has(method) && request.method !== method && request.method !== method.toUpperCase()) {
    return unknownMethod(method);
  }
  return request;
}

/** The method, normalized as in `Request` (Fetch standard, section 2.2.1); `""` if absent. */
export function requestMethod(params: CgiParams): string {
  return normalized(params.get("REQUEST_METHOD") ?? "");
}

function normalized(method: string): string {
  return !USUAL.has(method) && NORMALIZED.test(method) ? method.toUpperCase() : method;
}

/**
 * Whether a `Request` with this method may have a body: any but GET and HEAD (Fetch standard,
 * section 5.4).
 */
export function methodAllowsBody(method: string): boolean {
  return method !== "GET" && !/^(?:get|head)$/i.test(method);
}

/** The init for `Request`; `undefined`, the fastest one, for a plain GET. */
function requestInit(
  method: string,
  body: ReadableStream<Uint8Array> | Uint8Array | null,
): RequestInit | undefined {
  if (method === "GET") return undefined;
  const init: RequestInit & { duplex?: "half" } = {
    method: normalized(method),
  };
  if (body !== null && methodAllowsBody(method)) {
    init.body = body as RequestInit["body"];
    // Node requires it for a stream: the response may start before the body has ended.
    init.duplex = "half";
  }
  return init;
}

function unknownMethod(method: string): Rejection {
  return { status: 501, reason: `Method is not implemented: ${method}` };
}
