/**
 * `serve()` in a plain CGI program: connects the environment and the standard streams of the
 * process to `server/`.
 */
import { environment, forgetProxyHeader, variable } from "../runtime/environment.ts";
import { endProgram, standardStreams } from "../runtime/standard_streams.ts";
import type { ServeHandler } from "../server/application/handler.ts";
import type { RequestObserver } from "../server/application/observer.ts";
import { isCgiEnvironment, serveCgi } from "../server/serve_cgi.ts";
import type { ConnectionOptions } from "../server/application/connection_options.ts";

/**
 * Answers the CGI request that this program was started for, and lets the program end: with exit
 * code 0, or with 1 if the response was not sent completely.
 *
 * @returns `undefined` if the program was not started for a CGI request. The promise rejects if it
 * was, but Deno has no permission to read the environment.
 */
export function serveOneCgiRequest(
  handler: ServeHandler,
  options: ConnectionOptions = {},
  observer?: RequestObserver,
): Promise<boolean> | undefined {
  return isCgiEnvironment(variable) ? serveThisProgram(handler, options, observer) : undefined;
}

async function serveThisProgram(
  handler: ServeHandler,
  options: ConnectionOptions,
  observer: RequestObserver | undefined,
): Promise<boolean> {
  const program = { env: environment(), ...standardStreams() };
  // `info.params` still has it, like every other variable.
  forgetProxyHeader();
  const isComplete = await serveCgi(program, handler, options, observer);
  endProgram(isComplete ? 0 : 1);
  return isComplete;
}
