import { describeThrown, lineOf } from "./describe.ts";
import { withoutControls } from "./line.ts";

/** The longest text, in UTF-16 code units. */
const MAX_TEXT = 32_768;

/**
 * Writes text to standard error: the only place in this library that does.
 *
 * It never throws, whatever the state of standard error: Deno throws when the disk is full, and
 * there is nowhere left to report that. (Node emits an event instead, which `runtime/` handles.)
 * Only text is printed, never an error object: Deno crashes when it formats one while the process
 * has no file descriptor left.
 *
 * @param text One line, or several of which all but the first are indented by four spaces, as
 * `describe` returns them. Any other line feed, and every other control character, becomes a space,
 * so that no text of a client's can begin a line.
 */
export function print(text: string): void {
  try {
    const lines = text.slice(0, MAX_TEXT).split(/\n(?= {4})/);
    console.error(lines.map((line) => withoutControls(line).trimEnd()).join("\n"));
  } catch {
    // There is nowhere left to report it.
  }
}

/** Prints text as one line; any other value as its description, in one line too. */
export function printLine(message: unknown): void {
  print(lineOf(message));
}

/** Prints a thrown value of any type. */
export function printThrown(thrown: unknown): void {
  print(describeThrown(thrown));
}
