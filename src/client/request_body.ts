import type { ByteReader } from "./byte_streams.ts";
import { concat } from "../protocol/concat.ts";
import { untilAborted } from "./until_aborted.ts";

/** A request body, read ahead so that a small one is buffered as a whole. */
export interface RequestBody {
  /** The bytes read so far. */
  readonly bytes: Uint8Array;
  /** Reads the rest; `undefined` if `bytes` is everything. */
  readonly rest: ByteReader | undefined;
}

/**
 * Buffers a body until it ends or exceeds `limit` bytes. So a small body gets a length (PHP reads
 * nothing without one), is sent in the first write, and can be retried.
 *
 * @param limit In bytes; 0 reads nothing.
 * @throws The error of the body, or the signal's reason.
 */
export async function readAhead(
  body: ReadableStream<Uint8Array>,
  limit: number,
  signal: AbortSignal,
): Promise<RequestBody> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    while (limit > 0 && length <= limit) {
      const { done, value } = await untilAborted(reader.read(), signal);
      if (done) return { bytes: concat(chunks), rest: undefined };
      chunks.push(value);
      length += value.length;
    }
  } catch (error) {
    reader.cancel(error).catch(() => {});
    throw error;
  }
  return { bytes: concat(chunks), rest: reader };
}
