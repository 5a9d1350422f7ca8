/**
 * The seam between a connection and what carries its bytes: a socket's callbacks, a pair of Web
 * Streams, the streams of a CGI program. Commands go down through {@link Transport}, events come up
 * through {@link TransportEvents}.
 */

/** What carries the bytes of a connection. */
export interface Transport {
  /** Write backlog in bytes, up to a constant offset: tells a slow peer from a dead one. */
  readonly backlog: number;
  /**
   * Sends bytes, which are the transport's own from now on. `false` means: taken, but hold back
   * until {@link TransportEvents.drained}.
   */
  write(bytes: Uint8Array): boolean;
  /** Stops reading, so that the peer feels back-pressure. */
  pause(): void;
  /** Reads again. */
  resume(): void;
  /** Closes the sending side behind what was written, then calls `sent`; reading goes on. */
  end(sent: () => void): void;
  /** Closes both sides. */
  destroy(): void;
}

/** The events of a transport, in the order they come. */
export interface TransportEvents {
  /** Bytes have come; they belong to the receiver. */
  receive(chunk: Uint8Array): void;
  /** The peer has closed its sending side. */
  receiveEnd(): void;
  /** After a `write` that returned `false`: more may be written. */
  drained(): void;
  /** Both sides are closed; `reason` is the error that was met, if any. */
  closed(reason?: unknown): void;
}
