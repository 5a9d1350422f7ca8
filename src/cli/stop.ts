/** `fcgi stop`: ends `fcgi serve` when it has answered what it has begun. */
import { ask } from "./ask.ts";
import type { Arguments, Command } from "./command.ts";
import { ExitCode } from "./exit_code.ts";
import { TARGET_OPTIONS, targetOf, timeoutIn, timeoutOption } from "./target.ts";
import type { Terminal } from "./terminal.ts";

const TIMEOUT = 60;

export const stop: Command = {
  name: "stop",
  summary: "end what has a --control socket, its requests answered",
  operands: [],
  options: [
    ...TARGET_OPTIONS,
    timeoutOption(TIMEOUT),
  ],
  examples: [["fcgi stop --socket /run/app/control.sock", "as SIGTERM does, and waits"]],
  run: runStop,
};

function runStop(args: Arguments, terminal: Terminal): Promise<number> {
  const timeout = timeoutIn(args, TIMEOUT);
  return ask("stop", { address: targetOf(args), timeout }, terminal, ({ outcome, error }) => {
    if (outcome === "stopped") return ExitCode.SUCCESS;
    terminal.err(
      error === undefined
        ? "fcgi: It has ended, but not all requests were answered"
        : `fcgi: Not stopped: ${error}`,
    );
    return ExitCode.FAILED;
  });
}
