/** What a program of the command line has of its runtime: arguments, streams, files, variables. */
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import process from "node:process";
import { print } from "../log/print.ts";
import { variable } from "./environment.ts";
import { loadModule } from "./load_module.ts";
import "./standard_error.ts";
import { standardStreams } from "./standard_streams.ts";

// As loaded: applications replace globals.
const { Response, TextEncoder } = globalThis;

/** What a command has to do with: its standard streams, its environment, its files. */
export interface ProgramTerminal {
  /** How many processors there are for this process. */
  readonly processors: number;
  /** Whether standard output goes to a person, who may see colors. */
  readonly isInteractive: boolean;
  /** Writes text, or bytes as they are, to standard output. */
  out(content: string | Uint8Array): Promise<void>;
  /** Writes a line to standard error. */
  err(line: string): void;
  /** An environment variable. */
  variable(name: string): string | undefined;
  /** The bytes of a file, or of standard input for `-`. */
  read(path: string): Promise<Uint8Array<ArrayBuffer>>;
  /** A path as an absolute one, from the directory that the command runs in. */
  absolute(path: string): string;
  /**
   * Loads a module: a file, or anything that the runtime can import.
   *
   * @throws What the module throws, or why it cannot be found.
   */
  load(name: string): Promise<unknown>;
}

/** The arguments of the program, without the runtime and the script. */
export function programArguments(): readonly string[] {
  return process.argv.slice(2);
}

/** The terminal of the process. */
export function programTerminal(): ProgramTerminal {
  const { stdin, stdout } = standardStreams();
  const writer = stdout.getWriter();
  const encoder = new TextEncoder();
  return {
    processors: availableParallelism(),
    isInteractive: process.stdout.isTTY === true && !variable("NO_COLOR"),
    out: (content) => writer.write(typeof content === "string" ? encoder.encode(content) : content),
    err: print,
    variable,
    async read(path) {
      if (path !== "-") return new Uint8Array(await readFile(path));
      return new Uint8Array(await new Response(stdin as ReadableStream).arrayBuffer());
    },
    absolute: (path) => resolve(path),
    load: loadModule,
  };
}
