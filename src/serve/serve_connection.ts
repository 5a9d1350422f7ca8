/** `serveConnection()`: serves one connection, with the async context of the runtime. */
import { captureContext } from "../runtime/async_context.ts";
import type { ServeApplication, ServeHandler } from "../server/application/handler.ts";
import {
  serveConnection as serveStreams,
  type ServeConnectionOptions,
  type StreamPair,
} from "../server/serve_connection.ts";

/**
 * Serves FastCGI over one pair of byte streams, of any kind, until both sides of the connection are
 * closed.
 *
 * @param handler The handler, or an application: anything with a `fetch` method.
 * @returns A promise that resolves when both streams are closed and the promises of
 * `info.waitUntil` have settled. It does not reject: a broken connection is an ordinary end, and
 * failures go to `onError`.
 * @throws {TypeError} If the options contradict each other or have an unknown name, or there is no
 * handler.
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
