import { MAX_LOG_LINE } from "./limits.ts";

const encoder = new TextEncoder();

/**
 * One line for FCGI_STDERR, as UTF-8. Control characters become spaces: what a client sent must not be able to forge
 * lines in a web server's log.
 */
export function encodeLogLine(message: string): Uint8Array {
  const text = message.length > MAX_LOG_LINE ? `${message.slice(0, MAX_LOG_LINE)}…` : message;
  // deno-lint-ignore no-control-regex
  return encoder.encode(`${text.replace(/[\x00-\x1f\x7f]+/g, " ").trim()}\n`);
}

/** An error as one line: its stack where there is one, which begins with name and message in V8 but not in JavaScriptCore. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return `Uncaught ${String(error)}`;
  const title = `${error.name}: ${error.message}`;
  const stack = error.stack ?? "";
  return stack.startsWith(error.name) ? stack : `${title} ${stack}`;
}
