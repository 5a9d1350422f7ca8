/**
 * A body that does not have the Content-Encoding its headers say.
 *
 * `fetch` decodes what it gets and leaves the headers as they came, so a handler that passes on
 * what it fetched would call plain text gzip. Which responses have been decoded cannot be told by
 * their looks: each runtime decodes other codings (Deno no zstd, Node lists of them, Bun nothing
 * with `decompress: false`), `new Response(r.body, r)` has no URL any more, and a handler may have
 * compressed by itself. The bytes can: gzip and zstd begin with a number of their own, and what is
 * no brotli or deflate is an error to their decoders. So a response loses its Content-Encoding only
 * where its body is none of that kind, whoever made it.
 *
 * Left alone, since it cannot be told: a body decoded once that is of the same coding still (a .gz
 * file that was compressed again); a coding that no runtime decodes; brotli that is no text, where
 * the runtime has no decoder for it (Node before 24.7 and 22.20).
 */
import { looksLikeText } from "../../cgi/implied_type.ts";
import { type BodyReader, type BodyStart, readFurther } from "./body_start.ts";
import type { ChunkReader } from "./chunk_reader.ts";
import type { ResponseLike } from "./foreign_response.ts";
import { nextTask } from "./next_task.ts";

const { DecompressionStream } = globalThis;

/**
 * How much of a body is looked at, in bytes: by then decoders have failed at what is not theirs,
 * tried with some 30,000 files and with noise, of which they take a seventh. Less does not do for
 * text: "3 results" begins with a byte that is a whole brotli stream, and so do texts with 5, 7, 9,
 * ;, = and ? in front.
 */
const LOOKED_AT = 64;
/** Tasks a decoder gets to complain of what it has been given, before it is told of the end. */
const DECODER_TASKS = 4;
/**
 * Bytes that a decoder has given when it is not asked for more: 64 bytes of brotli can be 80 MB.
 */
const ENOUGH_CONTENT = 1024 * 1024;

/** Whether bytes are of a coding; `undefined`: that takes more of them. */
type Verdict = boolean | undefined;
type Look = (bytes: Uint8Array, isWhole: boolean) => Verdict | Promise<Verdict>;

/** The codings that a runtime's `fetch` decodes. */
const CODINGS = new Map<string, Look>([
  ["gzip", isGzip],
  ["x-gzip", isGzip],
  ["zstd", isZstd],
  ["br", (bytes, isWhole) => decodes("brotli", bytes, isWhole)],
  ["deflate", isDeflate],
]);

/** Whether a header block names a coding at all: cheap, since few do. */
export function hasCoding(head: string): boolean {
  return head.includes("Content-Encoding: ");
}

/**
 * Whether a body is not what its Content-Encoding says.
 *
 * @returns The answer, and the start of the body, of which there may be more now: without a chunk
 * nothing can be told.
 */
export async function lookAtCoding(
  response: ResponseLike,
  reader: BodyReader,
  start: BodyStart,
): Promise<{ decoded: boolean; start: BodyStart }> {
  const look = lookFor(response);
  if (look === undefined) return { decoded: false, start };
  for (;; start = await readFurther(reader, start)) {
    const { ended, length } = start;
    if (length === 0) {
      if (ended) return { decoded: isDecodedUnseen(response), start };
      continue;
    }
    const bytes = firstBytes(start.chunks);
    const verdict = await look(bytes, ended && length <= LOOKED_AT);
    if (verdict !== undefined) return { decoded: !verdict, start };
    if (ended || length >= LOOKED_AT) return { decoded: looksLikeText(bytes, !ended), start };
  }
}

/**
 * The same without a body (HEAD, 304): with a URL it was fetched, and what a GET had got would have
 * been decoded. Without these headers it is right in any case.
 */
export function isDecodedUnseen(response: ResponseLike): boolean {
  return response.url !== "" && lookFor(response) !== undefined;
}

/** The coding that was applied last is the one to be seen (RFC 9110, section 8.4). */
function lookFor(response: ResponseLike): Look | undefined {
  const codings = response.headers.get("content-encoding")?.toLowerCase().split(",") ?? [];
  const applied = codings.map((coding) => coding.trim())
    .filter((coding) => coding !== "" && coding !== "identity");
  return CODINGS.get(applied.at(-1) ?? "");
}

function firstBytes(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!.subarray(0, LOOKED_AT);
  const bytes = new Uint8Array(LOOKED_AT);
  let length = 0;
  for (const chunk of chunks) {
    const part = chunk.subarray(0, LOOKED_AT - length);
    bytes.set(part, length);
    length += part.length;
  }
  return bytes.subarray(0, length);
}

/** RFC 1952, section 2.3.1. */
function isGzip(bytes: Uint8Array, isWhole: boolean): Verdict {
  return beginsWith(bytes, isWhole, [0x1f, 0x8b, 8]);
}

/** A frame, or one to skip (RFC 8878, sections 3.1.1 and 3.1.2). */
function isZstd(bytes: Uint8Array, isWhole: boolean): Verdict {
  const isSkipped = (bytes[0]! & 0xf0) === 0x50;
  const magic = isSkipped ? [bytes[0]!, 0x2a, 0x4d, 0x18] : [0x28, 0xb5, 0x2f, 0xfd];
  return beginsWith(bytes, isWhole, magic);
}

function beginsWith(bytes: Uint8Array, isWhole: boolean, magic: readonly number[]): Verdict {
  if (!magic.every((byte, i) => i >= bytes.length || bytes[i] === byte)) return false;
  if (bytes.length >= magic.length) return true;
  return isWhole ? false : undefined;
}

/** RFC 9110, section 8.4.1.2: zlib's, or as some servers have it, without zlib's header. */
async function isDeflate(bytes: Uint8Array, isWhole: boolean): Promise<Verdict> {
  const zlib = await decodes("deflate", bytes, isWhole);
  if (zlib === true) return true;
  const raw = await decodes("deflate-raw", bytes, isWhole);
  return zlib === undefined ? raw || undefined : raw;
}

// Names that there are with the types of the DOM library alone.
type DecompressionFormat = ConstructorParameters<typeof DecompressionStream>[0];
type DecompressionWriter = ReturnType<DecompressionStream["writable"]["getWriter"]>;

/** Whether a decoder takes bytes for its own; `isWhole`: nothing follows them. */
async function decodes(format: string, bytes: Uint8Array, isWhole: boolean): Promise<Verdict> {
  const isText = looksLikeText(bytes, !isWhole);
  // Deno's deflate does not miss an end; a real one is hardly ever text.
  if (isText && (bytes.length >= LOOKED_AT || isWhole && format !== "brotli")) return false;
  const decoder = decoderOf(format);
  if (decoder === undefined) return undefined;
  const trial = new Trial(decoder);
  await trial.feed(bytes);
  for (let task = 0; task < DECODER_TASKS && !trial.isOver; task++) await nextTask();
  // All but Node's complain of what they cannot take when they get it.
  const hasFailed = trial.failure !== undefined;
  await trial.end();
  if (trial.failure !== undefined && (isWhole || hasFailed || !isEndMissing(trial.failure))) {
    return false;
  }
  if (isWhole || bytes.length >= LOOKED_AT) return true;
  // A first event, flushed: those that follow may take their time.
  return trial.length > 0 && !isText ? true : undefined;
}

/** Node before 24.7 and 22.20 has none for brotli. */
function decoderOf(format: string): DecompressionStream | undefined {
  try {
    return new DecompressionStream(format as DecompressionFormat);
  } catch {
    return undefined;
  }
}

/** Whether a decoder failed, behind its last byte, since it wants others; Node's say why. */
function isEndMissing(failure: { reason: unknown }): boolean {
  const { cause } = Object(failure.reason) as { cause?: { code?: unknown } };
  return cause?.code === undefined || cause.code === "Z_BUF_ERROR";
}

/** A decoder, and what it makes of its bytes. */
class Trial {
  /** Bytes that it has given. */
  length = 0;
  failure: { reason: unknown } | undefined;
  readonly #writer: DecompressionWriter;
  readonly #reader: ChunkReader<Uint8Array>;
  readonly #reading: Promise<void>;

  constructor(decoder: DecompressionStream) {
    this.#writer = decoder.writable.getWriter();
    this.#reader = decoder.readable.getReader();
    this.#reading = this.#read().catch((reason) => this.#failed(reason));
    this.#writer.closed.catch(() => {});
  }

  /** Whether it need not be given more. */
  get isOver(): boolean {
    return this.failure !== undefined || this.length >= ENOUGH_CONTENT;
  }

  /** Gives it bytes one by one: Deno's makes at once all there is of a write. */
  async feed(bytes: Uint8Array): Promise<void> {
    for (let i = 0; i < bytes.length && !this.isOver; i++) {
      const byte = bytes.slice(i, i + 1) as Uint8Array<ArrayBuffer>;
      const written = this.#writer.write(byte).catch((reason) => this.#failed(reason));
      await Promise.race([written, this.#reading]);
    }
  }

  /** Tells it that there is no more, and waits until it has given all. */
  async end(): Promise<void> {
    if (!this.isOver) {
      this.#writer.close().catch(() => {});
      await this.#reading;
    }
    this.#writer.abort().catch(() => {});
    this.#reader.cancel().catch(() => {});
  }

  async #read(): Promise<void> {
    while (!this.isOver) {
      const { done, value } = await this.#reader.read();
      if (done) return;
      this.length += value.length;
    }
  }

  #failed(reason: unknown): void {
    this.failure ??= { reason };
  }
}
