/**
 * Serves an application, and answers `fcgi status` and `fcgi reload` beside it: FastCGI requests
 * with the parameter `FCGI_COMMAND`. No web server sends one by itself, and a header of a client is
 * `HTTP_…`: so no path of the application is taken, and nothing is reachable by HTTP.
 */
import { optionsIn, type ServeOptions } from "../serve/options.ts";
import { serveObserved } from "../serve/serve.ts";
import type { FastCgiServer } from "../serve/server.ts";
import type { ServeApplication } from "../server/application/handler.ts";
import type { EndedRequest, RequestObserver } from "../server/application/observer.ts";
import { handlerOf } from "../server/application/handler_of.ts";
import { answerOwn, isOwn, type OwnPaths } from "./own_paths.ts";

// As loaded: applications replace the global.
const { Response } = globalThis;

/** The parameter that asks the command, and not the application. */
export const COMMAND_PARAM = "FCGI_COMMAND";

/** The parameter of a request that `fcgi ping` sends. */
export const PROBE_PARAM = "FCGI_PROBE";

/** Answers a question with JSON. */
export type Answer = (what: string) => Promise<string>;

/** What is there beside the application. */
export interface Commands {
  readonly answer: Answer;
  /** Is told of every request but those of `fcgi` itself. */
  readonly log?: RequestObserver | undefined;
  readonly paths?: OwnPaths;
}

/** Serves an application with its own options and these, which prevail. */
export function serveWithCommands(
  application: ServeApplication,
  options: Record<string, unknown>,
  { answer, log, paths = {} }: Commands,
): FastCgiServer {
  const handler = handlerOf(application)!;
  const all = { ...optionsIn(application), ...options } as ServeOptions;
  return serveObserved(all, (request, info) => {
    const { params } = info;
    const what = params.get(COMMAND_PARAM);
    if (what !== undefined) return responseOf(answer(what));
    if (isOwn(params, paths)) return answerOwn(params, paths, () => answer("status"));
    return handler(request, info);
  }, log && without(log, (request) => isCommand(request) || isOwn(request.params, paths)));
}

function isCommand({ params }: EndedRequest): boolean {
  return params.has(COMMAND_PARAM) || params.has(PROBE_PARAM);
}

function without(
  log: RequestObserver,
  isLeftOut: (request: EndedRequest) => boolean,
): RequestObserver {
  return {
    begin() {
      const ended = log.begin();
      return (request) => {
        if (!isLeftOut(request)) ended(request);
      };
    },
  };
}

async function responseOf(answer: Promise<string>): Promise<Response> {
  return new Response(await answer, { headers: { "content-type": "application/json" } });
}
