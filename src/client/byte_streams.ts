/** A connection to an application: any pair of Web Streams that carries bytes. */
export interface ByteStreams {
  /** The bytes from the application. */
  readonly readable: ReadableStream<Uint8Array>;
  /** The bytes to the application. */
  readonly writable: WritableStream<Uint8Array>;
  /** Closes both sides at once; called besides `readable.cancel()` and `writable.abort()`. */
  close?(): void;
}

/**
 * The part of a stream reader that is used. In Bun's types `ReadableStreamDefaultReader` is not the
 * type that `getReader()` returns.
 */
export interface ByteReader {
  /** Settles when the stream has ended. */
  readonly closed: Promise<unknown>;
  /** Reads the next bytes, or the end. */
  read(): Promise<
    { readonly done: false; readonly value: Uint8Array } | {
      readonly done: true;
      readonly value?: Uint8Array;
    }
  >;
  /** Gives up reading. */
  cancel(reason?: unknown): Promise<void>;
}
