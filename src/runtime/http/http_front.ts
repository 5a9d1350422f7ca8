/**
 * The interface of an HTTP server on the runtime's own one, `Deno.serve`, `Bun.serve` or
 * `node:http`. It adds nothing to what the handler answers beyond what HTTP demands.
 */

// As loaded: applications replace the global.
const { Response } = globalThis;

/** The address of an HTTP client. */
export interface HttpPeer {
  /** Its IP address, without brackets. */
  readonly hostname: string;
  /** Its port. */
  readonly port: number;
}

/** What a front is made of. */
export interface HttpFrontOptions {
  /** The address to listen on. */
  hostname: string;
  /** The port to listen on; 0 takes a free one. */
  port: number;
  /**
   * Answers requests. It must not reject; a response whose body fails cuts the client's connection.
   * When the client goes away, that body is cancelled, and `request.signal` aborts (on Deno only
   * the former).
   */
  handler: (request: Request, peer: HttpPeer) => Promise<Response>;
}

/** A running HTTP server. */
export interface HttpFront {
  /** The hostname and port it listens on. */
  readonly addr: HttpPeer;
  /** Listens no more, and resolves when the requests under way have been answered. */
  shutdown(): Promise<void>;
  /** Listens no more, and cuts every connection. */
  close(): void;
}

/**
 * The answer where the fetch standard has no request: a method like TRACE, a target that is no URL.
 */
export function badRequest(): Response {
  return new Response("400 Bad Request\n", {
    status: 400,
    headers: { "content-type": "text/plain; charset=utf-8" },
  });
}
