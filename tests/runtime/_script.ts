import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Program, spawnScript, type SpawnScriptOptions, tempDir } from "../_runtime.ts";

const MODULE = new URL("../../mod.ts", import.meta.url).href;

/** A program of a test's own, in a directory that goes with it. */
export interface Script extends AsyncDisposable {
  program: Program;
  /** The address in the line that `serve()` writes to stderr. */
  address(): Promise<{ transport: "tcp"; hostname: string; port: number }>;
}

/** Runs a program that imports `serve` and nothing else, on the runtime that runs the test. */
export async function runScript(
  source: string,
  args: string[] = [],
  options: SpawnScriptOptions = {},
): Promise<Script> {
  const directory = await tempDir();
  const file = join(directory.path, "app.ts");
  await writeFile(file, `import { serve } from ${JSON.stringify(MODULE)};\n${source}\n`);
  const env = { NO_COLOR: "1", FORCE_COLOR: undefined, ...options.env };
  const program = await spawnScript(file, args, { ...options, env });
  return {
    program,
    async address() {
      const [, hostname, port] = await program.waitForLine("stderr", /on \[?([^\s\]]+)\]?:(\d+)$/);
      return { transport: "tcp", hostname: hostname!, port: Number(port) };
    },
    async [Symbol.asyncDispose]() {
      await program[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}
