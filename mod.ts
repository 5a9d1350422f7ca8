/**
 * Serve a fetch handler over FastCGI, behind nginx, lighttpd, Apache, Caddy or HAProxy, on Deno,
 * Bun and Node.
 *
 * ```ts ignore
 * import { serve } from "@fastcgi/serve";
 *
 * serve((request) => new Response(`Hello from ${new URL(request.url).pathname}\n`));
 * ```
 *
 * {@link serve} listens on a Unix or TCP socket; {@link serveConnection} serves one pair of Web
 * Streams, wherever they come from. The wire format is in `@fastcgi/serve/protocol`, the web-server
 * half in `@fastcgi/serve/client`.
 *
 * @module
 */
// Where no package.json says that this file is a module, `tsc` with `verbatimModuleSyntax` takes it
// for CommonJS, in which nothing can be exported. For src/ there is one that says it.
export {
  // @ts-ignore: see above
  FastCgiError,
  type FastCgiErrorCode,
  type FastCgiErrorOptions,
} from "./src/protocol/errors.ts";
export type { FastCgiServer } from "./src/serve/server.ts";
// @ts-ignore: see above
export { serve } from "./src/serve/serve.ts";
export type {
  ListenOnDescriptor,
  ListenOnPath,
  ListenOnPort,
  ListenOptions,
} from "./src/serve/listen_options.ts";
export type { ServeAddress, ServeInit, ServeOptions, ServeSettings } from "./src/serve/options.ts";
export type {
  ErrorContext,
  ErrorHandler,
  RemoteAddress,
  ServeApplication,
  ServeHandler,
  ServeHandlerInfo,
  ServeRole,
} from "./src/server/application/handler.ts";
// @ts-ignore: see above
export { serveConnection } from "./src/serve/serve_connection.ts";
export type { ServerStats } from "./src/server/application/stats.ts";
export type { ServeConnectionOptions, StreamPair } from "./src/server/serve_connection.ts";
export type { ConnectionOptions } from "./src/server/application/connection_options.ts";
export type { ParamsView } from "./src/cgi/params.ts";
