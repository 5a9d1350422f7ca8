/** Command lines, cut into options and operands by `parseArgs` of `node:util`. */
import { parseArgs } from "node:util";

/** A piece of a command line: an option as it was written, or anything else. */
export type Token =
  | { kind: "option"; name: string; raw: string; value: string | undefined }
  | { kind: "operand"; value: string };

/** An option that has a value. */
export interface ValueOption {
  readonly name: string;
  readonly short?: string;
}

/**
 * Cuts a command line. Options that are not in the list are switches, and may be unknown; behind
 * `--` everything is an operand.
 */
export function parseTokens(args: readonly string[], options: readonly ValueOption[]): Token[] {
  const known = options.map(({ name, short }) =>
    [name, { type: "string" as const, ...short === undefined ? {} : { short } }] as const
  );
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(known),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  return tokens.flatMap((token): Token[] => {
    if (token.kind === "positional") return [{ kind: "operand", value: token.value }];
    if (token.kind !== "option") return [];
    return [{ kind: "option", name: token.name, raw: token.rawName, value: token.value }];
  });
}
