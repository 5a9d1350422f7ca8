/**
 * Keeps a listening socket on a standard descriptor non-blocking for the other processes that share
 * it (`spawn-fcgi -F`, multiwatch). Node gives the descriptors 0 to 2 the flags back that they had
 * when it started. The others would then wait in accept(2) for a connection that one of them has
 * already taken, in the middle of their requests.
 *
 * Node leaves a descriptor alone that is closed, so it is closed just before. A signal that nothing
 * handles ends Node without the event, and that is left.
 */
import { closeSync } from "node:fs";
import process from "node:process";
import { isDeno } from "../deno.ts";

/** The descriptors whose flags Node restores. */
const LAST_STANDARD_FD = 2;

const kept = new Set<number>();

/** Does so for a descriptor that the program listens on, from now on. */
export function keepNonBlocking(fd: number): void {
  if (isDeno || fd > LAST_STANDARD_FD || kept.has(fd)) return;
  kept.add(fd);
  process.once("exit", () => {
    try {
      closeSync(fd);
    } catch {
      // The program has closed it.
    }
  });
}
