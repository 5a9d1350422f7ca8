/** Modules that a command line names. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { isDirectory } from "./watch_files.ts";

/** What begins a specifier: `npm:`, `jsr:`, `https:`. One letter is a drive of Windows. */
const SCHEME = /^[a-z][a-z\d+.-]+:/i;
const EXTENSIONS = [".ts", ".js", ".mjs", ".tsx", ".jsx", ".mts"];

/** There is no such file; the message says so, and what may have been meant. */
export class NoFileError extends Error {
  override readonly name = "NoFileError";
}

/**
 * Loads a module by the path of its file, or by a specifier with a scheme. The path is not resolved
 * further: behind a symbolic link that is switched, the next process loads the new release.
 *
 * @throws {NoFileError} If there is no such file.
 */
export async function loadModule(name: string): Promise<unknown> {
  checkFile(name);
  return await import(isFileName(name) ? pathToFileURL(resolve(name)).href : name);
}

/**
 * Whether a name is that of a file, and not a specifier. A word alone is always a file: Bun would
 * look for a package of that name in the registry, and run what it finds.
 */
export function isFileName(name: string, directory = "."): boolean {
  return !SCHEME.test(name) || existsSync(resolve(directory, name));
}

/** @throws {NoFileError} If the name is one of a file that is not there. */
export function checkFile(name: string): void {
  if (!isFileName(name)) return;
  const path = resolve(name);
  if (isDirectory(path)) {
    throw new NoFileError(`${path} is a directory; name the file of the application in it`);
  }
  if (existsSync(path)) return;
  const extension = EXTENSIONS.find((extension) => existsSync(path + extension));
  const near = extension === undefined ? "" : `; did you mean ${name}${extension}?`;
  throw new NoFileError(`There is no file ${path}${near}`);
}
