/**
 * Serves an application, and answers `fcgi status` and `fcgi reload` beside it: FastCGI requests
 * with the parameter `FCGI_COMMAND`. No web server sends one by itself, and a header of a client is
 * `HTTP_…`: so no path of the application is taken, and nothing is reachable by HTTP.
 */
import { optionsIn, type ServeOptions } from "../serve/options.ts";
import { serveObserved } from "../serve/serve.ts";
import type { FastCgiServer } from "../serve/server.ts";
import type { ServeApplication } from "../server/application/handler.ts";
import type { RequestObserver } from "../server/application/observer.ts";
import { handlerOf } from "../server/application/handler_of.ts";

// As loaded: applications replace the global.
const { Response } = globalThis;

/** The parameter that asks the command, and not the application. */
export const COMMAND_PARAM = "FCGI_COMMAND";

/** The parameter of a request that `fcgi ping` sends. */
export const PROBE_PARAM = "FCGI_PROBE";

/** Answers a question with JSON. */
export type Answer = (what: string) => Promise<string>;

/**
 * Serves an application with its own options and these, which prevail.
 *
 * @param log Is told of every request but those of `fcgi` itself.
 */
export function serveWithCommands(
  application: ServeApplication,
  options: Record<string, unknown>,
  answer: Answer,
  log?: RequestObserver,
): FastCgiServer {
  const handler = handlerOf(application)!;
  const all = { ...optionsIn(application), ...options } as ServeOptions;
  return serveObserved(all, (request, info) => {
    const what = info.params.get(COMMAND_PARAM);
    return what === undefined ? handler(request, info) : responseOf(answer(what));
  }, log && withoutOwn(log));
}

function withoutOwn(log: RequestObserver): RequestObserver {
  return {
    begin() {
      const ended = log.begin();
      return (request) => {
        const { params } = request;
        if (!params.has(COMMAND_PARAM) && !params.has(PROBE_PARAM)) ended(request);
      };
    },
  };
}

async function responseOf(answer: Promise<string>): Promise<Response> {
  return new Response(await answer, { headers: { "content-type": "application/json" } });
}
