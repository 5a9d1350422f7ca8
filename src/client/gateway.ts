import { printThrown } from "../log/print.ts";
import { tell } from "../log/tell.ts";
import type { ConnectAddress } from "../runtime/connect.ts";
import { checkHostname } from "../runtime/hostname.ts";
import { startHttpFront } from "../runtime/http/start_http_front.ts";
import { FastCgiClient } from "./fastcgi_client.ts";
import type { ClientOptions } from "./options.ts";
import { passOn } from "./pass_on.ts";

// As loaded: applications replace the global.
// Another name for what public types say, too: `deno doc --lint` takes it for a type of ours.
const { Promise: StandardPromise, Response } = globalThis;

/** The HTTP address of a gateway, and the application that it passes requests on to. */
export interface GatewayOptions extends ClientOptions {
  /** The address of the FastCGI application. */
  to: ConnectAddress;
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
  /**
   * Called with the cause of a 502.
   *
   * @default prints the error to standard error
   */
  onError?: (error: unknown, context: { readonly request: Request }) => void;
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
 * Starts an HTTP server that passes every request on to a FastCGI application, so that one can be
 * tried without a web server. It serves no files, and adds nothing to the application's responses:
 * in production, take nginx, Caddy or Apache.
 *
 * The application gets the parameters of nginx's stock `fastcgi_params`. If it cannot be reached,
 * or breaks off before its header block is complete, the response is 502; if it breaks off later,
 * the client's connection is closed.
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
 * @throws {TypeError} If the hostname is neither an IP address nor a host name, such as `""`.
 * @throws {Error} If the address cannot be listened on; `code` is `"EADDRINUSE"` if another program
 * is listening there.
 */
export async function serveGateway(options: GatewayOptions): Promise<Gateway> {
  const { to, port = 8000, hostname = "127.0.0.1", onError = printThrown, ...rest } = options;
  checkHostname(hostname, "start the gateway");
  const client = new FastCgiClient({ ...rest, ...to });
  const front = await startHttpFront({
    hostname,
    port,
    async handler(request, peer) {
      try {
        return await passOn(client, request, peer, front.addr);
      } catch (error) {
        if (!request.signal.aborted) tell(() => onError(error, { request }));
        return badGateway();
      }
    },
  });
  const { addr } = front;
  const host = addr.hostname.includes(":") ? `[${addr.hostname}]` : addr.hostname;
  const close = (): void => {
    front.close();
    client.close();
  };
  return {
    addr,
    url: `http://${host}:${addr.port}/`,
    async shutdown() {
      await front.shutdown();
      client.close();
    },
    close,
    [Symbol.asyncDispose]() {
      close();
      return StandardPromise.resolve();
    },
  };
}

function badGateway(): Response {
  return new Response("502 Bad Gateway\n\nThe application cannot be reached, or broke off.\n", {
    status: 502,
    headers: { "content-type": "text/plain; charset=utf-8" },
  });
}
