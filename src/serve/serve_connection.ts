/** `serveConnection()`: one connection, and the means of the runtime that it is served with. */
import { captureContext } from "../runtime/async_context.ts";
import type { ServeApplication, ServeHandler } from "../server/application/handler.ts";
import {
  serveConnection as serveStreams,
  type ServeConnectionOptions,
  type StreamPair,
} from "../server/serve_connection.ts";

/**
 * Serves FastCGI over one pair of byte streams, of any kind, until the connection has ended on both
 * sides.
 *
 * @param handler The handler, or an application: anything with a `fetch` method.
 * @returns A promise that resolves when both streams are closed and what was given to
 * `info.waitUntil` has settled. It does not reject: a connection that breaks is an ordinary end,
 * and failures go to `onError`.
 * @throws {TypeError} If the options contradict each other or have a name that is no option's, or
 * there is no handler.
 *
 * @example An application over streams
 * ```ts ignore
 * import { serveConnection } from "@fastcgi/serve";
 *
 * const listener = Deno.listen({ port: 9000 });
 * for await (const { readable, writable } of listener) {
 *   serveConnection({ readable, writable }, () => new Response("Hello\n"));
 * }
 * ```
 */
export function serveConnection(
  streams: StreamPair,
  handler: ServeHandler | ServeApplication,
  options: ServeConnectionOptions = {},
): Promise<void> {
  return serveStreams(streams, handler, options, captureContext());
}
