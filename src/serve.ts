/**
 * `serve()`: it returns at once, as `Deno.serve` does; listening goes on behind it, and `ready` tells how that ended.
 */
import { CgiServer } from "./cgi_server.ts";
import { type FastCgiServer, Server } from "./fastcgi_server.ts";
import { serveOneCgiRequest } from "./serve_cgi.ts";
import { type ServeInit, type ServeOptions, targetOf } from "./serve_options.ts";
import type { ServeHandler } from "./server/handler.ts";
import { MAX_CONNECTIONS, MAX_REQUESTS } from "./server/limits.ts";
import { Service } from "./server/service.ts";

/**
 * Serves a fetch handler over FastCGI.
 *
 * Without an address it finds out how it was started: for one CGI request, which it answers on
 * standard output; with listening sockets, from systemd (`LISTEN_FDS`) or on descriptor 0, as
 * lighttpd, mod_fcgid and spawn-fcgi do it; or else by hand, and it listens on 127.0.0.1:9000.
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
 * Serves a fetch handler over FastCGI, on the address and with the limits that the options name.
 *
 * @throws {TypeError} If the options contradict each other, or there is no handler.
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
export function serve(options: ServeOptions, handler: ServeHandler): FastCgiServer;
/**
 * Serves the `fetch` method of an object over FastCGI, such as a module's default export.
 *
 * @throws {TypeError} If the options contradict each other, or there is no handler.
 *
 * @example The object that `deno serve` and Bun take, too
 * ```ts ignore
 * import { serve } from "@fastcgi/serve";
 *
 * const app = { fetch: () => new Response("Hello\n") };
 * export default app;
 * serve(app);
 * ```
 */
export function serve(init: ServeInit): FastCgiServer;
export function serve(
  first: ServeHandler | ServeOptions | ServeInit,
  second?: ServeHandler,
): FastCgiServer {
  const options = typeof first === "function" ? {} : first;
  const handler = typeof first === "function" ? first : second ?? fetchOf(first);
  if (typeof handler !== "function") {
    throw new TypeError("Cannot serve: there is no handler, as the last argument or as `fetch`");
  }
  const { maxConnections = MAX_CONNECTIONS, maxRequests = MAX_REQUESTS } = options;
  const service = new Service(handler, options, { maxConnections, maxRequests });
  const target = targetOf(options);
  if (target === undefined) {
    const answered = serveOneCgiRequest(handler, options);
    if (answered !== undefined) return new CgiServer(answered);
  }
  return new Server(service, target, options);
}

function fetchOf(init: ServeOptions | ServeInit): ServeHandler | undefined {
  if (!("fetch" in init) || typeof init.fetch !== "function") return undefined;
  return (request, info) => init.fetch(request, info);
}
