import { badRequest, type HttpFront, type HttpFrontOptions } from "./http_front.ts";

// As loaded: applications replace the global.
const { URL } = globalThis;

/** The part of `Bun.serve` that is used. */
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
    // In seconds. The default of 10 would close an event stream that is silent for a while; 0
    // disables it.
    idleTimeout: 0,
    development: false,
    // Without `development`, Bun would share a port that another program listens on.
    reusePort: false,
    fetch: (request, server) => {
      // Without a valid Host, `url` is the bare request target.
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
