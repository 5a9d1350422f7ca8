/**
 * The interface between a connection and its byte transport: a socket's callbacks, a pair of Web
 * Streams, the streams of a CGI program. Commands go down through {@link Transport}, events come up
 * through {@link TransportEvents}.
 */

/** The byte transport of a connection. */
export interface Transport {
  /** Write backlog in bytes, up to a constant offset: tells a slow peer from a dead one. */
  readonly backlog: number;
  /**
   * Whether nobody else uses the memory of the chunks that it passes up, so that they may be
   * overwritten. Left out where that is not known.
   */
  readonly ownsChunks?: boolean;
  /**
   * Writes bytes, which belong to the transport from now on. `false` means back-pressure: the bytes
   * are accepted, but the next should wait for {@link TransportEvents.drained}.
   */
  write(bytes: Uint8Array): boolean;
  /**
   * Writes several pieces as one, without a copy if it can. Left out, they are joined for
   * {@link write}.
   */
  writeParts?(parts: Uint8Array[]): boolean;
  /** Stops reading, as back-pressure on the peer. */
  pause(): void;
  /** Resumes reading. */
  resume(): void;
  /**
   * Half-closes: ends the sending side after the queued output, then calls `sent`; reading goes on.
   */
  end(sent: () => void): void;
  /**
   * Closes both sides if the peer gets everything that was written, and returns whether it does so.
   * Left out where that is not known.
   */
  closeIfSent?(): boolean;
  /** Closes both sides at once. */
  destroy(): void;
}

/** The events of a transport, in the order in which they come. */
export interface TransportEvents {
  /** Bytes have arrived; they belong to the receiver. */
  receive(chunk: Uint8Array): void;
  /** The peer has closed its sending side. */
  receiveEnd(): void;
  /** After a `write` that returned `false`: more may be written. */
  drained(): void;
  /** Both sides are closed; `reason` is the error, if any. */
  closed(reason?: unknown): void;
}
