/** The command lines by which a program starts itself again, on the same runtime. */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isDeno } from "./deno.ts";
import { isFileName } from "./load_module.ts";

/** Files in which Deno finds import maps and settings. */
const DENO_CONFIGS = ["deno.json", "deno.jsonc"];
/**
 * Node opens its inspector at a SIGUSR1 before a program can ignore it. With this no program ever
 * gets that signal: it is for workers alone, since a supervisor opens logs again then.
 */
const NO_INSPECTOR = "--disable-sigusr1";

/** The arguments of the runtime that run a module with these arguments. */
export function programCommand(module: string, args: readonly string[]): string[] {
  if (isDeno) return ["run", "-A", module, ...args];
  return [...process.execArgv, fileURLToPath(module), ...args];
}

/**
 * The arguments of the runtime that run `start`, a module that exports `startWorker(settings,
 * application)`, with an application.
 *
 * On Deno the program is made of text that imports both: so it takes the permissions of `flags`
 * alone, and none to read the modules of the application.
 */
export function workerCommand(
  start: string,
  { app, directory }: { app: string; directory: string },
  settings: unknown,
  flags: readonly string[],
): string[] {
  if (!isDeno) return [...inspectorFlags(), ...programCommand(start, [JSON.stringify(settings)])];
  const text = `import { startWorker } from ${JSON.stringify(start)};
import * as application from ${JSON.stringify(urlOf(app, directory))};
startWorker(${JSON.stringify(settings)}, application);
`;
  return [
    "run",
    ...flags,
    ...denoConfig(app, directory),
    `data:application/typescript,${encodeURIComponent(text)}`,
  ];
}

/**
 * The arguments of the runtime that run a program which loads an application itself, with every
 * permission. Its argument are the settings.
 */
export function loaderCommand(
  start: string,
  { app, directory }: { app: string; directory: string },
  settings: unknown,
): string[] {
  if (!isDeno) return programCommand(start, [JSON.stringify(settings)]);
  return ["run", "-A", ...denoConfig(app, directory), start, JSON.stringify(settings)];
}

function inspectorFlags(): string[] {
  return process.allowedNodeEnvironmentFlags?.has(NO_INSPECTOR) ? [NO_INSPECTOR] : [];
}

/** The settings that the application has on its own: those nearest above it. */
function denoConfig(app: string, from: string): string[] {
  if (!isFileName(app, from)) return [];
  for (let directory = dirname(resolve(from, app));; directory = dirname(directory)) {
    const found = DENO_CONFIGS.map((name) => join(directory, name)).find((name) =>
      existsSync(name)
    );
    if (found !== undefined) return ["--config", found];
    if (directory === dirname(directory)) return [];
  }
}

function urlOf(app: string, from: string): string {
  return isFileName(app, from) ? pathToFileURL(resolve(from, app)).href : app;
}
