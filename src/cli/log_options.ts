/** The options of `fcgi serve` that are about logs. */
import { messageOf } from "../log/describe.ts";
import { type Arguments, type OptionSpec, UsageError } from "./command.ts";
import type { LogSettings } from "./log/access_log.ts";
import { LogFormat, NAMED_FORMATS } from "./log/format.ts";
import { nearest } from "./nearest.ts";
import { numberOf } from "./numbers.ts";
import { suggestion } from "./parse.ts";
import type { Terminal } from "./terminal.ts";

export const LOG_OPTIONS: readonly OptionSpec[] = [
  {
    name: "access-log",
    value: "FORMAT",
    help: "write a line for each request: common, combined, json, or a format of your own with " +
      "the letters of php-fpm, such as '%R %t \"%m %r%Q%q\" %s %{milli}d'",
  },
  {
    name: "access-log-file",
    value: "PATH",
    fallback: "standard error",
    help: "the file of these lines; fcgi reopen, or SIGUSR1, opens it again after it was renamed",
  },
  {
    name: "slow",
    value: "MS",
    help: "write a line to standard error for each request that takes longer",
  },
];

/**
 * What is to be logged.
 *
 * @throws {UsageError} If the format has a mistake.
 */
export function logSettingsIn(args: Arguments, terminal: Terminal): LogSettings {
  const file = args.value("access-log-file");
  const format = args.value("access-log") ?? (file === undefined ? undefined : "common");
  if (format !== undefined) checkFormat(format);
  return {
    format,
    file: file === undefined ? undefined : terminal.absolute(file),
    slow: numberOf("slow", args.value("slow")),
  };
}

function checkFormat(format: string): void {
  try {
    new LogFormat(format);
  } catch (error) {
    const near = nearest(format, Object.keys(NAMED_FORMATS));
    throw new UsageError(`--access-log: ${messageOf(error)}${suggestion(near)}`);
  }
}
