/** Asks a server of `fcgi serve` something that is not for its application. */
import { ExitCode } from "./exit_code.ts";
import { COMMAND_PARAM } from "./serve_with_commands.ts";
import type { Terminal } from "./terminal.ts";
import { type Reach, withClient } from "./with_client.ts";

// As loaded: `fcgi serve` runs applications, which replace the global.
const { Request } = globalThis;

/** Asks, and passes the answer on; returns the exit code. */
export function ask(
  what: string,
  reach: Reach,
  terminal: Terminal,
  use: (answer: Record<string, unknown>) => number | Promise<number>,
): Promise<number> {
  return withClient(reach, terminal, async (client, signal) => {
    const params = { [COMMAND_PARAM]: what };
    const response = await client.fetch(new Request("http://localhost/"), { params, signal });
    const answer = objectIn(await response.text());
    if (answer !== undefined) return await use(answer);
    terminal.err("fcgi: The answer is the application's own: it is not served by fcgi serve");
    return ExitCode.FAILED;
  });
}

/** The object in an answer; `undefined` if it is something else. */
function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null
      ? value as Record<string, unknown>
      : undefined;
  } catch {
    return undefined;
  }
}
