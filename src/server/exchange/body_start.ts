import { bytesOf } from "./chunk.ts";
import type { ChunkRead, ChunkReader } from "./chunk_reader.ts";
import { nextTask } from "./next_task.ts";

/**
 * Bytes of a response body buffered before the first write, in the hope that its end is among them.
 */
const FIRST_WRITE_BYTES = 32 * 1024;

/**
 * The most bytes of a body that is in memory already, but that the runtime streams in pieces,
 * buffered for the sake of its Content-Length (Bun). The copy lives until the web server has read
 * it.
 */
const MAX_GATHERED_MEMORY_BYTES = 64 * 1024 * 1024;

/**
 * The same for a file, which would not be in memory otherwise: as much as can be read in the time
 * that a request takes to arrive. A handler that sends larger files sets their Content-Length
 * itself.
 */
const MAX_GATHERED_FILE_BYTES = 16 * 1024 * 1024;

/**
 * Turns of the microtask queue that a body read gets before the reply is sent without it. Reads of
 * strings and bytes settle within 2 on every runtime, reads of blobs within 8 on Deno and Bun. A
 * body that waits for anything is a stream, and is sent as one.
 */
const PROMPT_TURNS = 10;

/**
 * Tasks that it gets after those: Node reads each part of a blob two tasks after the previous one.
 */
const PROMPT_TASKS = 2;

type Read = ChunkRead<unknown>;

/** The reader of a body with chunks of any type. */
export type BodyReader = ChunkReader<unknown>;

/** A finite body that the runtime has as a whole, and streams in pieces. */
interface CutBody {
  /** Bytes of the first piece. */
  readonly first: number;
  /** Bytes of each following piece except the last. */
  readonly next: number;
  /** The most bytes that are buffered to find its length. */
  readonly limit: number;
}

/**
 * How Bun 1.4 cuts the source of a `Response` into chunks, where other runtimes have a single one.
 * Its length is not exposed; only reading to the end shows it.
 */
const CUT_BODIES: readonly CutBody[] = [
  // A string, bytes, a Blob, a form.
  { first: 16_384, next: 2_097_152, limit: MAX_GATHERED_MEMORY_BYTES },
  // `Bun.file()`.
  { first: 262_144, next: 524_288, limit: MAX_GATHERED_FILE_BYTES },
];

/** The part of a response body that is available at once. */
export interface BodyStart {
  /** Its first chunks, none of them empty. */
  readonly chunks: readonly Uint8Array[];
  /** Their bytes together. */
  readonly length: number;
  /** Whether the body is complete. */
  readonly ended: boolean;
  /** The pending read, if there is one. */
  readonly pending?: Promise<Read>;
}

/** The start of a body of which the runtime has handed out all. */
export function wholeStart(bytes: Uint8Array): BodyStart {
  const { length } = bytes;
  return { chunks: length > 0 ? [bytes] : [], length, ended: true };
}

/**
 * Reads a body as long as its reads settle at once, up to {@link FIRST_WRITE_BYTES} and the chunk
 * after them: each within a few turns of the microtask queue, or a task or two. Blobs and forms
 * need the latter, and a body that errors at once can still become a 500. A body that the runtime
 * has in memory but streams in pieces is read further.
 */
export async function readBodyStart(reader: BodyReader): Promise<BodyStart> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const isEnough = length >= FIRST_WRITE_BYTES && !isCut(chunks, length);
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

/** Waits for one more non-empty chunk, or for the end. */
export async function readFurther(reader: BodyReader, start: BodyStart): Promise<BodyStart> {
  const { chunks, length } = start;
  let { pending } = start;
  for (;;) {
    const read = await (pending ?? reader.read());
    if (read.done) return { chunks, length, ended: true };
    const chunk = bytesOf(read.value);
    if (chunk.length > 0) {
      return { chunks: [...chunks, chunk], length: length + chunk.length, ended: false };
    }
    pending = undefined;
  }
}

/** Whether these are the first pieces of a {@link CutBody} that may be buffered further. */
function isCut(chunks: readonly Uint8Array[], length: number): boolean {
  const cut = CUT_BODIES.find(({ first }) => first === chunks[0]!.length);
  if (cut === undefined || length > cut.limit) return false;
  return chunks.length === 1 || chunks.at(-1)!.length === cut.next;
}

/** A read whose state can be inspected synchronously. */
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

  /** The result; `undefined` while the read is pending. Throws the error of a failed read. */
  result(): Read | undefined {
    if (this.isSettled && this.#read === undefined) throw this.#failure;
    return this.#read;
  }
}
