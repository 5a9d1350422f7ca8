/** The program `fcgi`: finds the command, reads its arguments, runs it. */
import { messageOf } from "../log/describe.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";
import { completions } from "./completions.ts";
import { dev } from "./dev.ts";
import { config } from "./config.ts";
import { ExitCode } from "./exit_code.ts";
import { get } from "./get.ts";
import { commandHelp, programHelp } from "./help.ts";
import { nearest } from "./nearest.ts";
import { parse, suggestion, variableOf } from "./parse.ts";
import { ping } from "./ping.ts";
import { reload } from "./reload.ts";
import { reopen } from "./reopen.ts";
import { serve, supervise } from "./serve.ts";
import { status } from "./status.ts";
import { stop } from "./stop.ts";
import type { Terminal } from "./terminal.ts";

/** Those that have to do with applications. */
const SERVING: readonly Command[] = [
  serve,
  dev,
  config,
  status,
  reload,
  reopen,
  stop,
  ping,
  get,
];

/** All commands, in the order of the help. */
export const COMMANDS: readonly Command[] = [...SERVING, completions(SERVING)];

/** Those that only `fcgi` itself runs. */
const INTERNAL: readonly Command[] = [supervise];

/** The version that `fcgi --version` prints; that of deno.json. */
export const VERSION = "0.1.0";

/**
 * Runs `fcgi`; never throws.
 *
 * @param args The arguments, without the runtime and the program.
 * @returns The exit code.
 */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    return await printHelp(name === "help" ? rest[0] : undefined, name === undefined, terminal);
  }
  if (name === "--version" || name === "-V" || name === "version") {
    await terminal.out(`fcgi ${VERSION}\n`);
    return ExitCode.SUCCESS;
  }
  const command = [...COMMANDS, ...INTERNAL].find((command) => command.name === name);
  if (command === undefined) return unknownCommand(name, terminal);
  let given: Arguments | undefined;
  try {
    given = parse(command, rest, (name) => terminal.variable(name));
    if (!given.has("help")) return await command.run(given, terminal);
    await terminal.out(`${commandHelp(command)}\n`);
    return ExitCode.SUCCESS;
  } catch (error) {
    terminal.err(`fcgi ${name}: ${messageOf(error)}`);
    if (!(error instanceof UsageError)) return ExitCode.FAILED;
    for (const option of given?.fromVariables ?? []) {
      if (!error.message.includes(`--${option}`)) continue;
      terminal.err(`The environment says --${option}, as ${variableOf({ name: option })}`);
    }
    terminal.err(`fcgi ${name} --help says more`);
    return ExitCode.USAGE;
  }
}

async function printHelp(
  name: string | undefined,
  isMistake: boolean,
  terminal: Terminal,
): Promise<number> {
  const command = COMMANDS.find((command) => command.name === name);
  if (name !== undefined && command === undefined) return unknownCommand(name, terminal);
  const help = command === undefined ? programHelp(COMMANDS) : commandHelp(command);
  if (!isMistake) {
    await terminal.out(`${help}\n`);
    return ExitCode.SUCCESS;
  }
  terminal.err(help);
  return ExitCode.USAGE;
}

function unknownCommand(name: string, terminal: Terminal): number {
  const near = nearest(name, COMMANDS.map((command) => command.name));
  terminal.err(
    name.startsWith("-")
      ? `fcgi: ${name} cannot come first: fcgi COMMAND [options]`
      : `fcgi: There is no command ${name}${suggestion(near)}`,
  );
  terminal.err("fcgi --help says what there is");
  return ExitCode.USAGE;
}
