/**
 * Detects a body that is not in its declared Content-Encoding.
 *
 * `fetch` decodes a body and leaves the headers as received, so a handler that passes on a fetched
 * response would label plain text as gzip. A `Response` does not show whether its body was decoded:
 * each runtime decodes other codings (Deno no zstd, Node lists of them, Bun nothing with
 * `decompress: false`), `new Response(r.body, r)` has no URL any more, and a handler may have
 * compressed by itself. The bytes show it: gzip and zstd begin with a magic number, and bytes that
 * are not brotli or deflate are an error to their decoders. So a response loses its
 * Content-Encoding only if its body is not in that coding, whatever its origin.
 *
 * Left alone, since undetectable: a body decoded once that is still in the same coding (a .gz file
 * that was compressed again); a coding that no runtime decodes; a brotli body that is not text,
 * where the runtime has no decoder for it (Node before 24.7 and 22.20).
 */
import { looksLikeText } from "../../cgi/implied_type.ts";
import { type BodyReader, type BodyStart, readFurther } from "./body_start.ts";
import type { ChunkReader } from "./chunk_reader.ts";
import type { ResponseLike } from "./foreign_response.ts";
import { nextTask } from "./next_task.ts";

const { DecompressionStream, Promise } = globalThis;

/**
 * Bytes of a body that are inspected: by then decoders have failed on bytes in another coding.
 * Tried with some 30,000 files, and with noise, of which they accept a seventh. Less is not enough
 * for text: "3 results" begins with a byte that is a complete brotli stream, and so do texts that
 * begin with 5, 7, 9, ;, = and ?.
 */
const LOOKED_AT = 64;
/** Tasks that a decoder gets to fail on its input, before the end is signalled to it. */
const DECODER_TASKS = 4;
/** Decoded bytes after which a decoder is stopped: 64 bytes of brotli can decode to 80 MB. */
const ENOUGH_CONTENT = 1024 * 1024;

/** Whether bytes are in a coding; `undefined` if more of them are needed to decide. */
type Verdict = boolean | undefined;
type Look = (bytes: Uint8Array, isWhole: boolean) => Verdict | Promise<Verdict>;

/** The codings that a `fetch` of some runtime decodes. */
const CODINGS = new Map<string, Look>([
  ["gzip", isGzip],
  ["x-gzip", isGzip],
  ["zstd", isZstd],
  ["br", (bytes, isWhole) => decodes("brotli", bytes, isWhole)],
  ["deflate", isDeflate],
]);

/** Whether a header block has a Content-Encoding: a cheap check first, since few have one. */
export function hasCoding(head: string): boolean {
  return head.includes("Content-Encoding: ");
}

/**
 * Decides whether a body has been decoded, so is not in its Content-Encoding any more.
 *
 * @param reader Needed unless the body has ended.
 * @returns The result, and the start of the body, which may be longer now: the decision needs at
 * least one chunk.
 */
export async function lookAtCoding(
  response: ResponseLike,
  reader: BodyReader | undefined,
  start: BodyStart,
): Promise<{ decoded: boolean; start: BodyStart }> {
  const look = lookFor(response);
  if (look === undefined) return { decoded: false, start };
  for (;; start = await readFurther(reader!, start)) {
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
 * The decision without a body (HEAD, 304): a response with a URL was fetched, and a body of it
 * would have been decoded. Without the headers of the coding it is correct in any case.
 */
export function isDecodedUnseen(response: ResponseLike): boolean {
  return response.url !== "" && lookFor(response) !== undefined;
}

/**
 * The check for the coding that was applied last, which is the outer one (RFC 9110, section 8.4).
 */
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

/** The gzip header (RFC 1952, section 2.3.1). */
function isGzip(bytes: Uint8Array, isWhole: boolean): Verdict {
  return beginsWith(bytes, isWhole, [0x1f, 0x8b, 8]);
}

/** A zstd frame, or a skippable frame (RFC 8878, sections 3.1.1 and 3.1.2). */
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

/**
 * The deflate coding (RFC 9110, section 8.4.1.2): the zlib format, or as some servers send it,
 * without the zlib header.
 */
async function isDeflate(bytes: Uint8Array, isWhole: boolean): Promise<Verdict> {
  const zlib = await decodes("deflate", bytes, isWhole);
  if (zlib === true) return true;
  const raw = await decodes("deflate-raw", bytes, isWhole);
  return zlib === undefined ? raw || undefined : raw;
}

// Names that only the types of the DOM library have.
type DecompressionFormat = ConstructorParameters<typeof DecompressionStream>[0];
type DecompressionWriter = ReturnType<DecompressionStream["writable"]["getWriter"]>;

/** Whether a decoder accepts the bytes; with `isWhole` they are the complete body. */
async function decodes(format: string, bytes: Uint8Array, isWhole: boolean): Promise<Verdict> {
  const isText = looksLikeText(bytes, !isWhole);
  // Deno's deflate decoder does not notice a missing end; a real deflate body is hardly ever text.
  if (isText && (bytes.length >= LOOKED_AT || isWhole && format !== "brotli")) return false;
  const decoder = decoderOf(format);
  if (decoder === undefined) return undefined;
  const trial = new Trial(decoder);
  await trial.feed(bytes);
  for (let task = 0; task < DECODER_TASKS && !trial.isOver; task++) await nextTask();
  // All decoders but Node's fail as soon as they get invalid bytes.
  const hasFailed = trial.failure !== undefined;
  await trial.end();
  if (trial.failure !== undefined && (isWhole || hasFailed || !isEndMissing(trial.failure))) {
    return false;
  }
  if (isWhole || bytes.length >= LOOKED_AT) return true;
  // A flushed first event: the next may come much later.
  return trial.length > 0 && !isText ? true : undefined;
}

/** Creates a decoder; `undefined` if there is none, as for brotli on Node before 24.7 and 22.20. */
function decoderOf(format: string): DecompressionStream | undefined {
  try {
    return new DecompressionStream(format as DecompressionFormat);
  } catch {
    return undefined;
  }
}

/**
 * Whether a decoder failed at the end only because more input is missing; Node's report the cause.
 */
function isEndMissing(failure: { reason: unknown }): boolean {
  const { cause } = Object(failure.reason) as { cause?: { code?: unknown } };
  return cause?.code === undefined || cause.code === "Z_BUF_ERROR";
}

/** A trial run of a decoder. */
class Trial {
  /** Bytes that it has decoded. */
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

  /** Whether it needs no more input: it has failed, or decoded enough. */
  get isOver(): boolean {
    return this.failure !== undefined || this.length >= ENOUGH_CONTENT;
  }

  /** Feeds it byte by byte: Deno's decoder decodes the whole of a write at once. */
  async feed(bytes: Uint8Array): Promise<void> {
    for (let i = 0; i < bytes.length && !this.isOver; i++) {
      const byte = bytes.slice(i, i + 1) as Uint8Array<ArrayBuffer>;
      const written = this.#writer.write(byte).catch((reason) => this.#failed(reason));
      await Promise.race([written, this.#reading]);
    }
  }

  /** Signals the end of the input, and waits for the rest of the output. */
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
