/** `fcgi reload`: replaces the workers of `fcgi serve` by new ones, without losing a request. */
import { ask } from "./ask.ts";
import type { Arguments, Command } from "./command.ts";
import { ExitCode } from "./exit_code.ts";
import { TARGET_OPTIONS, targetOf, timeoutIn, timeoutOption } from "./target.ts";
import type { Terminal } from "./terminal.ts";

const TIMEOUT = 300;

export const reload: Command = {
  name: "reload",
  summary: "start the application anew, without losing a request",
  operands: [],
  options: [
    ...TARGET_OPTIONS,
    {
      name: "wait",
      help: "until it has succeeded; exit with 3 if the new application does not start",
    },
    timeoutOption(TIMEOUT),
  ],
  examples: [
    ["fcgi reload --socket /run/app/fcgi.sock --wait", "after a new release was put in place"],
  ],
  run: runReload,
};

function runReload(args: Arguments, terminal: Terminal): Promise<number> {
  const what = args.has("wait") ? "reload" : "reload-soon";
  const timeout = timeoutIn(args, TIMEOUT);
  return ask(what, { address: targetOf(args), timeout }, terminal, (answer) => {
    const { failure, error } = answer as { failure?: string | null; error?: string };
    if (failure || error) terminal.err(`fcgi: Not reloaded: ${failure || error}`);
    if (failure) {
      terminal.err("fcgi: The old one serves on; fcgi serve has printed what is wrong");
      return ExitCode.NOT_LOADED;
    }
    return error ? ExitCode.FAILED : ExitCode.SUCCESS;
  });
}
