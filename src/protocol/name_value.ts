/**
 * Name-value pairs: the content of PARAMS, GET_VALUES and GET_VALUES_RESULT (FastCGI 1.0, section
 * 3.4).
 *
 * A pair is two lengths (1 byte up to 127, else 4 bytes with the high bit set), the name and the
 * value. Record boundaries do not matter to pairs: their stream is buffered first
 * ({@link ContentBuffer}) and then decoded as a whole, so a pair may straddle a boundary anywhere.
 * Text is isomorphic: code unit n is byte n.
 */
import { fatalPeerError } from "./errors.ts";

/** The longest name or value that a 4-byte length can express, in bytes. */
const MAX_LENGTH = 0x7fffffff;

/** A name or value: bytes, or a string whose code units are bytes (U+0000 to U+00FF). */
export type NameOrValue = string | Uint8Array;

/**
 * Visits the pairs of a complete stream. `visit` gets offsets into `bytes`: the name is from
 * `nameStart` to `valueStart`, the value from there to `end`. Nothing is allocated, whatever the
 * lengths claim.
 *
 * @throws {FastCgiError} `bad_name_value` if a pair runs past the end; earlier pairs have been
 * visited.
 */
export function forEachNameValue(
  bytes: Uint8Array,
  visit: (nameStart: number, valueStart: number, end: number) => void,
): void {
  const length = bytes.length;
  let offset = 0;
  while (offset < length) {
    let nameLength = bytes[offset++]!;
    if (nameLength > 127) {
      nameLength = (nameLength & 0x7f) << 24 | bytes[offset]! << 16 | bytes[offset + 1]! << 8 |
        bytes[offset + 2]!;
      offset += 3;
    }
    let valueLength = offset < length ? bytes[offset]! : -1;
    offset++;
    if (valueLength > 127) {
      valueLength = (valueLength & 0x7f) << 24 | bytes[offset]! << 16 | bytes[offset + 1]! << 8 |
        bytes[offset + 2]!;
      offset += 3;
    }
    const valueStart = offset + nameLength;
    const end = valueStart + valueLength;
    // A length byte past the end reads as 0, and `offset` is past `length` by then, so checking
    // `end` is enough in every case but -1.
    if (end > length || valueLength < 0) {
      throw fatalPeerError(
        "bad_name_value",
        `Cannot read a name-value pair: it ends at byte ${end} of ${length}`,
      );
    }
    visit(offset, valueStart, end);
    offset = end;
  }
}

/**
 * Decodes a complete stream of pairs into views of `bytes`, in wire order.
 *
 * @throws {FastCgiError} `bad_name_value` if a pair runs past the end.
 */
export function decodeNameValues(bytes: Uint8Array): [name: Uint8Array, value: Uint8Array][] {
  const pairs: [Uint8Array, Uint8Array][] = [];
  forEachNameValue(bytes, (nameStart, valueStart, end) => {
    pairs.push([bytes.subarray(nameStart, valueStart), bytes.subarray(valueStart, end)]);
  });
  return pairs;
}

/**
 * Encodes pairs in the order given, each length in its shortest form.
 *
 * @throws {RangeError} If a string holds a code unit above U+00FF.
 */
export function encodeNameValues(
  pairs: Iterable<readonly [name: NameOrValue, value: NameOrValue]>,
): Uint8Array {
  const list = [...pairs];
  let size = 0;
  for (const [name, value] of list) {
    size += lengthSize(name.length) + lengthSize(value.length) + name.length + value.length;
  }
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const [name, value] of list) {
    offset = writeLength(bytes, offset, name.length);
    offset = writeLength(bytes, offset, value.length);
    offset = writeBytes(bytes, offset, name);
    offset = writeBytes(bytes, offset, value);
  }
  return bytes;
}

function lengthSize(length: number): number {
  return length < 128 ? 1 : 4;
}

function writeLength(target: Uint8Array, offset: number, length: number): number {
  if (length < 128) {
    target[offset] = length;
    return offset + 1;
  }
  if (length > MAX_LENGTH) {
    throw new RangeError(
      `Cannot encode a name-value pair: ${length} bytes, the most is ${MAX_LENGTH}`,
    );
  }
  target[offset] = length >> 24 | 0x80;
  target[offset + 1] = length >> 16;
  target[offset + 2] = length >> 8;
  target[offset + 3] = length;
  return offset + 4;
}

function writeBytes(target: Uint8Array, offset: number, text: NameOrValue): number {
  if (typeof text !== "string") {
    target.set(text, offset);
    return offset + text.length;
  }
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0xff) {
      throw new RangeError(`Cannot encode a name-value pair: U+${unit.toString(16)} is not a byte`);
    }
    target[offset + i] = unit;
  }
  return offset + text.length;
}
