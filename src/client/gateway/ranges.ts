/** Byte ranges of a request (RFC 9110, section 14). */

/** The bytes from `start` to `end`, exclusive; never none. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The most ranges that are answered one by one. A download manager asks for a few; for hundreds of
 * small ones the headers of the parts would be more than the file (RFC 9110, section 17.15).
 */
const MAX_RANGES = 16;

const SPECIFIER = /^(?:(\d+)-(\d*)|-(\d+))$/;

/**
 * Reads a Range field: the ranges in the order of the request, `"unsatisfiable"` for a 416, or
 * `undefined` if the whole file is the answer: the field is malformed or in another unit, has too
 * many ranges, or ones that overlap, so that the whole is less.
 *
 * @param size Of the file, in bytes.
 */
export function parseRange(field: string, size: number): ByteRange[] | "unsatisfiable" | undefined {
  const [, list] = /^bytes=(.*)$/is.exec(field.trim()) ?? [];
  if (list === undefined) return undefined;
  const specifiers = list.split(",").map((part) => part.trim()).filter((part) => part !== "");
  if (specifiers.length === 0 || specifiers.length > MAX_RANGES) return undefined;
  const ranges: ByteRange[] = [];
  for (const specifier of specifiers) {
    const range = rangeOf(specifier, size);
    if (range === undefined) return undefined;
    if (range.start < range.end) ranges.push(range);
    // Nothing behind the end of an empty file is no range that could be named.
    else if (specifier.startsWith("-") && size === 0 && Number(specifier) < 0) return undefined;
  }
  if (ranges.length === 0) return "unsatisfiable";
  return overlap(ranges) ? undefined : ranges;
}

/** One range, empty if it cannot be satisfied; `undefined` if it is malformed. */
function rangeOf(specifier: string, size: number): ByteRange | undefined {
  const [match, first, last, suffix] = SPECIFIER.exec(specifier) ?? [];
  if (match === undefined) return undefined;
  if (suffix !== undefined) return { start: Math.max(0, size - Number(suffix)), end: size };
  const start = Number(first);
  if (last !== "" && Number(last) < start) return undefined;
  return { start, end: last === "" ? size : Math.min(Number(last) + 1, size) };
}

function overlap(ranges: readonly ByteRange[]): boolean {
  const sorted = ranges.toSorted((a, b) => a.start - b.start);
  return sorted.some(({ start }, i) => i > 0 && start < sorted[i - 1]!.end);
}
