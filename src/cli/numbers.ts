/** Numbers that options have. */
import { UsageError } from "./command.ts";

/** The longest time that an option takes: a day. */
const MAX_SECONDS = 86_400;

/**
 * Reads a whole number; `undefined` if there is no text.
 *
 * @param name The option, without its dashes.
 * @throws {UsageError} If it is not one, from 0 on.
 */
export function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError(`--${name} cannot be ${text}: it is a whole number, 0 or more`);
}

/**
 * Reads the value of `--timeout`.
 *
 * @throws {UsageError} Unless it is a number of seconds, more than 0 and at most a day.
 */
export function secondsOf(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= MAX_SECONDS)) {
    throw new UsageError(`--timeout cannot be ${text}: it is a number of seconds, more than 0`);
  }
  return seconds;
}
