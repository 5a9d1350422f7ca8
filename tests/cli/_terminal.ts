import type { Terminal } from "../../src/cli/terminal.ts";
import { runProgram } from "../../src/cli/program.ts";
import { concat } from "../_bytes.ts";

/** A terminal that keeps what is written to it. */
export class FakeTerminal implements Terminal {
  readonly isInteractive = false;
  readonly processors = 4;
  /** The lines on standard error. */
  readonly errors: string[] = [];
  readonly #written: Uint8Array[] = [];
  readonly #variables: Record<string, string>;
  readonly #modules: Record<string, unknown>;
  readonly #files: Record<string, Uint8Array<ArrayBuffer>>;

  constructor(
    { variables = {}, files = {}, modules = {} }: {
      variables?: Record<string, string>;
      files?: Record<string, Uint8Array<ArrayBuffer>>;
      modules?: Record<string, unknown>;
    } = {},
  ) {
    this.#modules = modules;
    this.#variables = variables;
    this.#files = files;
  }

  /** What is on standard output. */
  get bytes(): Uint8Array {
    return concat(this.#written);
  }

  get text(): string {
    return new TextDecoder().decode(this.bytes);
  }

  out(content: string | Uint8Array): Promise<void> {
    this.#written.push(typeof content === "string" ? new TextEncoder().encode(content) : content);
    return Promise.resolve();
  }

  err(line: string): void {
    this.errors.push(line);
  }

  variable(name: string): string | undefined {
    return this.#variables[name];
  }

  read(path: string): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = this.#files[path];
    return bytes === undefined
      ? Promise.reject(new Error(`ENOENT: no such file: ${path}`))
      : Promise.resolve(bytes);
  }

  load(name: string): Promise<unknown> {
    return name in this.#modules
      ? Promise.resolve(this.#modules[name])
      : Promise.reject(new Error(`Cannot find module ${name}`));
  }

  absolute(path: string): string {
    return path.startsWith("/") ? path : `/here/${path}`;
  }
}

/** What came of a command line. */
export interface Outcome {
  code: number;
  out: string;
  err: string[];
}

/** Runs `fcgi` with these arguments, in this process. */
export async function fcgi(
  args: readonly string[],
  terminal: FakeTerminal = new FakeTerminal(),
): Promise<Outcome> {
  const code = await runProgram(args, terminal);
  return { code, out: terminal.text, err: terminal.errors };
}
