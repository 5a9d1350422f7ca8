/**
 * FastCGI records and name-value pairs once more, as short and as plain as the specification has
 * them (FastCGI 1.0, sections 3.3 and 3.4): the reference that src/protocol/ is compared with, and
 * what says things that it refuses to say (padding of any length, other versions, lengths that
 * lie).
 *
 * @module
 */
import { type Bytes, bytes, concat, latin1, type Random } from "./_bytes.ts";

/** Everything a record header tells, and the content. */
export interface RawRecord {
  version: number;
  type: number;
  id: number;
  content: Bytes;
  padding: number;
}

/**
 * What {@link rawRecord} can be asked for; the rest is version 1, request 1, no content, no
 * padding.
 */
export interface RawRecordInit {
  type: number;
  version?: number;
  id?: number;
  /** Bytes, or Latin-1 text. */
  content?: Uint8Array | string;
  padding?: number;
  reserved?: number;
  /** What the padding consists of. @default {0xaa} */
  filler?: number;
}

/** Encodes a record just as it is asked for. */
export function rawRecord(init: RawRecordInit): Bytes {
  const { version = 1, type, id = 1, padding = 0, reserved = 0, filler = 0xaa } = init;
  const content = bytes(init.content ?? "");
  const header = [
    ...[version, type, id >> 8, id & 0xff],
    ...[content.length >> 8, content.length & 0xff, padding, reserved],
  ];
  return concat([bytes(header), content, new Uint8Array(padding).fill(filler)]);
}

/** Decodes records that are complete; any version will do. */
export function parseRecords(encoded: Uint8Array): RawRecord[] {
  const records: RawRecord[] = [];
  let rest = encoded;
  while (rest.length > 0) {
    if (rest.length < 8) throw new Error(`Cut in a record header: ${rest.length} bytes`);
    const [version, type, id1, id0, length1, length0, padding] = rest;
    const end = 8 + length1 * 256 + length0;
    if (rest.length < end + padding) throw new Error(`Cut in a record: ${rest.length} bytes`);
    const content = Uint8Array.from(rest.subarray(8, end));
    records.push({ version, type, id: id1 * 256 + id0, content, padding });
    rest = rest.subarray(end + padding);
  }
  return records;
}

/** A name or value: bytes, or Latin-1 text. */
type Text = Uint8Array | string;

/** Encodes name-value pairs; `wide` uses the 4-byte form for short lengths too, as is allowed. */
export function rawPairs(pairs: Iterable<readonly [Text, Text]>, wide = false): Bytes {
  const length = (value: number) =>
    value < 128 && !wide
      ? [value]
      : [value >>> 24 | 0x80, value >> 16 & 0xff, value >> 8 & 0xff, value & 0xff];
  return concat(
    Array.from(
      pairs,
      ([name, value]) => bytes(length(name.length), length(value.length), name, value),
    ),
  );
}

/** Decodes name-value pairs, as Latin-1 text. */
export function parsePairs(content: Uint8Array): [string, string][] {
  const pairs: [string, string][] = [];
  let at = 0;
  const length = () => {
    const first = content[at++];
    if (first < 128) return first;
    const rest = content.subarray(at, at += 3);
    return (first - 128) * 0x1000000 + rest[0] * 0x10000 + rest[1] * 0x100 + rest[2];
  };
  while (at < content.length) {
    const [nameLength, valueLength] = [length(), length()];
    const name = latin1(content.subarray(at, at += nameLength));
    pairs.push([name, latin1(content.subarray(at, at += valueLength))]);
  }
  return pairs;
}

/** Lengths at which encodings change. */
const LENGTHS = [0, 0, 1, 2, 7, 8, 9, 127, 128, 129, 255, 256, 1000];

/** A record of any type, id, length and padding. */
export function randomRecord(random: Random): RawRecord {
  return {
    version: 1,
    type: random.below(256),
    id: random.pick([0, 1, 255, 256, 65535, random.below(65536)]),
    content: random.bytes(random.pick([...LENGTHS, 65535])),
    padding: random.pick([0, 1, 7, 8, 255, random.below(256)]),
  };
}

/** Up to a dozen pairs of any bytes and of critical lengths. */
export function randomPairs(random: Random): [string, string][] {
  const text = () => latin1(random.bytes(random.pick(LENGTHS)));
  return Array.from({ length: random.below(12) }, () => [text(), text()]);
}

/**
 * A stream cut into records at random, some padded, with the empty record at its end: as a web
 * server may send it, though none is known to cut this often.
 */
export function randomStream(
  type: number,
  id: number,
  content: Uint8Array,
  random: Random,
): Bytes[] {
  const records: Bytes[] = [];
  for (let start = 0; start < content.length;) {
    const end = start + 1 + random.below(random.pick([1, 16, 300, 4096]));
    const padding = random.pick([0, random.below(256)]);
    records.push(rawRecord({ type, id, content: content.subarray(start, end), padding }));
    start = end;
  }
  return [...records, rawRecord({ type, id })];
}
