import type { HttpFront, HttpFrontOptions } from "./http_front.ts";

/**
 * Starts an HTTP server.
 *
 * @throws {Error} If the address cannot be listened on; `code` is `"EADDRINUSE"` if another program
 * is listening there.
 */
export async function startHttpFront(options: HttpFrontOptions): Promise<HttpFront> {
  if ("Deno" in globalThis) return (await import("./http_front_deno.ts")).startOnDeno(options);
  if ("Bun" in globalThis) return (await import("./http_front_bun.ts")).startOnBun(options);
  return (await import("./http_front_node.ts")).startOnNode(options);
}
