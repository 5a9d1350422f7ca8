/** Conditional requests (RFC 9110, section 13) for a file: for GET and HEAD. */
import { formatHttpDate, parseHttpDate } from "./http_date.ts";

/** What a file is compared by. */
export interface Validators {
  /** The entity tag (RFC 9110, section 8.8.3). */
  readonly etag: string;
  /** When it was changed, in whole seconds since the epoch. */
  readonly lastModified: number;
  /**
   * Whether they are strong (RFC 9110, section 8.8.1): the file is not so new that it may be
   * changed once more within the precision of its time.
   */
  readonly isStrong: boolean;
}

/** The precision of a file's time, in milliseconds: on FAT it is 2 s. */
const PRECISION = 2_000;

/** An entity tag at the beginning of a list. */
const ENTITY_TAG = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/;

/**
 * The validators of a file.
 *
 * @param modified When it was changed, in milliseconds since the epoch.
 * @param now In milliseconds since the epoch.
 */
export function validatorsOf(
  { size, modified }: { size: number; modified: number },
  now: number,
): Validators {
  const isStrong = now - modified >= PRECISION;
  const opaque = `"${Math.floor(modified).toString(16)}-${size.toString(16)}"`;
  return {
    etag: isStrong ? opaque : `W/${opaque}`,
    // Never later than the response (RFC 9110, section 8.8.2.1).
    lastModified: Math.floor(Math.min(modified, now) / 1000),
    isStrong,
  };
}

/**
 * Evaluates the preconditions of a GET or HEAD, in the order of RFC 9110, section 13.2.2: the
 * status that answers it instead of the file, or `undefined`.
 */
export function precondition(
  headers: Headers,
  validators: Validators,
  now: number,
): 304 | 412 | undefined {
  const { lastModified } = validators;
  const ifMatch = headers.get("if-match");
  if (ifMatch !== null) {
    if (!matches(ifMatch, validators, "strong")) return 412;
  } else {
    const date = dateOf(headers, "if-unmodified-since", now);
    if (date !== undefined && lastModified > date) return 412;
  }
  const ifNoneMatch = headers.get("if-none-match");
  if (ifNoneMatch !== null) return matches(ifNoneMatch, validators, "weak") ? 304 : undefined;
  const date = dateOf(headers, "if-modified-since", now);
  return date !== undefined && lastModified <= date ? 304 : undefined;
}

/**
 * Whether the Range of a request applies to the file as it is: it has no If-Range, or one that
 * matches (RFC 9110, section 13.1.5).
 */
export function rangeApplies(
  headers: Headers,
  { etag, lastModified, isStrong }: Validators,
): boolean {
  const ifRange = headers.get("if-range");
  if (ifRange === null) return true;
  // Both need strong validators; and a date is compared as it was given, like a tag.
  return isStrong && (ifRange === etag || ifRange === formatHttpDate(lastModified));
}

/**
 * Whether a list of entity tags has that of the file, or is `*`, any (RFC 9110, section 13.1.1).
 */
function matches(list: string, { etag }: Validators, comparison: "strong" | "weak"): boolean {
  if (list.trim() === "*") return true;
  for (let rest = skip(list); rest !== "";) {
    const tag = ENTITY_TAG.exec(rest)?.[0];
    // What is no list of tags matches nothing from there on.
    if (tag === undefined) return false;
    if (
      comparison === "strong" ? tag === etag && !tag.startsWith("W/") : bare(tag) === bare(etag)
    ) {
      return true;
    }
    rest = skip(rest.slice(tag.length));
  }
  return false;
}

/** The list without what stands before its next tag. */
function skip(list: string): string {
  return list.replace(/^[ \t,]+/, "");
}

function bare(tag: string): string {
  return tag.replace(/^W\//, "");
}

function dateOf(headers: Headers, name: string, now: number): number | undefined {
  const value = headers.get(name);
  return value === null ? undefined : parseHttpDate(value, now);
}
