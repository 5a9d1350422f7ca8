/**
 * The wire format once more, as a judge: whole bytes in, everything out. Short, slow, and nothing
 * of src/ in it.
 *
 * @module
 */

/** A record, and where it ends in the bytes. */
export interface ReferenceRecord {
  type: number;
  id: number;
  content: Uint8Array;
  end: number;
}

/** What bytes mean. */
export interface ReferenceRecords {
  records: ReferenceRecord[];
  /** Where the header stands whose version is not 1; nothing behind it means anything. */
  badVersionAt?: number;
  /** Bytes behind the last whole record. */
  rest: number;
}

/** Reads records (FastCGI 1.0, section 3.3). */
export function readRecords(bytes: Uint8Array): ReferenceRecords {
  const records: ReferenceRecord[] = [];
  let at = 0;
  while (bytes.length - at >= 8) {
    if (bytes[at] !== 1) return { records, badVersionAt: at, rest: bytes.length - at };
    const start = at + 8;
    const length = bytes[at + 4] * 256 + bytes[at + 5];
    const end = start + length + bytes[at + 6];
    if (end > bytes.length) break;
    const content = bytes.subarray(start, start + length);
    records.push({ type: bytes[at + 1], id: bytes[at + 2] * 256 + bytes[at + 3], content, end });
    at = end;
  }
  return { records, rest: bytes.length - at };
}

/** Reads what there is of a record that is not whole. */
export function readBegun(bytes: Uint8Array): Pick<ReferenceRecord, "type" | "id" | "content"> {
  const [version, type = -1, high = 0, low = 0, lengthHigh = 0, lengthLow = 0] = bytes;
  if (version !== 1 || bytes.length < 8) return { type: -1, id: 0, content: bytes.subarray(0, 0) };
  const content = bytes.subarray(8, 8 + lengthHigh * 256 + lengthLow);
  return { type, id: high * 256 + low, content };
}

/** Reads name-value pairs (section 3.4); `undefined` if one runs past the end. */
export function readPairs(bytes: Uint8Array): [Uint8Array, Uint8Array][] | undefined {
  const pairs: [Uint8Array, Uint8Array][] = [];
  let at = 0;
  const take = (length: number): Uint8Array | undefined => {
    if (at + length > bytes.length) return undefined;
    return bytes.subarray(at, at += length);
  };
  const takeLength = (): number => {
    const [short] = take(1) ?? [];
    if (short === undefined || short < 128) return short ?? NaN;
    const [a, b, c] = take(3) ?? [];
    return (((short - 128) * 256 + a) * 256 + b) * 256 + c;
  };
  while (at < bytes.length) {
    const [nameLength, valueLength] = [takeLength(), takeLength()];
    // With a length that is not there both are NaN, which is more than nothing.
    if (!(at + nameLength + valueLength <= bytes.length)) return undefined;
    pairs.push([take(nameLength)!, take(valueLength)!]);
  }
  return pairs;
}

/** Reads the content of BEGIN_REQUEST (section 5.1). */
export function readBegin(content: Uint8Array): { role: number; flags: number } {
  return { role: content[0] * 256 + content[1], flags: content[2] };
}

/** Reads the content of END_REQUEST (section 5.5). */
export function readEnd(content: Uint8Array): { appStatus: number; protocolStatus: number } {
  const [a, b, c, d, protocolStatus] = content;
  return { appStatus: ((a * 256 + b) * 256 + c) * 256 + d, protocolStatus };
}
