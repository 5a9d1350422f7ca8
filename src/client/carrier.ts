/** The part of a connection that one request has: all of it, unless requests share connections. */
export interface Lane {
  /** The request's id on the connection. */
  readonly requestId: number;
  /** Whether other requests may have the connection at the same time. */
  readonly isShared: boolean;
  /** Whether the connection has been used, so that the application may have closed it since. */
  readonly isReused: boolean;
  /**
   * Reads the next bytes; `undefined` at the end.
   *
   * @throws {FastCgiError} `connection_lost` if the connection broke.
   */
  read(): Promise<Uint8Array | undefined>;
  /**
   * Writes bytes, and resolves when more may be written. Rejects with the error of a broken
   * connection.
   */
  write(bytes: Uint8Array): Promise<void>;
}

/** A connection as the pool knows it: it carries one request, or several. */
export interface Carrier {
  /** How many requests it has been given. */
  readonly uses: number;
  /** How many it carries. */
  readonly active: number;
  /** Whether it can carry one more. */
  readonly hasRoom: boolean;
  /** Begins a request. */
  open(): Lane;
  /** Ends it; returns whether the connection is still of use. */
  release(lane: Lane, isReusable: boolean): boolean;
  /**
   * Watches it while it is idle: `onEvent` is called when the application closes it or sends
   * unsolicited bytes, and when it has been idle for so many milliseconds; 0 is for ever.
   */
  watch(idleTimeout: number, onEvent: () => void): void;
  /** Closes both sides at once; pending reads and writes end. */
  close(): void;
}
