/** `fcgi reopen`: lets `fcgi serve` open its logs again, after they were rotated. */
import { ask } from "./ask.ts";
import type { Arguments, Command } from "./command.ts";
import { ExitCode } from "./exit_code.ts";
import { secondsOf } from "./numbers.ts";
import { TARGET_OPTIONS, targetOf } from "./target.ts";
import type { Terminal } from "./terminal.ts";

const TIMEOUT = 5;

export const reopen: Command = {
  name: "reopen",
  summary: "open the logs again, after they were renamed",
  operands: [],
  options: [
    ...TARGET_OPTIONS,
    {
      name: "timeout",
      value: "SECONDS",
      fallback: String(TIMEOUT),
      help: "give up after so long, and exit with 28",
    },
  ],
  examples: [["fcgi reopen --socket /run/app/fcgi.sock", "as postrotate of logrotate"]],
  run: runReopen,
};

function runReopen(args: Arguments, terminal: Terminal): Promise<number> {
  const timeout = secondsOf(args.value("timeout") ?? String(TIMEOUT));
  return ask("reopen", { address: targetOf(args), timeout }, terminal, ({ error }) => {
    if (error === undefined) return ExitCode.SUCCESS;
    terminal.err(`fcgi: Not reopened: ${error}`);
    return ExitCode.FAILED;
  });
}
