/**
 * Serves an application, and answers `fcgi status` and `fcgi reload` beside it: FastCGI requests
 * with the parameter `FCGI_COMMAND`. No web server sends one by itself, and a header of a client is
 * `HTTP_…`: so no path of the application is taken, and nothing is reachable by HTTP.
 */
import { optionsIn, type ServeOptions } from "../serve/options.ts";
import { serve } from "../serve/serve.ts";
import type { FastCgiServer } from "../serve/server.ts";
import type { ServeApplication } from "../server/application/handler.ts";
import { handlerOf } from "../server/application/handler_of.ts";

// As loaded: applications replace the global.
const { Response } = globalThis;

/** The parameter that asks the command, and not the application. */
export const COMMAND_PARAM = "FCGI_COMMAND";

/** Answers a question with JSON. */
export type Answer = (what: string) => Promise<string>;

/** Serves an application with its own options and these, which prevail. */
export function serveWithCommands(
  application: ServeApplication,
  options: Record<string, unknown>,
  answer: Answer,
): FastCgiServer {
  const handler = handlerOf(application)!;
  return serve({ ...optionsIn(application), ...options } as ServeOptions, (request, info) => {
    const what = info.params.get(COMMAND_PARAM);
    return what === undefined ? handler(request, info) : responseOf(answer(what));
  });
}

async function responseOf(answer: Promise<string>): Promise<Response> {
  return new Response(await answer, { headers: { "content-type": "application/json" } });
}
