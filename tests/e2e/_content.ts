/**
 * Bytes that a test and its application make alike, part by part, so that neither has to hold them
 * all.
 */
import { createHash } from "node:crypto";

/** The size of a part, in bytes. */
export const PART_BYTES: number = 64 * 1024;
/** 50 MB. */
export const LARGE: number = 50 * 1024 * 1024;

/**
 * Parts that differ; they come again and again, so that a process makes no garbage of its own by
 * making content.
 */
const PARTS = Array.from({ length: 16 }, (_, index) => {
  const words = new Uint32Array(PART_BYTES / 4);
  let state = (index + 1) * 2654435761 >>> 0;
  for (let i = 0; i < words.length; i++) {
    state = Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + i >>> 0;
    words[i] = state;
  }
  return new Uint8Array(words.buffer);
});

/** A part of the content. */
export function part(index: number): Uint8Array<ArrayBuffer> {
  return PARTS[index % PARTS.length]!;
}

/** The content as a stream of parts; `length` is a multiple of {@link PART_BYTES}. */
export async function* parts(length: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < length / PART_BYTES; index++) yield part(index);
}

/**
 * For a body that is to fail behind its head: waits longer than a server does for the next part
 * before it sends what it has. Counted in turns of the event loop, for that is how the server
 * counts.
 */
export async function afterTheHead(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}

/** The SHA-256 of bytes that come part by part. */
export class Hash {
  bytes = 0;
  readonly #hash = createHash("sha256");

  add(bytes: Uint8Array): void {
    this.bytes += bytes.length;
    this.#hash.update(bytes);
  }

  /** The length and the hash, as text to compare. */
  toString(): string {
    return `${this.bytes} bytes, ${this.#hash.digest("hex")}`;
  }
}

/** {@link Hash} of the content. */
export function hashOf(length: number): string {
  const hash = new Hash();
  for (let index = 0; index < length / PART_BYTES; index++) hash.add(part(index));
  return hash.toString();
}
