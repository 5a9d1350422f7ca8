/**
 * The interface of an HTTP server on the runtime's own one, `Deno.serve`, `Bun.serve` or
 * `node:http`. It adds nothing to the handler's response beyond what HTTP requires.
 */

// As loaded: applications replace the global.
const { Response } = globalThis;

/** The address of an HTTP client. */
export interface HttpPeer {
  /** The IP address, without brackets. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
}

/** Options of an HTTP server. */
export interface HttpFrontOptions {
  /** The address to listen on. */
  hostname: string;
  /** The port to listen on; 0 takes a free one. */
  port: number;
  /**
   * Answers requests. It must not reject; a response whose body errors closes the client's
   * connection. When the client disconnects, the body is cancelled, and `request.signal` aborts (on
   * Deno only the former).
   */
  handler: (request: Request, peer: HttpPeer) => Promise<Response>;
}

/** A running HTTP server. */
export interface HttpFront {
  /** The hostname and port that it listens on. */
  readonly addr: HttpPeer;
  /** Stops listening, and resolves when the requests in flight have been answered. */
  shutdown(): Promise<void>;
  /** Stops listening, and closes every connection at once. */
  close(): void;
}

/**
 * The response to a request that the Fetch standard cannot express: a method like TRACE, a target
 * that is not a URL.
 */
export function badRequest(): Response {
  return new Response("400 Bad Request\n", {
    status: 400,
    headers: { "content-type": "text/plain; charset=utf-8" },
  });
}
