/**
 * Keeps the process alive when standard error is broken or full, or no file descriptor is left.
 * Importing this file sets that up, once for the process.
 */
import process from "node:process";
import { guardStacks } from "../log/describe.ts";
import { print } from "../log/print.ts";

/** The part of Deno that is used. */
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
 * Ignores write errors of standard error. Node also emits them as an `error` event, some time
 * later, which ends the process if it has no listener: the reader of the pipe has gone (EPIPE), the
 * disk is full (ENOSPC).
 */
function hearBrokenStandardError(): void {
  try {
    process.stderr.on("error", () => {});
  } catch {
    // There is no standard error.
  }
}

/**
 * Deno reads the source of a module to format a stack, and the process crashes if it cannot open
 * the files that it needs for that (Deno 2.9.6). Whether a file can be opened shows, without any
 * permission, in a value that it reads from /proc: 0 if not.
 */
function mayReadStacksOn({ memoryUsage }: DenoMemory): () => boolean {
  // On a system without /proc it would always be 0.
  return memoryUsage().rss > 0 ? () => memoryUsage().rss > 0 : () => true;
}

/** Ends the process with exit code 1, its reason being one line on standard error. */
export function failProgram(reason: string): void {
  print(reason);
  process.exit(1);
}
