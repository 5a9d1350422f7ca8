/**
 * What becomes of standard error when it breaks, is full, or nobody has a file descriptor left:
 * nothing that ends the process. To import this file is to say so, once for the process.
 */
import process from "node:process";
import { guardStacks } from "../log/describe.ts";
import { print } from "../log/print.ts";

/** As much of Deno as is needed to ask. */
interface DenoMemory {
  memoryUsage(): { rss: number };
}

const { Deno: deno } = globalThis as { Deno?: DenoMemory };

if (deno === undefined) {
  if (!("Bun" in globalThis)) hearBrokenStandardError();
} else {
  guardStacks(mayReadStacksOn(deno));
}

/**
 * Node tells of a write that has failed by an event as well, some time later, which ends the
 * process if nobody hears it: the reader of the pipe has gone (EPIPE), the disk is full (ENOSPC).
 */
function hearBrokenStandardError(): void {
  try {
    process.stderr.on("error", () => {});
  } catch {
    // There is none.
  }
}

/**
 * Deno looks at the source of a module to format a stack, and crashes as a whole if it cannot open
 * the files that it needs for that (Deno 2.9.6). Whether one can be opened shows, without any
 * permission, in what it reads of /proc: nothing, if not.
 */
function mayReadStacksOn({ memoryUsage }: DenoMemory): () => boolean {
  // On a system without /proc it would always be nothing.
  return memoryUsage().rss > 0 ? () => memoryUsage().rss > 0 : () => true;
}

/** Ends the process with exit code 1, its reason being one line on standard error. */
export function failProgram(reason: string): void {
  print(reason);
  process.exit(1);
}
