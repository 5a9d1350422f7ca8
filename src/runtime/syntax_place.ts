/**
 * Where a module has a fault of syntax. Deno, Bun and Node (in TypeScript) say that with the error;
 * Node says nothing of a JavaScript module, and has to be asked.
 */
import { spawnSync } from "node:child_process";
import module from "node:module";
import { fileURLToPath } from "node:url";
import process from "node:process";
import { isDeno } from "./deno.ts";

/** The module that was loaded last: the one that cannot be read, if one cannot. */
let last: string | undefined;

/** Remembers, from now on, which module is being loaded. */
export function rememberModules(): void {
  if (isDeno || "Bun" in globalThis) return;
  module.registerHooks?.({
    load(url, context, next) {
      last = url;
      return next(url, context);
    },
  });
}

/** The first line of Node's own report on the module that was loaded last: `PATH:LINE`. */
export function syntaxPlace(): string | undefined {
  if (!last?.startsWith("file:")) return undefined;
  const { stderr } = spawnSync(process.execPath, ["--check", fileURLToPath(last)]);
  return /^.+:\d+$/m.exec(stderr?.toString() ?? "")?.[0];
}
