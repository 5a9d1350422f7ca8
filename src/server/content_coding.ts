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
import { looksLikeText } from "../cgi/implied_type.ts";
import { type BodyReader, type BodyStart, readFirstChunk } from "./body_start.ts";
import type { ResponseLike } from "./foreign_response.ts";
import { nextTask } from "./next_task.ts";

const { DecompressionStream } = globalThis;

/** How much of a body is looked at, in bytes: a decoder gives or fails long before that. */
const LOOKED_AT = 4096;
/**
 * From how many bytes on text is taken for text without asking a decoder: "3 results" begins with a
 * byte that is a whole brotli stream, and so do texts with 5, 7, 9, ;, =, and ? in front.
 */
const ENOUGH_TEXT = 64;
/** Tasks a decoder gets to complain of what it has been given. */
const DECODER_TASKS = 4;
/** Chunks a decoder has to give until its content counts as such; a whole one could be endless. */
const ENOUGH_CHUNKS = 4;

type Look = (bytes: Uint8Array, isWhole: boolean) => boolean | Promise<boolean>;

/** The codings that a runtime's `fetch` decodes, and whether bytes are of them. */
const CODINGS = new Map<string, Look>([
  ["gzip", isGzip],
  ["x-gzip", isGzip],
  ["zstd", isZstd],
  ["br", (bytes, isWhole) => decodes("brotli", bytes, isWhole)],
  [
    "deflate",
    async (bytes, isWhole) =>
      await decodes("deflate", bytes, isWhole) || await decodes("deflate-raw", bytes, isWhole),
  ],
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
  const known = await readFirstChunk(reader, start);
  const isWhole = known.ended && known.length <= LOOKED_AT;
  const decoded = known.length === 0
    ? isDecodedUnseen(response)
    : !await look(firstBytes(known.chunks), isWhole);
  return { decoded, start: known };
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
  const first = chunks[0]!;
  if (first.length >= LOOKED_AT || chunks.length === 1) return first.subarray(0, LOOKED_AT);
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
function isGzip(bytes: Uint8Array, isWhole: boolean): boolean {
  return beginsWith(bytes, isWhole, [0x1f, 0x8b, 8]);
}

/** A frame, or one to skip (RFC 8878, sections 3.1.1 and 3.1.2). */
function isZstd(bytes: Uint8Array, isWhole: boolean): boolean {
  return beginsWith(bytes, isWhole, [0x28, 0xb5, 0x2f, 0xfd]) ||
    ((bytes[0]! & 0xf0) === 0x50 && beginsWith(bytes, isWhole, [bytes[0]!, 0x2a, 0x4d, 0x18]));
}

/** As far as there are bytes, if others may follow. */
function beginsWith(bytes: Uint8Array, isWhole: boolean, magic: readonly number[]): boolean {
  if (isWhole && bytes.length < magic.length) return false;
  return magic.every((byte, i) => i >= bytes.length || bytes[i] === byte);
}

/** `CompressionFormat`, where there are the types of the DOM. */
type DecompressionFormat = ConstructorParameters<typeof DecompressionStream>[0];

/** Whether a decoder takes bytes for its own; `isWhole`: nothing follows them. */
async function decodes(
  format: string,
  bytes: Uint8Array,
  isWhole: boolean,
): Promise<boolean> {
  if (bytes.length >= ENOUGH_TEXT && looksLikeText(bytes)) return false;
  let decoder: DecompressionStream;
  try {
    decoder = new DecompressionStream(format as DecompressionFormat);
  } catch {
    return !looksLikeText(bytes);
  }
  const writer = decoder.writable.getWriter();
  const reader = decoder.readable.getReader();
  writer.closed.catch(() => {});
  reader.closed.catch(() => {});
  let verdict: boolean | undefined;
  const writing = writer.write(bytes as Uint8Array<ArrayBuffer>);
  const written = (isWhole ? writing.then(() => writer.close()) : writing)
    .then(() => {}, () => void (verdict ??= false));
  const reading = (async () => {
    let chunks = 0;
    while (chunks < ENOUGH_CHUNKS && !(await reader.read()).done) {
      chunks++;
      if (!isWhole) break;
    }
    // An empty content is one byte of brotli; two of deflate, and six of a checksum.
    verdict ??= chunks > 0 || bytes.length === 1 || format !== "brotli";
  })().catch(() => void (verdict ??= false));
  if (isWhole) await reading;
  else await Promise.race([reading, written]);
  for (let task = 0; task < DECODER_TASKS && verdict === undefined; task++) await nextTask();
  writer.abort().catch(() => {});
  reader.cancel().catch(() => {});
  // It wants more before it says anything: a few bytes that are text are no beginning.
  return verdict ?? !looksLikeText(bytes);
}
