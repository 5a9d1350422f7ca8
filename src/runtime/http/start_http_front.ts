/**
 * An HTTP server over `node:http`, which all three runtimes have, with the `Request` and `Response`
 * of the Fetch standard.
 *
 * `Deno.serve` and `Bun.serve` would cost 17 µs less for a request. But what they make of one is
 * not what a web server must know: Bun's loses the host of an absolute target, and the
 * Content-Length of a stream; Deno's tells that a client has gone with a signal that aborts after
 * every response, and prints a warning about that; both say that HEAD has a length of 0, and Deno's
 * never ends a 205.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { HttpFront, HttpFrontOptions } from "./http_front.ts";
import { toRequest } from "./incoming_request.ts";
import { sendResponse } from "./send_response.ts";

// As loaded: applications replace globals.
const { Promise, Response } = globalThis;

/**
 * Starts an HTTP server.
 *
 * @throws {Error} If the address cannot be listened on; `code` is `"EADDRINUSE"` if another program
 * is listening there.
 */
export function startHttpFront({ hostname, port, handler }: HttpFrontOptions): Promise<HttpFront> {
  // The default, five minutes for a request with its body, would end a large upload.
  const server = createServer({ requestTimeout: 0 }, (incoming, outgoing) => {
    outgoing.on("close", () => {
      // A closing server waits for idle kept connections too.
      if (!server.listening) server.closeIdleConnections();
    });
    const { remoteAddress = "", remotePort = 0 } = incoming.socket;
    const request = toRequest(incoming, outgoing);
    const answer = request === undefined
      ? Promise.resolve(badRequest())
      : handler(request, { hostname: remoteAddress, port: remotePort });
    answer.then((response) => sendResponse(response, outgoing, incoming.method))
      // The client has gone, or the body errored: in either case a truncated response must not look
      // complete.
      .catch(() => outgoing.destroy());
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, () => {
      const { address, port } = server.address() as AddressInfo;
      resolve({
        addr: { hostname: address, port },
        shutdown: () => new Promise((resolve) => server.close(() => resolve())),
        close() {
          server.close();
          server.closeAllConnections();
        },
      });
    });
  });
}

/**
 * The response to a request that the Fetch standard cannot express: a method like TRACE, a target
 * that is not a URL.
 */
function badRequest(): Response {
  return new Response("400 Bad Request\n", {
    status: 400,
    headers: { "content-type": "text/plain; charset=utf-8" },
  });
}
