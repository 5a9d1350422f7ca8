/** Files in memory, with directories and symbolic links, for what is told by where they are. */
import { posix } from "node:path";
import type { Files, FoundFile } from "../../src/runtime/files.ts";

/** The content of a file, where a symbolic link leads, or the code of an error. */
export type MemoryFile = string | { readonly link: string } | { readonly error: string };

/** How many symbolic links one path may have, as on Linux. */
const MAX_LINKS = 40;

/** Files by their absolute paths. Directories are there because of what is in them. */
export function memoryFiles(tree: Record<string, MemoryFile>): Files & { looks: string[] } {
  const paths = Object.keys(tree);
  const isDirectory = (path: string) =>
    path === "/" || paths.some((other) => other.startsWith(`${path}/`));
  const looks: string[] = [];

  /** The path without symbolic links; `undefined` if there is nothing. */
  const resolve = (path: string): string | undefined => {
    let links = 0;
    let left = path.split("/");
    let real = "";
    while (left.length > 0) {
      const name = left.shift()!;
      if (name === "" || name === ".") continue;
      if (name === "..") {
        real = real.slice(0, real.lastIndexOf("/"));
        continue;
      }
      const next = `${real}/${name}`;
      const entry = tree[next];
      if (typeof entry === "object" && "error" in entry) throw failure(entry.error);
      if (typeof entry === "object") {
        if (++links > MAX_LINKS) return undefined;
        if (entry.link.startsWith("/")) real = "";
        left = [...entry.link.split("/"), ...left];
        continue;
      }
      if (entry === undefined && !isDirectory(next)) return undefined;
      // Below a file, there is nothing.
      if (entry !== undefined && left.some((name) => name !== "")) return undefined;
      real = next;
    }
    return real === "" ? "/" : real;
  };

  const find = (path: string): FoundFile | undefined => {
    const real = resolve(path);
    if (real === undefined) return undefined;
    if (isDirectory(real)) return { kind: "directory", realPath: real };
    return path.endsWith("/") ? undefined : { kind: "file", realPath: real };
  };

  return {
    looks,
    absolute: (path) => posix.resolve("/", path),
    find(path) {
      looks.push(path);
      return find(path);
    },
    open() {
      throw new Error("Nothing is opened");
    },
  };
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}
