/**
 * Bytes for tests: made, joined, cut into chunks and compared. Nothing here is taken from src/, so
 * that a mistake there cannot hide behind the same mistake here.
 *
 * @module
 */
import { fail } from "./_assert.ts";

/** Bytes that `Response`, `Blob` and the rest take as they are. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Bytes out of Latin-1 text and lists of numbers: `bytes("abc", [0, 255])`. */
export function bytes(...parts: (string | Iterable<number>)[]): Bytes {
  return concat(parts.map((part) =>
    Uint8Array.from(
      typeof part === "string" ? Array.from(part, (unit) => unit.charCodeAt(0)) : part,
    )
  ));
}

/** Text as UTF-8. */
export function utf8(text: string): Bytes {
  return Uint8Array.from(new TextEncoder().encode(text));
}

/** Bytes as Latin-1 text: code unit n is byte n. */
export function latin1(content: Uint8Array): string {
  let text = "";
  for (let start = 0; start < content.length; start += 4096) {
    text += String.fromCharCode(...content.subarray(start, start + 4096));
  }
  return text;
}

/** UTF-8 text as the Latin-1 text of its bytes: what `Headers` and CGI parameters make of it. */
export function utf8AsLatin1(text: string): string {
  return latin1(utf8(text));
}

/** All parts behind one another, in bytes of their own. */
export function concat(parts: Iterable<Uint8Array>): Bytes {
  const list = [...parts];
  const whole = new Uint8Array(list.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of list) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** Content of which no two places look alike for long: what is lost, doubled or swapped shows. */
export function pattern(length: number): Bytes {
  const content = new Uint8Array(length);
  for (let i = 0; i < length; i++) content[i] = (i * 7 + (i >> 8) * 13 + (i >> 16) * 29) & 0xff;
  return content;
}

/** Pseudo-random numbers from a seed (mulberry32): a failure can be repeated. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** A whole number from 0 to `limit`, exclusive. */
  below(limit: number): number {
    this.#state = this.#state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(this.#state ^ this.#state >>> 15, 1 | this.#state);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return Math.floor(((mixed ^ mixed >>> 14) >>> 0) / 0x1_0000_0000 * limit);
  }

  /** One of the values given. */
  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)];
  }

  /** Up to `length` code units: bytes of any kind, with more of `likely` than chance would give. */
  text(length: number, likely: string): string {
    let text = "";
    for (let i = this.below(length + 1); i > 0; i--) {
      text += this.below(4) === 0 ? String.fromCharCode(this.below(256)) : this.pick([...likely]);
    }
    return text;
  }

  /** Random content. */
  bytes(length: number): Bytes {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

/** Every way to cut bytes in two, as copies; the first and the last have an empty part. */
export function* everySplit(content: Uint8Array): Generator<[Bytes, Bytes]> {
  for (let position = 0; position <= content.length; position++) {
    yield [
      Uint8Array.from(content.subarray(0, position)),
      Uint8Array.from(
        content.subarray(position),
      ),
    ];
  }
}

/** Chunks of `size` bytes each, the last one as long as it has to be. */
export function chunksOf(content: Uint8Array, size: number): Bytes[] {
  const chunks: Bytes[] = [];
  for (let start = 0; start < content.length; start += size) {
    chunks.push(Uint8Array.from(content.subarray(start, start + size)));
  }
  return chunks;
}

/** Chunks of random sizes from 0 to `most` bytes. */
export function randomChunks(content: Uint8Array, random: Random, most: number): Bytes[] {
  const chunks: Bytes[] = [];
  for (let start = 0; start < content.length;) {
    const end = start + random.below(most + 1);
    chunks.push(Uint8Array.from(content.subarray(start, end)));
    start = end;
  }
  return chunks;
}

/** Fails unless both are the same bytes; says where they begin to differ. Fast for megabytes. */
export function assertBytes(actual: Uint8Array, expected: Uint8Array, message = "Bytes"): void {
  const length = Math.min(actual.length, expected.length);
  let same = 0;
  while (same < length && actual[same] === expected[same]) same++;
  if (same === actual.length && same === expected.length) return;
  fail(
    `${message}: ${actual.length} bytes, expected ${expected.length}; from byte ${same} on\n` +
      `  actual   ${hex(actual.subarray(same, same + 48))}\n` +
      `  expected ${hex(expected.subarray(same, same + 48))}`,
  );
}

function hex(content: Uint8Array): string {
  return Array.from(content, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
