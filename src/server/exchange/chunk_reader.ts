/**
 * The part of a `ReadableStreamDefaultReader` that is used, the runtime's or another
 * implementation's. In Bun's types that name is not the type that `getReader()` returns, and some
 * types have no name for the result of a read.
 */
export interface ChunkReader<Chunk> {
  read(): Promise<ChunkRead<Chunk>>;
  cancel(reason?: unknown): Promise<void>;
}

/** The result of one read. */
export type ChunkRead<Chunk> =
  | { readonly done: false; readonly value: Chunk }
  | { readonly done: true; readonly value?: Chunk };
