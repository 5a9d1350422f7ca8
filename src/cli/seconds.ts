import { UsageError } from "./command.ts";

/** The longest time that an option takes: a day. */
const MAX_SECONDS = 86_400;

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
