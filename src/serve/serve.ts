/**
 * `serve()`: it returns at once, as `Deno.serve` does, and opens its sockets asynchronously;
 * `ready` has the outcome.
 */
import { CgiServer } from "./cgi_server.ts";
import { type FastCgiServer, Server } from "./server.ts";
import { captureContext } from "../runtime/async_context.ts";
import { serveOneCgiRequest } from "./cgi_program.ts";
import { checkOptions, optionsIn, type ServeInit, type ServeOptions, targetOf } from "./options.ts";
import type { ServeApplication, ServeHandler } from "../server/application/handler.ts";
import { handlerOf } from "../server/application/handler_of.ts";
import { MAX_CONNECTIONS, MAX_REQUESTS } from "../server/application/limits.ts";
import type { RequestObserver } from "../server/application/observer.ts";
import { Service } from "../server/service.ts";

/**
 * Serves a fetch handler over FastCGI.
 *
 * Without an address it detects how the program was started: for one CGI request, which it answers
 * on standard output; with inherited listening sockets, from systemd (`LISTEN_FDS`) or on
 * descriptor 0, as from lighttpd, mod_fcgid and spawn-fcgi; or else by hand, and it listens on
 * 127.0.0.1:9000.
 *
 * @throws {TypeError} If the options contradict each other, or there is no handler.
 *
 * @example A FastCGI application
 * ```ts ignore
 * import { serve } from "@fastcgi/serve";
 *
 * serve((request) => new Response(`Hello from ${new URL(request.url).pathname}\n`));
 * ```
 */
export function serve(handler: ServeHandler): FastCgiServer;
/**
 * Serves a fetch handler, or an application (anything with a `fetch` method), over FastCGI, with
 * options: an address, limits and more.
 *
 * @throws {TypeError} If the options contradict each other or have an unknown name, or there is no
 * handler.
 *
 * @example On a Unix socket
 * ```ts ignore
 * import { serve } from "@fastcgi/serve";
 *
 * await using server = serve({ path: "/run/app/fcgi.sock" }, (_request, info) => {
 *   info.log("hello, error log");
 *   return Response.json({ client: info.remoteAddr.hostname });
 * });
 * await server.finished;
 * ```
 */
export function serve(
  options: ServeOptions,
  handler: ServeHandler | ServeApplication,
): FastCgiServer;
/**
 * Serves the `fetch` method of an object over FastCGI, such as a module's default export, with the
 * options beside it. Other properties, such as those for Bun or `deno serve`, are ignored.
 *
 * @throws {TypeError} If the options contradict each other, or there is no handler.
 *
 * @example The object that `deno serve` and Bun accept, too
 * ```ts ignore
 * import { serve } from "@fastcgi/serve";
 *
 * const app = { fetch: () => new Response("Hello\n") };
 * export default app;
 * serve(app);
 * ```
 */
export function serve(init: ServeInit): FastCgiServer;
/**
 * Serves an application of a framework over FastCGI: anything with a `fetch` method, called with
 * the request and its {@link ServeHandlerInfo}. Options go in a first argument before it: none are
 * read from an instance of a class.
 *
 * @example With Hono
 * ```ts ignore
 * import { serve } from "@fastcgi/serve";
 * import { Hono } from "hono";
 *
 * serve(new Hono().get("/", (c) => c.text("Hello\n")));
 * ```
 */
export function serve(application: ServeApplication): FastCgiServer;
export function serve(
  first: ServeHandler | ServeOptions | ServeInit | ServeApplication,
  second?: ServeHandler | ServeApplication,
): FastCgiServer {
  // First: with the arguments in the wrong order, the message is about a handler in place of
  // options.
  if (second !== undefined) checkOptions(first);
  const handler = handlerOf(second ?? first);
  if (handler === undefined) {
    throw new TypeError("Cannot serve: there is no handler, as the last argument or as `fetch`");
  }
  return start(second === undefined ? optionsIn(first) : first as ServeOptions, handler);
}

/**
 * Serves a handler, and tells an observer of every request.
 *
 * @throws {TypeError} As {@link serve}.
 */
export function serveObserved(
  options: ServeOptions,
  handler: ServeHandler,
  observer: RequestObserver | undefined,
): FastCgiServer {
  checkOptions(options);
  return start(options, handler, observer);
}

function start(
  options: ServeOptions,
  handler: ServeHandler,
  observer?: RequestObserver,
): FastCgiServer {
  const { maxConnections = MAX_CONNECTIONS, maxRequests = MAX_REQUESTS } = options;
  const service = new Service(
    handler,
    options,
    { maxConnections, maxRequests, observer },
    captureContext(),
  );
  const target = targetOf(options);
  if (target === undefined) {
    const answered = serveOneCgiRequest(handler, options, observer);
    if (answered !== undefined) return new CgiServer(answered);
  }
  return new Server(service, target, options);
}
