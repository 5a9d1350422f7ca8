/** Who has sent a request, as the HTTP server under a fetch handler tells. */
import { formatIp, parseIp } from "./ip_address.ts";

/** The client of a request, or the proxy in front of this program. */
export interface GatewayPeer {
  /**
   * The IP address, without brackets, such as `"192.0.2.1"`; `""` if it is not known, as on a Unix
   * socket. It becomes `REMOTE_ADDR` (RFC 3875, section 4.1.8).
   */
  readonly hostname: string;
  /** The port, which becomes `REMOTE_PORT`; 0 if it is not known. */
  readonly port: number;
}

/**
 * What HTTP servers give a fetch handler beside the request, as far as it tells who the client is.
 * Each has a type of its own, and Hono none.
 */
export interface ServerInfo {
  /** As in `Deno.serve`, and in `serve` of this module. */
  readonly remoteAddr?: { readonly hostname?: string; readonly port?: number };
  /** As in `Deno.serve`: settles when the response has been sent. */
  readonly completed?: PromiseLike<unknown>;
  /** As in `Bun.serve`. */
  requestIP?(request: Request): { readonly address: string; readonly port: number } | null;
  /** As in `@hono/node-server`. */
  readonly incoming?: {
    readonly socket?: { readonly remoteAddress?: string; readonly remotePort?: number };
  };
}

const UNKNOWN: GatewayPeer = { hostname: "", port: 0 };

/** Finds the peer of a request: in `info`, or in `request.ip`, where srvx and h3 have it. */
export function peerOf(request: Request, info: ServerInfo): GatewayPeer {
  const { remoteAddr, incoming } = info;
  if (remoteAddr?.hostname !== undefined) return peer(remoteAddr.hostname, remoteAddr.port);
  if (typeof info.requestIP === "function") {
    const found = info.requestIP(request);
    return found === null ? UNKNOWN : peer(found.address, found.port);
  }
  const { remoteAddress, remotePort } = incoming?.socket ?? {};
  if (remoteAddress !== undefined) return peer(remoteAddress, remotePort);
  const { ip } = request as { ip?: unknown };
  return typeof ip === "string" ? peer(ip, undefined) : UNKNOWN;
}

function peer(hostname: string, port = 0): GatewayPeer {
  const address = parseIp(hostname);
  return { hostname: address === undefined ? hostname : formatIp(address), port };
}
