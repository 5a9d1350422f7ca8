import { checkHostname } from "../runtime/hostname.ts";
import { startHttpFront } from "../runtime/http/start_http_front.ts";
import { openSite } from "./gateway.ts";
import type { GatewayOptions } from "./gateway/options.ts";

// As loaded: applications replace the global.
// Another name for what public types say, too: `deno doc --lint` takes it for a type of ours.
const { Promise: StandardPromise } = globalThis;

/** The HTTP address of a gateway, and what it has behind it. */
export interface ServeGatewayOptions extends GatewayOptions {
  /**
   * The HTTP port to listen on; 0 takes a free one.
   *
   * @default 8000
   */
  port?: number;
  /**
   * The address to listen on. The default is reachable from this machine only.
   *
   * @default "127.0.0.1"
   */
  hostname?: string;
}

/** A running gateway. */
export interface Gateway extends AsyncDisposable {
  /** The hostname and port that it listens on. */
  readonly addr: { readonly hostname: string; readonly port: number };
  /** The address to open in a browser, such as `http://127.0.0.1:8000/`. */
  readonly url: string;
  /** Stops listening, and resolves when the requests in flight have been answered. */
  shutdown(): Promise<void>;
  /** Stops listening, and closes every connection at once. */
  close(): void;
}

/**
 * Starts an HTTP server on {@link "./gateway.ts".gateway}, so that an application can be used
 * without a web server. It adds nothing to the application's responses, and knows no TLS: on the
 * internet, put nginx, Caddy or Apache in front of it, or in its place.
 *
 * The application gets the parameters of nginx's stock `fastcgi_params`. If it breaks off behind
 * its header block, the client's connection is closed.
 *
 * @example Usage
 * ```ts
 * import { serve } from "@fastcgi/serve";
 * import { serveGateway } from "@fastcgi/serve/client";
 *
 * await using application = serve({ port: 0 }, () => new Response("Hello from behind FastCGI\n"));
 * await using gateway = await serveGateway({ port: 0, to: await application.ready });
 *
 * console.log(await (await fetch(gateway.url)).text());
 * ```
 *
 * @throws {TypeError} If the hostname is neither an IP address nor a host name, such as `""`, or
 * another option cannot be meant so.
 * @throws {Error} If the address cannot be listened on; `code` is `"EADDRINUSE"` if another program
 * is listening there.
 */
export async function serveGateway(options: ServeGatewayOptions): Promise<Gateway> {
  const { port = 8000, hostname = "127.0.0.1", ...rest } = options;
  checkHostname(hostname, "start the gateway");
  const site = openSite(rest);
  const front = await startHttpFront({
    hostname,
    port,
    handler: (request, remoteAddr) => site.respond(request, { remoteAddr }, front.addr),
  });
  const { addr } = front;
  const host = addr.hostname.includes(":") ? `[${addr.hostname}]` : addr.hostname;
  const close = (): void => {
    front.close();
    site.close();
  };
  return {
    addr,
    url: `http://${host}:${addr.port}/`,
    async shutdown() {
      await front.shutdown();
      site.close();
    },
    close,
    [Symbol.asyncDispose]() {
      close();
      return StandardPromise.resolve();
    },
  };
}
