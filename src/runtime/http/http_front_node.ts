/** `node:http` with the `Request` and `Response` of the Fetch standard. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { badRequest, type HttpFront, type HttpFrontOptions } from "./http_front.ts";

// As loaded: applications replace globals.
const { AbortController, DOMException, Headers, Promise, ReadableStream, Request } = globalThis;

/** {@link startHttpFront} over `node:http`. */
export function startOnNode({ hostname, port, handler }: HttpFrontOptions): Promise<HttpFront> {
  const server = createServer((incoming, outgoing) => {
    outgoing.on("close", () => {
      // A closing server waits for idle kept connections too.
      if (!server.listening) server.closeIdleConnections();
    });
    const { remoteAddress = "", remotePort = 0 } = incoming.socket;
    const request = toRequest(incoming, outgoing);
    const answer = request === undefined
      ? Promise.resolve(badRequest())
      : handler(request, { hostname: remoteAddress, port: remotePort });
    answer.then((response) => send(response, outgoing))
      // The client has gone, or the body errored: in either case a truncated response must not look
      // complete.
      .catch(() => outgoing.destroy());
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, () => {
      const { address, port } = server.address() as AddressInfo;
      resolve({
        addr: { hostname: address, port },
        shutdown: () => new Promise((resolve) => server.close(() => resolve())),
        close() {
          server.close();
          server.closeAllConnections();
        },
      });
    });
  });
}

/**
 * The request, or `undefined` if the Fetch standard cannot express it: TRACE, or a target that is
 * not a URL.
 */
function toRequest(incoming: IncomingMessage, outgoing: ServerResponse): Request | undefined {
  const { url = "/", method = "GET", rawHeaders } = incoming;
  const hasBody = method !== "GET" && method !== "HEAD";
  const gone = new AbortController();
  outgoing.on("close", () => {
    if (!outgoing.writableFinished) gone.abort(new DOMException("Client is gone", "AbortError"));
  });
  try {
    const headers = new Headers();
    for (let i = 0; i < rawHeaders.length; i += 2) {
      headers.append(rawHeaders[i]!, rawHeaders[i + 1]!);
    }
    const origin = `http://${incoming.headers.host ?? "localhost"}`;
    return new Request(url.startsWith("/") ? origin + url : url, {
      method,
      headers,
      signal: gone.signal,
      ...(hasBody ? { body: bodyOf(incoming), duplex: "half" } : {}),
    });
  } catch {
    return undefined;
  }
}

function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array<ArrayBuffer>> {
  const chunks = incoming.iterator({ destroyOnReturn: false });
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    // An unread body is drained, so that the response can still be sent.
    cancel: () => void incoming.resume(),
  }, { highWaterMark: 0 });
}

const NOTHING = new Uint8Array(0);

async function send(response: Response, outgoing: ServerResponse): Promise<void> {
  const { status, statusText, headers, body } = response;
  outgoing.writeHead(status, statusText || undefined, [...headers].flat());
  if (body === null) return void outgoing.end();
  // Sends the head before the first chunk of a slow body. (`flushHeaders` would encode it as
  // UTF-8.)
  outgoing.write(NOTHING);
  const reader = body.getReader();
  /** Resumes the loop; set while that waits for `drain`. */
  let resume: (() => void) | undefined;
  outgoing.on("drain", () => resume?.());
  outgoing.on("close", () => {
    reader.cancel().catch(() => {});
    resume?.();
  });
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return void outgoing.end();
    if (!outgoing.write(value)) await new Promise<void>((resolve) => (resume = resolve));
  }
}
