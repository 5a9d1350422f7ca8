import process from "node:process";
import { fileURLToPath } from "node:url";

/** The part of Deno that is used. */
interface DenoMain {
  readonly mainModule: string;
}

/**
 * The command line that runs this program once more, whoever runs it: the runtime and the program
 * by their absolute names, without the program's arguments. A service manager has another PATH, and
 * none of `~/.deno/bin`.
 */
export function ownCommand(): readonly string[] {
  const { Deno: deno } = globalThis as { Deno?: DenoMain };
  if (deno === undefined) return [process.execPath, ...process.execArgv, process.argv[1]!];
  const { mainModule } = deno;
  const main = mainModule.startsWith("file:") ? fileURLToPath(mainModule) : mainModule;
  return [process.execPath, "run", "-A", main];
}
