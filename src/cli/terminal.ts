/** What a command has to do with: its standard streams, its environment, its files. */
export interface Terminal {
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
