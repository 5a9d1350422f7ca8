/**
 * What is used of a `ReadableStreamDefaultReader`, the runtime's or another. That name is another
 * type with the types of Bun than what `getReader()` returns, and some have no name for a read.
 */
export interface ChunkReader<Chunk> {
  read(): Promise<ChunkRead<Chunk>>;
  cancel(reason?: unknown): Promise<void>;
}

/** One read. */
export type ChunkRead<Chunk> =
  | { readonly done: false; readonly value: Chunk }
  | { readonly done: true; readonly value?: Chunk };
