import { badRequest, type HttpFront, type HttpFrontOptions, type HttpPeer } from "./http_front.ts";

// As loaded: applications replace globals.
const { AbortController, Request } = globalThis;
const { Deno } = globalThis as unknown as { Deno: HttpServers };

/** The part of Deno that is used, for compilers without its types. */
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
  let hasStopped = false;
  server.finished.then(() => (hasStopped = true));
  return {
    addr: server.addr,
    shutdown() {
      hasStopped = true;
      return server.shutdown();
    },
    close() {
      // Aborting a server that has stopped listening ends the program.
      if (!hasStopped) cut.abort();
    },
  };
}

/**
 * The request without Deno's own signal, which aborts after every response too, and warns about
 * that once it was read. A client that disconnects is still noticed, since the body of the response
 * is cancelled then; only not before there is a response. `undefined` for a method that the Fetch
 * standard forbids.
 */
function withoutSignal({ url, method, headers, body }: Request): Request | undefined {
  try {
    return new Request(url, { method, headers, body });
  } catch {
    return undefined;
  }
}
