/**
 * A file that is open for appending, and writes in the background on every runtime. On Deno only
 * its own files do that: those of `node:fs` there write at once, whatever that takes (Deno 2.9.6).
 */
import { closeSync, openSync, write, writeSync } from "node:fs";
import { isGranted } from "./deno.ts";

// As loaded: applications replace the global.
const { Promise } = globalThis;

export interface AppendFile {
  /** Writes bytes, or as many of them as the system takes now; resolves with the number. */
  write(bytes: Uint8Array): Promise<number>;
  /** The same at once. */
  writeSync(bytes: Uint8Array): number;
  close(): void;
}

/** The part of Deno that is used. */
interface DenoFiles {
  openSync(path: string, options: { append: true; create: true; mode: number }): AppendFile;
  stderr: AppendFile;
}

const { Deno: deno } = globalThis as { Deno?: DenoFiles };

/** Logs have addresses of people in them. */
const MODE = 0o640;
const STANDARD_ERROR = 2;

/** Opens a file, which is made if it is not there; standard error without a path. */
export function openToAppend(path: string | undefined): AppendFile {
  if (path === undefined) return deno?.stderr ?? ofDescriptor(STANDARD_ERROR);
  if (!isGranted({ name: "write", path })) {
    throw new Error(`Deno may not write to it. Run deno with --allow-write=${path}`);
  }
  return deno?.openSync(path, { append: true, create: true, mode: MODE }) ??
    ofDescriptor(openSync(path, "a", MODE));
}

function ofDescriptor(descriptor: number): AppendFile {
  return {
    write(bytes) {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      write(descriptor, bytes, 0, bytes.length, null, (error, length) => {
        if (error === null) resolve(length);
        else reject(error);
      });
      return promise;
    },
    writeSync: (bytes) => writeSync(descriptor, bytes),
    close: () => closeSync(descriptor),
  };
}
