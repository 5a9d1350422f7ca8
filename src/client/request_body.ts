/**
 * The body of a request on its way: in memory, or behind a reader, and with its length wherever an
 * application must know it.
 */
import { concat } from "../protocol/concat.ts";
import type { BodySpool } from "./body_spool.ts";
import type { ByteReader } from "./byte_streams.ts";
import { bodyTooLarge } from "./errors.ts";
import { waitFor } from "./wait_for.ts";

/** A request body, read ahead so that a small one is in memory as a whole. */
export interface RequestBody {
  /** The bytes read so far. */
  readonly bytes: Uint8Array;
  /** Reads the rest; `undefined` if `bytes` is everything. */
  readonly rest: ByteReader | undefined;
  /** The length of all of it; `undefined` if it is not known. */
  readonly length: number | undefined;
}

/** How a body is taken. Sizes are in bytes. */
export interface BodyLimits {
  /** The most that is held in memory. */
  readonly bufferBody: number;
  /** The most that there may be. */
  readonly maxBodyBytes: number;
  /** Whether a body of unknown length is sent as it comes. */
  readonly streamBody: boolean;
  /** Opens a place for a body that is too large for memory. */
  readonly openSpool: (() => Promise<BodySpool>) | undefined;
}

/**
 * Takes a body: what fits into memory is read to its end, so that it is sent in the first write and
 * can be sent again. More than that is sent as it comes if its length is known, or is gathered.
 *
 * @param length Its length, if the request says that.
 * @throws {FastCgiError} `body_too_large`.
 * @throws The error of the body, or the signal's reason.
 */
export async function takeBody(
  body: ReadableStream<Uint8Array>,
  length: number | undefined,
  limits: BodyLimits,
  signal: AbortSignal,
): Promise<RequestBody> {
  const { bufferBody, maxBodyBytes, streamBody } = limits;
  const reader = body.getReader();
  try {
    if (length !== undefined && length > maxBodyBytes) {
      throw bodyTooLarge(`it has ${length} bytes, and ${maxBodyBytes} are the most (maxBodyBytes)`);
    }
    const limited = counted(reader, (bytes) => {
      if (bytes <= maxBodyBytes) return;
      throw bodyTooLarge(`it has more than ${maxBodyBytes} bytes (maxBodyBytes)`);
    });
    const isStreamed = length === undefined ? streamBody : length > bufferBody;
    if (!isStreamed) return await gather(limited, limits, signal);
    return { bytes: NOTHING, rest: length === undefined ? limited : exact(reader, length), length };
  } catch (error) {
    reader.cancel(error).catch(() => {});
    throw error;
  }
}

/** A body that must be as long as was said: an application waits for the rest, or loses it. */
function exact(reader: ByteReader, length: number): ByteReader {
  return counted(reader, (bytes, isAll) => {
    if (bytes === length || bytes < length && !isAll) return;
    throw new TypeError(
      `Cannot send the request: its body has ${bytes} bytes, and its Content-Length is ${length}`,
    );
  });
}

const NOTHING = new Uint8Array(0);

/** Reads a body to its end, into memory as far as it may be there. */
async function gather(
  reader: ByteReader,
  { bufferBody, openSpool }: BodyLimits,
  signal: AbortSignal,
): Promise<RequestBody> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let spool: BodySpool | undefined;
  try {
    for (;;) {
      const { done, value } = await waitFor(reader.read(), { signal });
      if (done) break;
      length += value.length;
      if (length > bufferBody) spool ??= await openFor(openSpool, bufferBody, chunks);
      if (spool === undefined) chunks.push(value);
      else await spool.write(value);
    }
  } catch (error) {
    spool?.discard();
    throw error;
  }
  return spool === undefined
    ? { bytes: concat(chunks), rest: undefined, length }
    : { bytes: NOTHING, rest: spool.read(), length };
}

/** Opens a spool, and puts there what has come so far. */
async function openFor(
  openSpool: (() => Promise<BodySpool>) | undefined,
  bufferBody: number,
  chunks: Uint8Array[],
): Promise<BodySpool> {
  const why = `its length is not known, and it has more than ${bufferBody} bytes (bufferBody)`;
  if (openSpool === undefined) throw bodyTooLarge(why);
  let spool: BodySpool;
  try {
    spool = await openSpool();
  } catch (cause) {
    throw bodyTooLarge(`${why}, for which there is no temporary file`, cause);
  }
  for (const chunk of chunks.splice(0)) await spool.write(chunk);
  return spool;
}

/** A reader that calls back with the number of bytes so far, and whether that is all. */
function counted(
  reader: ByteReader,
  check: (bytes: number, isAll: boolean) => void,
): ByteReader {
  let bytes = 0;
  return {
    closed: reader.closed,
    async read() {
      const result = await reader.read();
      bytes += result.value?.length ?? 0;
      check(bytes, result.done);
      return result;
    },
    cancel: (reason) => reader.cancel(reason),
  };
}
