/**
 * The request of an HTTP server as a web server reads it. The runtimes make `request.url` of what
 * the client has sent with little thought: of a Host with a path in it, of raw bytes, of no Host.
 */
import { isAuthority } from "../../cgi/authority.ts";
import { encodeTarget } from "../../cgi/request_url.ts";
import type { ServerInfo } from "./peer.ts";

// As loaded: applications replace globals.
const { AbortController, Headers, Promise, ReadableStream, Request, URL } = globalThis;

/** A request, and its URL. */
export interface ReadRequest {
  /** With an absolute URL, whose authority is Host, too (RFC 9112, section 3.2.2). */
  readonly request: Request;
  readonly url: URL;
}

/**
 * Whether the Host of a request is one: an authority (RFC 9110, section 7.2), or absent as in
 * HTTP/1.0. A server must answer any other with a 400 (RFC 9112, section 3.2): a path in it would
 * become one of the URL.
 */
function hasValidHost({ headers }: Request): boolean {
  const host = headers.get("host");
  return host === null || isAuthority(host) && URL.canParse(`http://${host}`);
}

/** Reads a request; `undefined` for one to be answered with a 400. */
export function readRequest(
  request: Request,
  { completed }: ServerInfo,
): ReadRequest | undefined {
  if (!hasValidHost(request)) return undefined;
  const url = urlOf(request);
  if (url === undefined) return undefined;
  const isHost = isHostOf(url, request.headers.get("host"));
  if (isHost && url.href === request.url && completed === undefined) return { request, url };
  const headers = new Headers(request.headers);
  if (!isHost) headers.set("host", url.host);
  const { method } = request;
  const { signal, body } = completed === undefined ? request : untilDelivered(request, completed);
  const duplex = body === null ? {} : { duplex: "half" as const };
  return { request: new Request(url.href, { method, headers, body, signal, ...duplex }), url };
}

/** Whether a valid Host is that of a URL; in an absolute target it may be another. */
function isHostOf({ protocol, host }: URL, field: string | null): boolean {
  return field === null || field === host || new URL(`${protocol}//${field}`).host === host;
}

function urlOf(request: Request): URL | undefined {
  const target = encodeTarget(request.url);
  // Bun's is the target alone where there is no Host.
  const text = target.startsWith("/") ? `http://localhost${target}` : target;
  if (!/^https?:\/\/[^/?@]+(?:[/?]|$)/.test(text) || !URL.canParse(text)) return undefined;
  return new URL(text);
}

/**
 * The signal of `Deno.serve` as that of others: it aborts after every response, too (but with
 * `--unstable-no-legacy-abort`), and only then if it is the body by which one sees that a client
 * has gone.
 */
function untilDelivered(
  { signal, body }: Request,
  completed: PromiseLike<unknown>,
): { signal: AbortSignal; body: ReadableStream<Uint8Array<ArrayBuffer>> | null } {
  const gone = new AbortController();
  let isDelivered = false;
  completed.then(() => (isDelivered = true), () => {});
  signal.addEventListener("abort", async () => {
    // Both are settled in one turn.
    await Promise.resolve();
    await Promise.resolve();
    if (!isDelivered) gone.abort(signal.reason);
  });
  return {
    signal: gone.signal,
    body: body && onFailure(body, (error) => gone.abort(error)),
  };
}

/** The same stream, with a callback for its failure. */
function onFailure(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  callback: (error: unknown) => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        callback(error);
        throw error;
      }
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}
