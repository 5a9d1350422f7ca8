/**
 * Deno's `node:net` polls a listener again only when its last poll says that there is nothing to
 * accept. An accept(2) that fails says something else, and nobody hears of it: from then on
 * everybody waits for ever (Deno 2.9.6).
 *
 * No call is meant for it, but two have it polled, and nothing else. Told once more to listen, a
 * TCP listener is. One of a Unix socket refuses that; told to connect, it is polled behind the
 * attempt, which fails, for nobody has that name. With permission for the address of that socket
 * alone (`--allow-net=unix:...`) there is no help.
 */
import type { Server } from "node:net";
import { isDeno, isGranted } from "../deno.ts";

/** As much of a listener's handle as is used, if it is there. */
interface Handle {
  listen?(backlog: number): number;
  connect?(request: { oncomplete(): void }, path: string): number;
}

/** How many connections may wait: what `listen` asks for without a word. */
const BACKLOG = 511;

/**
 * Returns what has a listener polled again; `undefined` on the other runtimes, and where Deno does
 * not let it.
 */
export function resumeOnDeno(server: Server): (() => void) | undefined {
  if (!isDeno) return undefined;
  const handle = () => (server as { _handle?: Handle | null })._handle;
  if (typeof server.address() === "object") return () => void handle()?.listen?.(BACKLOG);
  // Only with permission for every address is there one for a name that nobody has; Deno would ask
  // a person for it.
  const nobody = `\0${crypto.randomUUID()}`;
  return isGranted({ name: "net" })
    ? () => void handle()?.connect?.({ oncomplete() {} }, nobody)
    : undefined;
}
