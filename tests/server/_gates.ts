/**
 * Requests with bodies, and handlers that read them when the test says so.
 *
 * @module
 */
import { chunksOf, pattern } from "../_bytes.ts";
import type { ServeHandler } from "../../mod.ts";
import { path } from "./_handlers.ts";
import { Peer } from "./_peer.ts";
import { at, type RequestSpec, stdin } from "./_request.ts";

/** Bytes. */
export const KIB = 1024;

/** A POST to a path. */
export function post(uri: string, spec: RequestSpec = {}): RequestSpec {
  return at(uri, { method: "POST", ...spec });
}

/** Sends the body of a request in records of their own, without its end. */
export function sendBody(peer: Peer, id: number, size: number): void {
  for (const part of chunksOf(pattern(size), 32 * KIB)) void peer.send(stdin(part, id));
}

/** Handlers by path, each with gates that the test opens. */
export class Gates {
  readonly #gates = new Map<string, PromiseWithResolvers<void>>();

  of(name: string): PromiseWithResolvers<void> {
    let gate = this.#gates.get(name);
    if (gate === undefined) this.#gates.set(name, gate = Promise.withResolvers());
    return gate;
  }

  /**
   * Reads the body when its gate opens, and answers with its length; `/quick` at once with its
   * path.
   */
  readonly handler: ServeHandler = async (request, info) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/quick") return path(request, info);
    await this.of(pathname).promise;
    return new Response(`${(await request.arrayBuffer()).byteLength}`);
  };
}
