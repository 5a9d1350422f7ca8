/** Other programs: where they are, what comes of a run, and files for them that do not stay. */
import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";

// As loaded: applications replace the global.
const { Promise } = globalThis;

/** Where servers are, which the PATH of a user may not have. */
const SYSTEM_DIRECTORIES = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** What came of a run. */
export interface ProgramOutcome {
  /** `null` if a signal has ended it. */
  readonly code: number | null;
  /** What it wrote to standard output and standard error. */
  readonly output: string;
}

/** The file of an installed program; `undefined` if there is none. */
export function findProgram(name: string): string | undefined {
  const directories = (process.env.PATH ?? "").split(delimiter).filter((path) => path !== "");
  return [...directories, ...SYSTEM_DIRECTORIES].map((directory) => join(directory, name))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * Runs a program to its end, without input.
 *
 * @throws {Error} If it cannot be started.
 */
export function runProgram(file: string, args: readonly string[]): Promise<ProgramOutcome> {
  const { promise, resolve, reject } = Promise.withResolvers<ProgramOutcome>();
  const child = spawn(file, [...args], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => output += text);
  }
  child.once("error", reject);
  child.once("close", (code) => resolve({ code, output }));
  return promise;
}

/** Writes files into a new directory, lends it for one use, and removes it. */
export async function withFiles<T>(
  files: Record<string, string>,
  use: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "fcgi-"));
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
