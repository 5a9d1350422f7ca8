/** Log lines with untrusted text in them: none of it may look like another line (log injection). */

/** The longest line, in UTF-16 code units: nginx and Apache cut theirs at 2 to 8 KiB. */
export const MAX_LOG_LINE = 4096;

/**
 * Characters that start a line, move a terminal's cursor, or reverse text: C0 and C1 controls (a
 * terminal takes U+009B for an escape sequence), U+2028 and U+2029, and the bidirectional marks,
 * embeddings, overrides and isolates.
 */
const CLASS = "\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069";
const CONTROLS = new RegExp(`[${CLASS}][${CLASS} ]*`, "g");

/** Replaces control characters: each run of them becomes one space. */
export function withoutControls(text: string): string {
  return text.replace(CONTROLS, " ");
}

/** Formats text as one log line, without the line feed. */
export function oneLine(text: string): string {
  const start = text.length > MAX_LOG_LINE ? `${text.slice(0, MAX_LOG_LINE)}…` : text;
  return withoutControls(start).trim();
}
