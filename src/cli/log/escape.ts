/** Untrusted text in a line of a log: it stays in its field, and in its line. */

/** How characters are escaped that are not printable ASCII, a quote or a backslash. */
export interface Escaping {
  /** What comes before the number, behind a backslash. */
  readonly letter: "x" | "u";
  /** The hexadecimal digits of the number. */
  readonly digits: number;
  /** What takes the place of Latin-1 text, where every code unit is a byte, before that. */
  readonly decode?: (text: string) => string;
}

// As loaded: applications replace the global.
const { TextDecoder, Uint8Array } = globalThis;

/** As in the logs of Apache and nginx: the bytes. */
export const BYTES: Escaping = { letter: "x", digits: 2 };

const decoder = new TextDecoder();

/** As in JSON: the characters that the bytes are in UTF-8. */
export const JSON_TEXT: Escaping = {
  letter: "u",
  digits: 4,
  decode: (text) => decoder.decode(Uint8Array.from(text, (unit) => unit.charCodeAt(0))),
};

const SPECIAL = /[^\x20-\x7e]|["\\]/g;
const HAS_SPECIAL = /[^\x20-\x7e]|["\\]/;
/** An escape that has been cut. */
const INCOMPLETE = { x: /\\(?:x[0-9a-f]?)?$/, u: /\\(?:u[0-9a-f]{0,3})?$/ };

/** The end of a text that has been cut. */
export const CUT = "...";

/**
 * Escapes Latin-1 text to printable ASCII without a quote, and cuts it to `most` characters; at its
 * end is a mark then.
 */
export function escape(text: string, { letter, digits, decode }: Escaping, most: number): string {
  if (text.length <= most && !HAS_SPECIAL.test(text)) return text;
  const start = text.slice(0, most);
  const decoded = decode === undefined ? start : decode(start);
  const escaped = decoded.replace(
    SPECIAL,
    (unit) => `\\${letter}${unit.charCodeAt(0).toString(16).padStart(digits, "0")}`,
  );
  if (escaped.length <= most && start.length === text.length) return escaped;
  return escaped.slice(0, most - CUT.length).replace(INCOMPLETE[letter], "") + CUT;
}
