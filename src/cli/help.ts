/** The help of `fcgi` and of its commands, as text. */
import type { Command, OptionSpec } from "./command.ts";
import { COMMON_OPTIONS, variableOf } from "./parse.ts";

// As loaded: `fcgi serve` runs applications, which replace the global.
const { Map } = globalThis;

/** The width of the help, in columns. */
const WIDTH = 80;
const INDENT = "  ";

/** The help of the program: what there is. */
export function programHelp(commands: readonly Command[]): string {
  const rows = commands.map(({ name, summary }) => [name, summary] as const);
  return [
    "fcgi: FastCGI applications from the command line",
    "",
    "Usage: fcgi COMMAND [options]",
    "",
    "Commands:",
    ...columns(rows),
    "",
    "fcgi COMMAND --help says more; fcgi --version says which this is.",
  ].join("\n");
}

/** The help of one command: examples first, then every option with its default. */
export function commandHelp(command: Command): string {
  const operands = command.operands.map(({ name, isOptional }) => isOptional ? `[${name}]` : name);
  return [
    `fcgi ${command.name}: ${command.summary}`,
    "",
    `Usage: fcgi ${[command.name, ...operands].join(" ")} [options]`,
    "",
    "Examples:",
    ...command.examples.flatMap(([line, what]) => [`${INDENT}# ${what}`, `${INDENT}${line}`]),
    "",
    ...optionTable([...command.options, ...COMMON_OPTIONS]),
    ...variableHint(command),
  ].join("\n");
}

/** The options in their groups, each with columns of its own. */
function optionTable(options: readonly OptionSpec[]): string[] {
  const groups = Map.groupBy(options, ({ group = "Options" }) => group);
  return [...groups].flatMap(([name, options]) => [
    `${name}:`,
    ...columns(options.map((option) => [flagsOf(option), describe(option)])),
    "",
  ]);
}

function variableHint({ options }: Command): string[] {
  const example = options.find(({ value, isRepeated }) => value !== undefined && !isRepeated);
  if (example === undefined) return [];
  return wrap(
    "Every option with a value can be an environment variable, too: " +
      `${variableOf(example)} for --${example.name}.`,
    WIDTH,
  );
}

function flagsOf({ name, short, value }: OptionSpec): string {
  const long = value === undefined ? `--${name}` : `--${name} ${value}`;
  return short === undefined ? `    ${long}` : `-${short}, ${long}`;
}

function describe({ help, fallback, choices, isRepeated }: OptionSpec): string {
  const notes = [
    ...choices === undefined ? [] : [choices.join(", ")],
    ...fallback === undefined ? [] : [`default: ${fallback}`],
    ...isRepeated ? ["may be repeated"] : [],
  ];
  return notes.length === 0 ? help : `${help} (${notes.join("; ")})`;
}

/** Two columns, the second one wrapped. */
function columns(
  rows: readonly (readonly [string, string])[],
): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.flatMap(([left, right]) => {
    const [first = "", ...rest] = wrap(right, WIDTH - width - 2 * INDENT.length);
    const margin = " ".repeat(width + 2 * INDENT.length);
    return [
      INDENT + left.padEnd(width) + INDENT + first,
      ...rest.map((line) => margin + line),
    ];
  });
}

/** Breaks text between words. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}
