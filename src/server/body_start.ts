import { FIRST_WRITE_BYTES, PROMPT_TASKS, PROMPT_TURNS } from "./limits.ts";

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
 * Reads a body for as long as it answers without waiting for anything, up to {@link FIRST_WRITE_BYTES} and the chunk after
 * them: each time within a few turns of the microtask queue, or a task or two. Blobs and forms need the latter, and a body
 * that fails at once can still become a 500.
 */
export async function readBodyStart(reader: Reader): Promise<BodyStart> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const isEnough = length >= FIRST_WRITE_BYTES;
    const watched = new WatchedRead(reader.read());
    for (let turn = 0; turn < PROMPT_TURNS && !watched.isSettled; turn++) await undefined;
    for (let task = 0; task < PROMPT_TASKS && !watched.isSettled; task++) await nextTask();
    const read = watched.result();
    if (read === undefined) return { chunks, length, ended: false, pending: watched.promise };
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

/** A read that can be asked whether it has answered. */
class WatchedRead {
  readonly promise: Promise<Read>;
  isSettled = false;
  #read: Read | undefined;
  #failure: unknown;

  constructor(promise: Promise<Read>) {
    this.promise = promise;
    promise.then((read) => {
      this.isSettled = true;
      this.#read = read;
    }, (error) => {
      this.isSettled = true;
      this.#failure = error;
    });
  }

  /** What was read; `undefined` if nothing has been yet. Throws what the read failed with. */
  result(): Read | undefined {
    if (this.isSettled && this.#read === undefined) throw this.#failure;
    return this.#read;
  }
}

/** Where there is `setImmediate`, it does not wait the millisecond that `setTimeout` does. */
function nextTask(): Promise<void> {
  const { setImmediate } = globalThis as { setImmediate?: (callback: () => void) => unknown };
  return new Promise((resolve) => (setImmediate ?? setTimeout)(resolve));
}
