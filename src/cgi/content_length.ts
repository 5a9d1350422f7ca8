/**
 * Content-Length, from a header or a parameter (RFC 9110, section 8.6; RFC 3875, section 4.1.2).
 * One function parses it for both directions, so the length that the handler sees is the one that
 * the limit is checked against, and the length that is sent is the one that is enforced.
 */

/** The usual case: no more digits than a number always represents exactly. */
const PLAIN = /^\d{1,15}$/;
/** One length in a list, with optional white space. */
const MEMBER = /^[ \t]*(\d+)[ \t]*$/;

/**
 * Parses a Content-Length, in bytes. A repeated value, as when two field lines are combined, counts
 * once (RFC 9110, section 8.6); leading zeros are ignored. A sign, a point, an exponent or a
 * second, different number makes it invalid.
 *
 * @returns The number; `Infinity` above `Number.MAX_SAFE_INTEGER`, which exceeds every limit and
 * cannot be counted exactly; `undefined` if it is invalid or absent.
 */
export function contentLength(value: string | null | undefined): number | undefined {
  // Most requests have no body, and nginx then sends an empty value.
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
 * A Content-Length that can be enforced, and so can be passed on: as {@link contentLength}, but a
 * number above `Number.MAX_SAFE_INTEGER` is invalid.
 */
export function countableLength(value: string | null | undefined): number | undefined {
  const length = contentLength(value);
  return length === Infinity ? undefined : length;
}
