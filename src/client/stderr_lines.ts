import { tell } from "../log/tell.ts";

// As loaded: applications replace the global.
const { TextDecoder } = globalThis;

/** The longest line that is buffered, in characters; a longer one is emitted in parts. */
const MAX_LINE = 16_384;

/** Splits the STDERR stream into lines of text, decoded as UTF-8, as log files are. */
export class StderrLines {
  readonly #decoder = new TextDecoder();
  readonly #onLine: (line: string) => void;
  #rest = "";

  /** `onLine` gets each line without its line feed; it may throw. */
  constructor(onLine: (line: string) => void) {
    this.#onLine = (line) => tell(() => onLine(line));
  }

  /** Takes the content of the next STDERR record. */
  push(content: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(content, { stream: true })).split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) this.#onLine(line.endsWith("\r") ? line.slice(0, -1) : line);
    if (this.#rest.length > MAX_LINE) this.end();
  }

  /** Emits the last line if it has no line feed. */
  end(): void {
    const line = this.#rest;
    this.#rest = "";
    if (line !== "") this.#onLine(line);
  }
}
