/** Reads the arguments of a command by the table of its options. */
import { parseTokens, type Token } from "../runtime/arguments.ts";
import { type Arguments, type Command, type OptionSpec, UsageError } from "./command.ts";
import { nearest } from "./nearest.ts";

// As loaded: `fcgi serve` runs applications, which replace the global.
const { Map } = globalThis;

/** Options that every command has. */
export const COMMON_OPTIONS: readonly OptionSpec[] = [
  { name: "help", short: "h", help: "show this" },
];

/**
 * Reads arguments. An option that is not given has the value of its environment variable, such as
 * `FCGI_TIMEOUT`, if that is set and not empty.
 *
 * @throws {UsageError} If an option or an operand is unknown, missing or not one of its choices.
 */
export function parse(
  command: Command,
  args: readonly string[],
  variable: (name: string) => string | undefined,
): Arguments {
  const options = [...command.options, ...COMMON_OPTIONS];
  const given = new Map<string, string[]>();
  const operands: string[] = [];
  const passed: string[] = [];
  for (const token of parseTokens(args, options.filter((option) => option.value !== undefined))) {
    if (token.kind === "operand") operands.push(token.value);
    else if (command.passes?.test(token.raw)) passed.push(asWritten(token));
    else addOption(given, options, token);
  }
  let fromVariables: string[] = [];
  if (!given.has("help")) {
    checkOperands(command, operands);
    fromVariables = addVariables(given, options, variable);
  }
  return {
    operands,
    passed,
    fromVariables,
    raw: args,
    has: (name) => given.has(name),
    value: (name) => given.get(name)?.at(-1),
    values: (name) => given.get(name) ?? [],
  };
}

/** The environment variable of an option. */
export function variableOf(option: Pick<OptionSpec, "name">): string {
  return `FCGI_${option.name.toUpperCase().replaceAll("-", "_")}`;
}

function asWritten({ raw, value }: Token & { kind: "option" }): string {
  return value === undefined ? raw : `${raw}=${value}`;
}

function addOption(
  given: Map<string, string[]>,
  options: readonly OptionSpec[],
  { name, value, raw }: Token & { kind: "option" },
): void {
  const option = options.find((known) => known.name === name || known.short === name);
  if (option === undefined) throw unknownOption(raw, name, options);
  if (option.value === undefined) {
    if (value !== undefined) throw new UsageError(`--${option.name} takes no value`);
    given.set(option.name, []);
    return;
  }
  if (value === undefined) {
    throw new UsageError(`${raw} needs a value: --${option.name} ${option.value}`);
  }
  checkChoice(option, value, raw);
  const values = given.get(option.name);
  if (values === undefined) given.set(option.name, [value]);
  else if (option.isRepeated) values.push(value);
  else throw new UsageError(`--${option.name} is given twice`);
}

function addVariables(
  given: Map<string, string[]>,
  options: readonly OptionSpec[],
  variable: (name: string) => string | undefined,
): string[] {
  const added = [];
  for (const option of options) {
    if (option.value === undefined || option.isRepeated || given.has(option.name)) continue;
    const value = variable(variableOf(option));
    if (!value) continue;
    checkChoice(option, value, variableOf(option));
    given.set(option.name, [value]);
    added.push(option.name);
  }
  return added;
}

function checkChoice({ choices }: Pick<OptionSpec, "choices">, value: string, where: string): void {
  if (choices === undefined || choices.includes(value)) return;
  throw new UsageError(
    `${where} cannot be ${value}: it is one of ${choices.join(", ")}${
      suggestion(nearest(value, choices))
    }`,
  );
}

function checkOperands({ name, operands, options }: Command, given: readonly string[]): void {
  const missing = operands.slice(given.length).find((operand) => !operand.isOptional);
  if (missing !== undefined) {
    throw new UsageError(`${missing.name} is missing: fcgi ${name} ${missing.name}`);
  }
  for (const [index, { name, choices }] of operands.entries()) {
    const value = given[index];
    if (choices !== undefined && value !== undefined) checkChoice({ choices }, value, name);
  }
  const extra = given[operands.length];
  if (extra === undefined) return;
  const isReached = options.some((option) => option.name === "socket");
  throw new UsageError(
    `"${extra}" is one argument too many${isReached ? "; a socket is --socket PATH" : ""}`,
  );
}

function unknownOption(raw: string, name: string, options: readonly OptionSpec[]): UsageError {
  const known = options.map((option) => option.name);
  const near = options.find(({ synonyms }) => synonyms?.includes(name))?.name ??
    (raw.startsWith("--") ? nearest(name, known) : undefined);
  return new UsageError(`There is no option ${raw}${suggestion(near && `--${near}`)}`);
}

/** The end of a message: the word that was probably meant. */
export function suggestion(word: string | undefined): string {
  return word === undefined ? "" : `; did you mean ${word}?`;
}
