import type { IncomingMessage, ServerResponse } from "node:http";

// As loaded: applications replace globals.
const { AbortController, DOMException, Headers, ReadableStream, Request } = globalThis;

/** The authority of a URL: nothing in it begins another part, or is a list of two. */
const AUTHORITY = /^[^\s/?#@\\]+$/;
const ABSOLUTE_FORM = /^https?:\/\/([^/?#]*)(.*)$/is;

/**
 * Makes a `Request` of one of `node:http`; `undefined` if the Fetch standard cannot express it:
 * TRACE, a target that is no URL, a Host that would be more of a URL than its host.
 */
export function toRequest(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Request | undefined {
  const { method = "GET", rawHeaders } = incoming;
  const hasBody = method !== "GET" && method !== "HEAD";
  const abort = new AbortController();
  outgoing.on("close", () => {
    if (!outgoing.writableFinished) abort.abort(gone());
  });
  try {
    const headers = new Headers();
    const cookies: string[] = [];
    for (let i = 0; i < rawHeaders.length; i += 2) {
      if (rawHeaders[i]!.toLowerCase() === "cookie") cookies.push(rawHeaders[i + 1]!);
      else headers.append(rawHeaders[i]!, rawHeaders[i + 1]!);
    }
    // Not with a comma, as Deno would (RFC 6265, section 5.4).
    if (cookies.length > 0) headers.set("cookie", cookies.join("; "));
    const url = urlOf(incoming.url ?? "/", headers.get("host"));
    if (url === undefined) return undefined;
    return new Request(url, {
      method,
      headers,
      signal: abort.signal,
      ...(hasBody ? { body: bodyOf(incoming, outgoing), duplex: "half" } : {}),
    });
  } catch {
    return undefined;
  }
}

/**
 * The URL of a request. In the absolute form the target has its host, whatever Host says (RFC 9112,
 * section 3.2.2); the scheme is that of the connection.
 *
 * @param host "localhost" stands for the one that HTTP/1.0 does not have to have.
 */
function urlOf(target: string, host: string | null): string | undefined {
  if (host !== null && !AUTHORITY.test(host)) return undefined;
  const [, authority = host ?? "localhost", path = target] = ABSOLUTE_FORM.exec(target) ?? [];
  const isWhole = path === target ? path.startsWith("/") : /^(?:[/?#]|$)/.test(path);
  if (!isWhole || !AUTHORITY.test(authority)) return undefined;
  // For a URL, a backslash would be a slash.
  return `http://${authority}${path.replaceAll("\\", "%5C")}`;
}

/** The body, read on demand. What nobody reads is dropped, so that the response can be sent. */
function bodyOf(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let isOver = false;
  const drop = (): void => {
    isOver = true;
    incoming.resume();
  };
  outgoing.on("finish", drop);
  return new ReadableStream({
    start(controller) {
      const finish = (settle: () => void): void => {
        if (!isOver) settle();
        isOver = true;
      };
      incoming.pause();
      incoming.on("data", (chunk) => {
        if (isOver) return;
        incoming.pause();
        controller.enqueue(chunk);
      });
      incoming.on("end", () => finish(() => controller.close()));
      incoming.on("error", (error) => finish(() => controller.error(error)));
      incoming.on("close", () => finish(() => controller.error(gone())));
    },
    pull: () => void incoming.resume(),
    cancel: drop,
  }, { highWaterMark: 0 });
}

function gone(): DOMException {
  return new DOMException("Client is gone", "AbortError");
}
