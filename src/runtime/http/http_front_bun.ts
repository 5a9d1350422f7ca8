import { badRequest, type HttpFront, type HttpFrontOptions } from "./http_front.ts";

// As loaded: applications replace the global.
const { URL } = globalThis;

/** What is used of `Bun.serve`. */
interface BunServer {
  readonly hostname: string;
  readonly port: number;
  requestIP(request: Request): { address: string; port: number } | null;
  stop(closeActiveConnections?: boolean): Promise<void>;
}

interface BunGlobal {
  serve(options: {
    hostname: string;
    port: number;
    idleTimeout: number;
    development: boolean;
    reusePort: boolean;
    fetch: (request: Request, server: BunServer) => Response | Promise<Response>;
  }): BunServer;
}

/** {@link startHttpFront} over `Bun.serve`. */
export function startOnBun({ hostname, port, handler }: HttpFrontOptions): HttpFront {
  const { Bun } = globalThis as unknown as { Bun: BunGlobal };
  const server = Bun.serve({
    hostname,
    port,
    // Seconds. Its default of 10 would cut an event stream that has nothing to say for a while; 0
    // is never.
    idleTimeout: 0,
    development: false,
    // Without `development` it would share a port that another program listens on.
    reusePort: false,
    fetch: (request, server) => {
      // Without a Host that makes a URL, it is the bare target.
      if (!URL.canParse(request.url)) return badRequest();
      const peer = server.requestIP(request);
      return handler(request, { hostname: peer?.address ?? "", port: peer?.port ?? 0 });
    },
  });
  return {
    addr: { hostname: server.hostname, port: server.port },
    shutdown: () => server.stop(),
    close: () => void server.stop(true),
  };
}
