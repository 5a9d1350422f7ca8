/** Values of options in files of servers: quoted, or refused where no quotes help. */
import { UsageError } from "../command.ts";

/** What needs no quotes anywhere. */
const PLAIN = /^[\w./@-]+$/;
/** What would end the quotes, or the line. */
const NEVER = /["\\\p{Cc}]/u;

/**
 * Makes a function that puts a value in double quotes.
 *
 * @param server Whose file it is.
 * @param special The characters that mean something to it within quotes, too.
 * @param isAlways Whether its values are in quotes, plain or not.
 * @returns A function that throws a `UsageError` for a value with one of them; `what` names it, and
 * `scheme` comes before it.
 */
export function quoteFor(
  server: string,
  special: string,
  isAlways = false,
): (value: string, what: string, scheme?: string) => string {
  return (value, what, scheme = "") => {
    const bad = Array.from(value).find((char) => special.includes(char) || NEVER.test(char));
    if (bad === undefined) {
      const text = scheme + value;
      return PLAIN.test(value) && !isAlways ? text : `"${text}"`;
    }
    throw new UsageError(
      `${what} cannot be ${JSON.stringify(value)}: ${server} has no safe way to write ` +
        `${JSON.stringify(bad)}; choose a path without it`,
    );
  };
}

/** A word as a shell has it. */
export function shellWord(word: string): string {
  return /^[\w./@:=,+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
