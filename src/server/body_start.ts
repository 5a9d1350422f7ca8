import { FIRST_WRITE_BYTES, PROMPT_TURNS } from "./limits.ts";

type Reader = ReadableStreamDefaultReader<Uint8Array>;
type Read = ReadableStreamReadResult<Uint8Array>;

/** What a response body had to say at once. */
export interface BodyStart {
  /** Its first chunks, none of them empty. */
  readonly chunks: readonly Uint8Array[];
  /** Their bytes together. */
  readonly length: number;
  /** Whether that is all of it. */
  readonly ended: boolean;
  /** The read that has not answered yet, if one is under way. */
  readonly pending?: Promise<Read>;
}

/**
 * Reads a body for as long as it answers within a few turns of the microtask queue, up to {@link FIRST_WRITE_BYTES} and
 * the chunk after them. A body that has nothing at all by then gets until the next task: blobs and forms need that, and
 * a body that fails at once can still become a 500.
 */
export async function readBodyStart(reader: Reader): Promise<BodyStart> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const isEnough = length >= FIRST_WRITE_BYTES;
    const pending = reader.read();
    let read = await settledAtOnce(pending);
    if (read === undefined && chunks.length === 0) {
      await nextTask();
      read = await settledAtOnce(pending);
    }
    if (read === undefined) return { chunks, length, ended: false, pending };
    if (read.done) return { chunks, length, ended: true };
    const chunk = bytesOf(read.value);
    if (chunk.length > 0) chunks.push(chunk);
    length += chunk.length;
    if (isEnough) return { chunks, length, ended: false };
  }
}

/**
 * What a body stream gave as a chunk, if it is bytes.
 *
 * @throws {TypeError} If it is anything else, as every `Response` consumer does (Fetch, "read a chunk").
 */
export function bytesOf(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  throw new TypeError(`Cannot send a response body: a chunk is ${typeof chunk}, not Uint8Array`);
}

async function settledAtOnce(read: Promise<Read>): Promise<Read | undefined> {
  let settled: Read | undefined;
  let failure: { error: unknown } | undefined;
  read.then((result) => settled = result, (error) => failure = { error });
  for (let turn = 0; turn < PROMPT_TURNS; turn++) {
    if (settled !== undefined) return settled;
    if (failure !== undefined) throw failure.error;
    await undefined;
  }
  return undefined;
}

function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
