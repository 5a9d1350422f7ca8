/** Modules that a command line names. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * Loads a module by the path of its file, or by any specifier that the runtime can import. The path
 * is not resolved further: behind a symbolic link that is switched, the next process loads the new
 * release.
 */
export async function loadModule(name: string): Promise<unknown> {
  return await import(isFileName(name) ? pathToFileURL(resolve(name)).href : name);
}

/** Whether a name is that of a file in a directory, and not a specifier. */
export function isFileName(name: string, directory = "."): boolean {
  return /^\.{0,2}\//.test(name) || existsSync(resolve(directory, name));
}
