import { connect, type ConnectAddress } from "../runtime/connect.ts";
// Lines of `onStderr` are printed by default, and standard error may be broken.
import "../runtime/standard_error.ts";
import { TemporaryFile } from "../runtime/temporary_file.ts";
import type { ByteStreams } from "./byte_streams.ts";
import { StreamClient } from "./client.ts";
import type { ClientOptions } from "./options.ts";

/**
 * The address of the application, or a function that connects to it, and the options of all
 * requests.
 */
export type FastCgiClientOptions =
  & ClientOptions
  & (ConnectAddress | { connect: () => Promise<ByteStreams> });

/**
 * A FastCGI client for the application behind one address.
 *
 * @example Usage
 * ```ts
 * import { serve } from "@fastcgi/serve";
 * import { FastCgiClient } from "@fastcgi/serve/client";
 *
 * await using application = serve({ port: 0 }, (request) => new Response(`You sent ${request.url}`));
 * await using client = new FastCgiClient(await application.ready);
 *
 * const response = await client.fetch(new Request("http://example.org/app?page=2"));
 * console.log(response.status, await response.text()); // 200 You sent http://example.org/app?page=2
 * ```
 */
export class FastCgiClient extends StreamClient {
  /** Creates a client; it connects at the first request. */
  constructor(options: FastCgiClientOptions) {
    super({
      openSpool: () => TemporaryFile.open(),
      ...options,
      connect: "connect" in options ? options.connect : () => connect(options),
    });
  }
}
