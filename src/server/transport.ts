/**
 * What a connection needs of the thing that carries its bytes: a socket's callbacks or a pair of Web Streams. The other
 * direction is {@link Connection}: `receive`, `receiveEnd`, `drained` and `closed`.
 */
export interface Transport {
  /** Bytes written that have not been taken, but for a constant: it says whether the peer takes any. */
  readonly backlog: number;
  /**
   * Sends bytes, which are the transport's own from now on. `false` means: taken, but hold back until
   * `Connection.drained()`.
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
