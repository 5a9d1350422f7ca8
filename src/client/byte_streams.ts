/** A connection to an application: any pair of Web Streams that carries bytes. */
export interface ByteStreams {
  /** What the application sends. */
  readonly readable: ReadableStream<Uint8Array>;
  /** What is sent to the application. */
  readonly writable: WritableStream<Uint8Array>;
  /** Closes both sides at once, beside `readable.cancel()` and `writable.abort()`. */
  close?(): void;
}

/**
 * What is used of the reader of such a stream. `ReadableStreamDefaultReader` is another type with
 * the types of Bun than what `getReader()` returns.
 */
export interface ByteReader {
  readonly closed: Promise<unknown>;
  read(): Promise<
    { readonly done: false; readonly value: Uint8Array } | {
      readonly done: true;
      readonly value?: Uint8Array;
    }
  >;
  cancel(reason?: unknown): Promise<void>;
}
