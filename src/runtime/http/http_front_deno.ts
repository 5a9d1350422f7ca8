import { badRequest, type HttpFront, type HttpFrontOptions, type HttpPeer } from "./http_front.ts";

// As loaded: applications replace globals.
const { AbortController, Request } = globalThis;
const { Deno } = globalThis as unknown as { Deno: HttpServers };

/** What is used of Deno, for who has no types of it. */
interface HttpServers {
  serve(
    options: { hostname: string; port: number; signal: AbortSignal; onListen: () => void },
    handler: (request: Request, info: { remoteAddr: HttpPeer }) => Response | Promise<Response>,
  ): { addr: HttpPeer; finished: Promise<void>; shutdown(): Promise<void> };
}

/** {@link startHttpFront} over `Deno.serve`. */
export function startOnDeno({ hostname, port, handler }: HttpFrontOptions): HttpFront {
  const cut = new AbortController();
  const server = Deno.serve(
    { hostname, port, signal: cut.signal, onListen: () => {} },
    (incoming, { remoteAddr }) => {
      const request = withoutSignal(incoming);
      return request === undefined ? badRequest() : handler(request, remoteAddr);
    },
  );
  let isFinished = false;
  server.finished.then(() => (isFinished = true));
  return {
    addr: server.addr,
    shutdown: () => server.shutdown(),
    close() {
      // A server that has finished must not be aborted: that throws.
      if (!isFinished) cut.abort();
    },
  };
}

/**
 * The request without Deno's own signal, which aborts after every answer too, and warns of that
 * when it was looked at. A client that goes away is noticed all the same, as the response's body is
 * cancelled then; only not before there is a response. `undefined` for a method that the fetch
 * standard refuses.
 */
function withoutSignal({ url, method, headers, body }: Request): Request | undefined {
  try {
    return new Request(url, { method, headers, body });
  } catch {
    return undefined;
  }
}
