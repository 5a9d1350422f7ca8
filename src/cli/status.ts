/** `fcgi status`: how an application of `fcgi serve` is. */
import { ask } from "./ask.ts";
import type { Arguments, Command } from "./command.ts";
import { ExitCode } from "./exit_code.ts";
import { openMetricsOf } from "./status/open_metrics.ts";
import type { StatusReport } from "./status/report.ts";
import { textOf } from "./status/text.ts";
import { TARGET_OPTIONS, targetOf, timeoutIn, timeoutOption } from "./target.ts";
import type { Terminal } from "./terminal.ts";

const TIMEOUT = 2;

export const status: Command = {
  name: "status",
  summary: "say how an application of fcgi serve is",
  operands: [],
  options: [
    ...TARGET_OPTIONS,
    { name: "json", help: "as JSON, with php-fpm's names" },
    { name: "openmetrics", help: "as OpenMetrics, for Prometheus" },
    timeoutOption(TIMEOUT),
  ],
  examples: [
    ["fcgi status --socket /run/app/fcgi.sock", "how is it?"],
    ["fcgi status -c 9000 --json", "the same for a program"],
  ],
  run: runStatus,
};

function runStatus(args: Arguments, terminal: Terminal): Promise<number> {
  const timeout = timeoutIn(args, TIMEOUT);
  return ask("status", { address: targetOf(args), timeout }, terminal, async (answer) => {
    if (!Array.isArray(answer.processes)) {
      terminal.err("fcgi: The answer is no status: it is not served by fcgi serve");
      return ExitCode.FAILED;
    }
    await terminal.out(formatOf(args)(answer as unknown as StatusReport));
    return ExitCode.SUCCESS;
  });
}

function formatOf(args: Arguments): (report: StatusReport) => string {
  if (args.has("json")) return (report) => `${JSON.stringify(report, null, 2)}\n`;
  return args.has("openmetrics") ? openMetricsOf : textOf;
}
