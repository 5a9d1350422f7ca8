/**
 * The length of a body as a header or a parameter says it (RFC 9110, section 8.6; RFC 3875, section
 * 4.1.2). One function decides for both directions what is a length: what is shown to the handler
 * is what the limit is held against, and what goes out is what is enforced.
 */

/** No more digits than every number of bytes can be told exactly with: the usual case. */
const PLAIN = /^\d{1,15}$/;
/** One length in a list, with the spaces that a list may have. */
const MEMBER = /^[ \t]*(\d+)[ \t]*$/;

/**
 * A Content-Length in bytes. The same number said several times, as two header lines become one,
 * counts once; leading zeros count nothing. With a sign, a point, an exponent, or another number
 * beside it, it is none.
 *
 * @returns The number; `Infinity` for one above `Number.MAX_SAFE_INTEGER`, which is over every
 * limit, and which nobody could count to; `undefined` if it is none.
 */
export function contentLength(value: string | null | undefined): number | undefined {
  // Most requests have no body, and nginx then sends an empty one.
  if (!value) return undefined;
  if (PLAIN.test(value)) return Number(value);
  let length: number | undefined;
  for (const member of value.split(",")) {
    const digits = MEMBER.exec(member)?.[1];
    if (digits === undefined) return undefined;
    const number = Number.isSafeInteger(Number(digits)) ? Number(digits) : Infinity;
    if (length !== undefined && number !== length) return undefined;
    length = number;
  }
  return length;
}

/**
 * A Content-Length that can be kept to, and so can be passed on: as {@link contentLength}, but a
 * number above `Number.MAX_SAFE_INTEGER` is none.
 */
export function countableLength(value: string | null | undefined): number | undefined {
  const length = contentLength(value);
  return length === Infinity ? undefined : length;
}
