/**
 * Parameters and a body become a `Request` (RFC 3875, section 4; Fetch standard).
 */
import { FastCgiRequest } from "./lazy_request.ts";
import { isToken } from "./header_name.ts";
import { urlBelowMount } from "./mount.ts";
import type { CgiParams } from "./params.ts";
import type { Rejection } from "./rejection.ts";
import { requestUrl } from "./request_url.ts";

export { isRejection, type Rejection } from "./rejection.ts";

/** Options of {@link createRequest}. */
export interface RequestOptions {
  /**
   * The mount point that the URL is shown without, as `mountPoint` makes it; outside of it is 404.
   */
  mount?: string;
  /** Makes `request.signal`; called at most once, when it is first asked for. */
  signal?: () => AbortSignal;
}

/** Methods `Request` spells in upper case, and those it refuses (Fetch standard, section 2.2.1). */
const NORMALIZED = /^(?:delete|get|head|options|post|put)$/i;
const FORBIDDEN = /^(?:connect|trace|track)$/i;

const OUTSIDE_OF_MOUNT: Rejection = {
  status: 404,
  reason: "Not found: outside of the path at which the application is mounted",
};

/**
 * Makes the `Request` a handler gets; never throws. The body goes in as it is, without a look at
 * `CONTENT_LENGTH`; for a method that allows none it is left out.
 *
 * @returns The request, or what to answer instead: {@link isRejection} tells them apart.
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
  if (!method || !isToken(method)) return { status: 400, reason: "Method is not valid" };
  if (FORBIDDEN.test(method)) return unknownMethod(method);
  let url = requestUrl(params);
  if (typeof url !== "string") return url;

  let request: Request;
  try {
    if (options.mount !== undefined) {
      const below = urlBelowMount(params, url, options.mount);
      if (below === null) return OUTSIDE_OF_MOUNT;
      url = below;
    }
    request = new FastCgiRequest(url, requestInit(method, body), params, options.signal ?? null);
  } catch {
    // The URL standard refuses more than the check of the host: a port above 65535, a bad IPv6
    // address.
    return { status: 400, reason: "URL is not valid" };
  }
  // Bun makes GET of methods it does not know, and upper case of those it does.
  if (request.method !== method && request.method !== method.toUpperCase()) {
    return unknownMethod(method);
  }
  return request;
}

/** The method as `Request` spells it (Fetch standard, section 2.2.1); `""` if there is none. */
export function requestMethod(params: CgiParams): string {
  return normalized(params.get("REQUEST_METHOD") ?? "");
}

function normalized(method: string): string {
  return NORMALIZED.test(method) ? method.toUpperCase() : method;
}

/**
 * Whether a `Request` with this method may have a body: any but GET and HEAD (Fetch standard,
 * section 5.4).
 */
export function methodAllowsBody(method: string): boolean {
  return !/^(?:get|head)$/i.test(method);
}

/** `undefined`, the fastest init there is, for a plain GET. */
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
    // Node refuses a stream without it: the answer may start before the body has ended.
    init.duplex = "half";
  }
  return init;
}

function unknownMethod(method: string): Rejection {
  return { status: 501, reason: `Method is not implemented: ${method}` };
}
