/**
 * The answer to a request for a file (RFC 9110, sections 8.8, 13 and 14), as what to send of it: no
 * file is read here.
 */
import { encodeLatin1 } from "../../cgi/latin1.ts";
import { precondition, rangeApplies, validatorsOf } from "./conditions.ts";
import { formatHttpDate } from "./http_date.ts";
import { type ByteRange, parseRange } from "./ranges.ts";

/** What a file is, besides its content. */
export interface FileFacts {
  /** In bytes. */
  readonly size: number;
  /** When its content was changed, in milliseconds since the epoch. */
  readonly modified: number;
  /** Its Content-Type. */
  readonly type: string;
}

/** A part of a body: bytes, or a range of the file. */
export type Piece = Uint8Array | ByteRange;

/** What to answer. */
export interface FileAnswer {
  readonly status: 200 | 206 | 304 | 405 | 412 | 416;
  readonly headers: Record<string, string>;
  /** The body, if it is of the file: for a HEAD, too. */
  readonly pieces: readonly Piece[];
}

/** The methods that a file has an answer to. */
const ALLOW = "GET, HEAD";

/**
 * Decides on the answer to a request for a file.
 *
 * @param now In milliseconds since the epoch.
 * @param boundary A delimiter of parts that is in none of them, for several ranges.
 */
export function answerWithFile(
  { method, headers }: { readonly method: string; readonly headers: Headers },
  { size, modified, type }: FileFacts,
  now: number,
  boundary: () => string,
): FileAnswer {
  if (method !== "GET" && method !== "HEAD") {
    return { status: 405, headers: { allow: ALLOW }, pieces: [] };
  }
  const validators = validatorsOf({ size, modified }, now);
  const { etag, lastModified } = validators;
  const known = { etag, "last-modified": formatHttpDate(lastModified) };
  const failed = precondition(headers, validators, now);
  if (failed !== undefined) {
    return { status: failed, headers: failed === 304 ? known : {}, pieces: [] };
  }
  const about = { ...known, "accept-ranges": "bytes" };
  // Range is for GET alone (RFC 9110, section 14.2).
  const range = method === "GET" && rangeApplies(headers, validators) ? headers.get("range") : null;
  const ranges = range === null ? undefined : parseRange(range, size);
  if (ranges === "unsatisfiable") {
    return { status: 416, headers: { "content-range": `bytes */${size}` }, pieces: [] };
  }
  const [first] = ranges ?? [];
  if (first === undefined) return whole(about, { start: 0, end: size }, type);
  if (ranges!.length === 1) return oneRange(about, first, size, type);
  return severalRanges(about, ranges!, { size, type }, boundary());
}

type Fields = Record<string, string>;

function whole(about: Fields, range: ByteRange, type: string): FileAnswer {
  return {
    status: 200,
    headers: { ...about, "content-type": type, "content-length": String(lengthOf([range])) },
    pieces: [range],
  };
}

function oneRange(about: Fields, range: ByteRange, size: number, type: string): FileAnswer {
  const headers = { ...about, "content-range": contentRange(range, size) };
  return { ...whole(headers, range, type), status: 206 };
}

/** RFC 9110, section 14.6. */
function severalRanges(
  about: Fields,
  ranges: readonly ByteRange[],
  { size, type }: { size: number; type: string },
  boundary: string,
): FileAnswer {
  const pieces: Piece[] = [];
  for (const range of ranges) {
    pieces.push(
      encodeLatin1(
        `\r\n--${boundary}\r\nContent-Type: ${type}\r\n` +
          `Content-Range: ${contentRange(range, size)}\r\n\r\n`,
      ),
      range,
    );
  }
  pieces.push(encodeLatin1(`\r\n--${boundary}--\r\n`));
  return {
    status: 206,
    headers: {
      ...about,
      "content-type": `multipart/byteranges; boundary=${boundary}`,
      "content-length": String(lengthOf(pieces)),
    },
    pieces,
  };
}

function contentRange({ start, end }: ByteRange, size: number): string {
  return `bytes ${start}-${end - 1}/${size}`;
}

/** The length of a body, in bytes. */
export function lengthOf(pieces: readonly Piece[]): number {
  return pieces.reduce(
    (sum, piece) => sum + ("start" in piece ? piece.end - piece.start : piece.length),
    0,
  );
}
