/**
 * Resumes a listener on Deno after a failed accept(2). Deno's `node:net` polls a listener again
 * only if its last poll found nothing to accept. An accept(2) that fails returns something else,
 * and the error is lost: from then on every connection stays in the listen queue (Deno 2.9.6).
 *
 * No API is meant for that, but two calls have it polled, without other effects. A TCP listener is
 * polled by another `listen`. A Unix listener refuses that; a `connect` has it polled after the
 * attempt, which fails, since no socket has that name. With permission for the address of the
 * socket alone (`--allow-net=unix:...`) neither works.
 */
import type { Server } from "node:net";
import { isDeno, isGranted } from "../deno.ts";

/** The part of a listener's handle that is used, if it exists. */
interface Handle {
  listen?(backlog: number): number;
  connect?(request: { oncomplete(): void }, path: string): number;
}

/** The backlog, the most connections in the listen queue: the default of `listen`. */
const BACKLOG = 511;

/**
 * Returns a function that resumes a listener; `undefined` on the other runtimes, and where Deno
 * does not permit it.
 */
export function resumeOnDeno(server: Server): (() => void) | undefined {
  if (!isDeno) return undefined;
  const handle = () => (server as { _handle?: Handle | null })._handle;
  if (typeof server.address() === "object") return () => void handle()?.listen?.(BACKLOG);
  // Only permission for every address covers an unused name; otherwise Deno would prompt for it.
  const nobody = `\0${crypto.randomUUID()}`;
  return isGranted({ name: "net" })
    ? () => void handle()?.connect?.({ oncomplete() {} }, nobody)
    : undefined;
}
