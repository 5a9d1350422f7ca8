/** The shape of a command of `fcgi`, and of its options. */
import type { Terminal } from "./terminal.ts";

/** An option of a command, as the parser, the help and the environment know it. */
export interface OptionSpec {
  /** Its long name, without the dashes. */
  readonly name: string;
  /** Its letter, without the dash. */
  readonly short?: string;
  /** The name of its value in the help; an option without one is a switch. */
  readonly value?: string;
  /** The values that it may have; all, if left out. */
  readonly choices?: readonly string[];
  /** Whether it may be given several times. */
  readonly isRepeated?: boolean;
  /** Its default, for people. */
  readonly fallback?: string;
  readonly help: string;
  /** What others call it: whoever writes that is told its name. */
  readonly synonyms?: readonly string[];
  /** The part of the help where it stands. @default {"Options"} */
  readonly group?: string;
}

/** The arguments of a command, as the parser has read them. */
export interface Arguments {
  readonly operands: readonly string[];
  /** Whether a switch was given. */
  has(name: string): boolean;
  /** The value of an option, its last one if it was given several times. */
  value(name: string): string | undefined;
  /** All values of an option. */
  values(name: string): readonly string[];
  /** Options that are for the runtime of workers, as they were written. */
  readonly passed: readonly string[];
  /** The names of options whose values are from environment variables. */
  readonly fromVariables: readonly string[];
  /** All of them, as they were written. */
  readonly raw: readonly string[];
}

/** A command of `fcgi`. */
export interface Command {
  readonly name: string;
  /** What it does, in a few words. */
  readonly summary: string;
  /** Its operands in the help, such as `URL`. */
  readonly operands: readonly Operand[];
  readonly options: readonly OptionSpec[];
  /** Options of a runtime, which are passed on as they are. */
  readonly passes?: RegExp | undefined;
  /** Command lines that do something useful, each with a word on it. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  /**
   * Runs it.
   *
   * @returns The exit code.
   * @throws {UsageError} If its arguments contradict each other.
   */
  run(args: Arguments, terminal: Terminal): Promise<number>;
}

/** An argument that is no option. */
export interface Operand {
  readonly name: string;
  readonly isOptional?: boolean;
  /** The values that it may have; all, if left out. */
  readonly choices?: readonly string[];
}

/** A command line that cannot be understood; the message says what to write instead. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
