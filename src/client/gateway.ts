import { printThrown } from "../log/print.ts";
import { files } from "../runtime/files.ts";
import { FastCgiClient } from "./fastcgi_client.ts";
import { type GatewayOptions, readOptions } from "./gateway/options.ts";
import type { GatewayPeer } from "./gateway/peer.ts";
import { Site } from "./gateway/site.ts";

// As loaded: applications replace the global.
// Another name for what public types say, too: `deno doc --lint` takes it for a type of ours.
const { Promise: StandardPromise } = globalThis;

/** A fetch handler in front of a FastCGI application. */
export interface GatewayHandler extends AsyncDisposable {
  /**
   * Answers a request. It never rejects.
   *
   * @param info What the HTTP server gives a handler beside the request: the client's address is
   * found there, or in `request.ip` (srvx, h3). Without either, `REMOTE_ADDR` is empty.
   */
  (request: Request, info?: unknown): Promise<Response>;
  /** Closes every connection to the application at once. Requests in flight fail. */
  close(): void;
}

/** A gateway without an HTTP server. */
export interface GatewaySite {
  respond(request: Request, info?: unknown, own?: GatewayPeer): Promise<Response>;
  close(): void;
}

/** Joins a site to the files of this machine and to an application. */
export function openSite(options: GatewayOptions): GatewaySite {
  const { to, onError = printThrown, params: _, ...client } = options;
  const settings = readOptions(options, files);
  const connections = new FastCgiClient({ ...client, ...to });
  const site = new Site(connections, settings, onError);
  return {
    respond: (request, info, own) => site.respond(request, info, own),
    close: () => connections.close(),
  };
}

/**
 * Makes a fetch handler that passes requests on to a FastCGI application, and serves the files
 * beside it: for `Deno.serve`, `Bun.serve`, Hono, h3, and whatever takes a function of a `Request`.
 *
 * With `root`, it is a website of PHP:
 *
 * ```ts ignore
 * Deno.serve(gateway({ to: { path: "/run/php/php-fpm.sock" }, root: "/srv/www" }));
 * ```
 *
 * with a front controller as of WordPress or Laravel, if `try` names it: `["$uri", "$uri/",
 * "/index.php"]`. With `scriptName` it is an application of Python, Perl, Ruby or Go; with neither,
 * all requests are passed on with the parameters of nginx's stock `fastcgi_params`.
 *
 * Files are given out with a type, an entity tag and a date; conditional requests and ranges are
 * answered (RFC 9110, sections 8.8, 13 and 14). What cannot be answered is a status: 400 for a Host
 * that is no authority, and for a zero byte in the path; 403 for a file that must not be read; 404;
 * 405 for a file and any method but GET and HEAD; 413 if the body is more than `maxBodyBytes`; 502
 * if the application cannot be reached or breaks off before its header block is complete, later the
 * body errors; 503 if too many requests wait for it; 504 if it takes too long.
 *
 * `request.signal` is how it learns that a client has gone. `Deno.serve` prints a warning when that
 * is read, unless Deno is started with `--unstable-no-legacy-abort`.
 *
 * @example Usage: one handler for Deno.serve, Bun.serve and Hono
 * ```ts
 * import { serve } from "@fastcgi/serve";
 * import { gateway } from "@fastcgi/serve/client";
 *
 * await using application = serve({ port: 0 }, (_, info) => new Response(`Hello ${info.pathInfo}\n`));
 * await using handler = gateway({ to: await application.ready, scriptName: "" });
 *
 * // Deno.serve(handler);
 * // Bun.serve({ fetch: handler });
 * // new Hono().all("/app/*", (c) => handler(c.req.raw, c.env));
 * const response = await handler(new Request("http://localhost/world"));
 * console.log(await response.text()); // Hello /world
 * ```
 *
 * @throws {TypeError} If an option cannot be meant so.
 */
export function gateway(options: GatewayOptions): GatewayHandler {
  const site = openSite(options);
  const { close } = site;
  return Object.assign(
    (request: Request, info?: unknown) => site.respond(request, info),
    {
      close,
      [Symbol.asyncDispose]() {
        close();
        return StandardPromise.resolve();
      },
    },
  );
}
