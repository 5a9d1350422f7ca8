/**
 * Isomorphic Latin-1: code unit n is byte n (HTTP and CGI text is bytes, RFC 9110, section 5.5).
 *
 * `TextDecoder("latin1")` is windows-1252 and changes 0x80–0x9F. Every runtime has an exact codec
 * in its `Buffer` global, detected here by its methods; a portable loop is the fallback. The
 * fastest way was measured: `latin1Slice` decodes fastest everywhere; `latin1Write` encodes fastest
 * where it is native (by a factor of six on Node), `TextEncoder` elsewhere (by a factor of seven on
 * Deno).
 */

interface Latin1Methods {
  latin1Slice?(this: Uint8Array, start: number, end: number): string;
  latin1Write?(this: Uint8Array, text: string, offset: number, length: number): number;
}

const buffer = (globalThis as { Buffer?: { prototype?: Latin1Methods } }).Buffer?.prototype;
const latin1Slice = typeof buffer?.latin1Slice === "function" ? buffer.latin1Slice : null;
const latin1Write = fastWriter(buffer?.latin1Write);
const utf8 = new TextEncoder();

/**
 * Code units above U+00FF: a writer that keeps their low byte would turn U+010A into a line feed.
 */
const WIDE = /[^\0-\xff]/;
/** {@link WIDE} for replacing: matches them one by one. */
const WIDE_UNITS = /[^\0-\xff]/g;
/** Arguments per `String.fromCharCode` call, far below any engine's limit. */
const CHUNK = 4096;

/**
 * Decodes bytes to a string of the same length: code unit n is byte n.
 *
 * @param start The first byte. @default 0
 * @param end The end, exclusive. @default bytes.length
 */
export function decodeLatin1(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  if (latin1Slice !== null) return latin1Slice.call(bytes, start, end);
  return decodePortably(bytes, start, end);
}

/** {@link decodeLatin1} without any help from the runtime. */
export function decodePortably(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i += CHUNK) {
    text += String.fromCharCode(...bytes.subarray(i, Math.min(i + CHUNK, end)));
  }
  return text;
}

/**
 * Encodes text into `target` at `offset`, as much of it as fits, and returns the number of bytes
 * written. A code unit above U+00FF becomes `?`, never another character.
 */
export function encodeLatin1Into(text: string, target: Uint8Array, offset: number): number {
  const length = Math.min(text.length, target.length - offset);
  if (length <= 0) return 0;
  if (latin1Write !== null) {
    return latin1Write.call(
      target,
      WIDE.test(text) ? text.replace(WIDE_UNITS, "?") : text,
      offset,
      length,
    );
  }
  // ASCII is the same in UTF-8: one byte per code unit. Any other text takes more bytes than code
  // units; that is detected, and it is encoded again.
  if (length === text.length) {
    const { read, written } = utf8.encodeInto(text, target.subarray(offset, offset + length));
    if (read === length && written === length) return length;
  }
  return encodePortably(text, target, offset, length);
}

/**
 * {@link encodeLatin1Into} without any help from the runtime: `length` code units, which must fit.
 */
export function encodePortably(
  text: string,
  target: Uint8Array,
  offset: number,
  length: number,
): number {
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    target[offset + i] = unit > 0xff ? 0x3f : unit;
  }
  return length;
}

/** Encodes text to a new array; a code unit above U+00FF becomes `?`. */
export function encodeLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  encodeLatin1Into(text, bytes, 0);
  return bytes;
}

/**
 * `latin1Write` if native code is behind it; `null` where it is only a loop in JavaScript (Deno).
 */
function fastWriter(
  write: Latin1Methods["latin1Write"],
): NonNullable<Latin1Methods["latin1Write"]> | null {
  if (typeof write !== "function") return null;
  const source = Function.prototype.toString.call(write);
  return /\[native code\]|return latin1Write\(/.test(source) ? write : null;
}
