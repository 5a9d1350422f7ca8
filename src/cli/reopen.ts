/** `fcgi reopen`: lets `fcgi serve` open its logs again, after they were rotated. */
import { ask } from "./ask.ts";
import type { Arguments, Command } from "./command.ts";
import { ExitCode } from "./exit_code.ts";
import { TARGET_OPTIONS, targetOf, timeoutIn, timeoutOption } from "./target.ts";
import type { Terminal } from "./terminal.ts";

const TIMEOUT = 5;

export const reopen: Command = {
  name: "reopen",
  summary: "open the logs again, after they were renamed",
  operands: [],
  options: [
    ...TARGET_OPTIONS,
    timeoutOption(TIMEOUT),
  ],
  examples: [["fcgi reopen --socket /run/app/fcgi.sock", "as postrotate of logrotate"]],
  run: runReopen,
};

function runReopen(args: Arguments, terminal: Terminal): Promise<number> {
  const timeout = timeoutIn(args, TIMEOUT);
  return ask("reopen", { address: targetOf(args), timeout }, terminal, ({ error }) => {
    if (error === undefined) return ExitCode.SUCCESS;
    terminal.err(`fcgi: Not reopened: ${error}`);
    return ExitCode.FAILED;
  });
}
