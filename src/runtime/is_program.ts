import { realpathSync } from "node:fs";
import process from "node:process";
import { pathToFileURL } from "node:url";

/** Whether a module is the program, and was not imported by another; for Node before 24.2, too. */
export function isProgram(meta: { readonly url: string; readonly main?: boolean }): boolean {
  if (meta.main !== undefined) return meta.main;
  const [, script] = process.argv;
  try {
    return script !== undefined && pathToFileURL(realpathSync(script)).href === meta.url;
  } catch {
    return false;
  }
}
