/**
 * The interface of an HTTP server that adds nothing to the handler's response beyond what HTTP
 * requires.
 */

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
   * connection. When the client disconnects, the body is cancelled, and `request.signal` aborts.
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
