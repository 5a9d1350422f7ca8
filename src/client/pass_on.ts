/** Passes a request of an HTTP client on, as a web server does. */
import { HOP_BY_HOP } from "../cgi/header_name.ts";
import type { StreamClient } from "./client.ts";

/** An end of an HTTP connection. */
interface Peer {
  readonly hostname: string;
  readonly port: number;
}

/**
 * Passes a request on, and resolves with the application's response.
 *
 * @param own Where the HTTP server listens.
 * @throws What {@link StreamClient.fetch} does.
 */
export async function passOn(
  client: StreamClient,
  request: Request,
  peer: Peer,
  own: Peer,
): Promise<Response> {
  const params = {
    REMOTE_ADDR: peer.hostname,
    REMOTE_PORT: String(peer.port),
    SERVER_ADDR: own.hostname,
    SERVER_PORT: String(own.port),
  };
  const response = await client.fetch(request, { params });
  // The HTTP server sets its own.
  for (const name of HOP_BY_HOP) response.headers.delete(name);
  return response;
}
