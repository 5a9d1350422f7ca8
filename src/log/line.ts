/**
 * Text for a log that other people's text stands in, too: nothing of it may look like another line.
 */

/** The longest line, in UTF-16 code units: nginx and Apache cut theirs at 2 to 8 KiB. */
export const MAX_LOG_LINE = 4096;

/**
 * What starts a line, moves a terminal's cursor, or turns text around: C0 and C1 controls (a
 * terminal takes U+009B for an escape sequence), U+2028 and U+2029, and the bidirectional marks,
 * embeddings, overrides and isolates.
 */
const CLASS = "\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069";
const CONTROLS = new RegExp(`[${CLASS}][${CLASS} ]*`, "g");

/** Text without control characters: each run of them becomes a space. */
export function withoutControls(text: string): string {
  return text.replace(CONTROLS, " ");
}

/** Text as one line of a log, without its end. */
export function oneLine(text: string): string {
  const start = text.length > MAX_LOG_LINE ? `${text.slice(0, MAX_LOG_LINE)}…` : text;
  return withoutControls(start).trim();
}
