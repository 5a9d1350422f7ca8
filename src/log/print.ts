import { describeThrown, lineOf } from "./describe.ts";
import { withoutControls } from "./line.ts";

/** The longest text, in UTF-16 code units. */
const MAX_TEXT = 32_768;

/**
 * Writes text to standard error: the one way of this library to it.
 *
 * It never throws, whatever has become of standard error: Deno throws where the disk is full, and
 * there is nobody left to be told. (Node has an event for that instead, which the runtime room
 * hears.) Only text is printed, never an error: Deno crashes where it formats one while the process
 * has no file descriptor left.
 *
 * @param text One line, or several where all but the first are indented by four spaces, as
 * `describe` makes them. Any other line feed, and every other control character, becomes a space,
 * so that no text of a client's can begin a line.
 */
export function print(text: string): void {
  try {
    const lines = text.slice(0, MAX_TEXT).split(/\n(?= {4})/);
    console.error(lines.map((line) => withoutControls(line).trimEnd()).join("\n"));
  } catch {
    // Nobody can be told.
  }
}

/** Prints text as one line, and anything else as its description, in one line, too. */
export function printLine(message: unknown): void {
  print(lineOf(message));
}

/** Prints what was thrown, whatever it is. */
export function printThrown(thrown: unknown): void {
  print(describeThrown(thrown));
}
