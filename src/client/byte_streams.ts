/** A connection to an application: any pair of Web Streams that carries bytes. */
export interface ByteStreams {
  /** What the application sends. */
  readonly readable: ReadableStream<Uint8Array>;
  /** What is sent to the application. */
  readonly writable: WritableStream<Uint8Array>;
  /** Closes both sides at once, beside `readable.cancel()` and `writable.abort()`. */
  close?(): void;
}
