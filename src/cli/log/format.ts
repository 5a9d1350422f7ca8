/** The format of an access log: a name, or a text with letters, as php-fpm's `access.format`. */
import { BYTES, CUT, escape, type Escaping, JSON_TEXT } from "./escape.ts";
import type { LogEntry } from "./entry.ts";
import { type Field, fieldOf } from "./letters.ts";

// As loaded: applications replace the global.
const { TextEncoder } = globalThis;

/** The longest line in bytes, its line feed included. */
export const MAX_LINE = 4096;
/** The longest format. */
const MAX_FORMAT = 2048;
/** How far fields are cut that do not fit. */
const MIN_FIELD = 16;
const NONE = "-";

const COMMON = '%R - %u [%t] "%m %r%Q%q %H" %s %b';

/** The formats that have a name. */
export const NAMED_FORMATS: Readonly<Record<string, string>> = {
  common: COMMON,
  combined: `${COMMON} "%{Referer}i" "%{User-Agent}i"`,
  json: JSON.stringify({
    time: "%{%Y-%m-%dT%H:%M:%S%z}t",
    remote_addr: "%R",
    user: "%u",
    method: "%m",
    url: "%r%Q%q",
    protocol: "%H",
    host: "%{Host}i",
    status: "(%s)",
    bytes: "(%B)",
    seconds: "(%d)",
    aborted: "(%{json}X)",
    referer: "%{Referer}i",
    user_agent: "%{User-Agent}i",
    pid: "(%p)",
  }).replace(/"\(|\)"/g, ""),
};

/** Makes lines of requests. */
export class LogFormat {
  /** Whether the processor time of requests is asked for. */
  readonly usesProcessorTime: boolean;
  readonly #parts: readonly (string | Field)[];
  readonly #escaping: Escaping;
  /** The characters of a line, without its line feed. */
  readonly #room: number;

  /**
   * @param format A name, or a text with letters. One that begins with a brace is JSON, and what is
   * filled in is escaped for that.
   * @throws {SyntaxError} If it has a mistake.
   */
  constructor(format: string) {
    const text = Object.hasOwn(NAMED_FORMATS, format) ? NAMED_FORMATS[format]! : format;
    this.#parts = partsOf(text);
    this.#escaping = /^\s*\{/.test(text) ? JSON_TEXT : BYTES;
    // What is filled in is ASCII; the format itself may have characters of several bytes.
    this.#room = MAX_LINE - 1 - (new TextEncoder().encode(text).length - text.length);
    this.usesProcessorTime = /%(?:\{\w*\})?C/.test(text);
  }

  /** A line with its line feed, never longer than {@link MAX_LINE}: long fields are cut. */
  line(entry: LogEntry): string {
    for (let most = MAX_LINE;; most /= 2) {
      const line = this.#fill(entry, most);
      if (line.length <= this.#room) return `${line}\n`;
      if (most <= MIN_FIELD) return `${line.slice(0, this.#room - CUT.length)}${CUT}\n`;
    }
  }

  #fill(entry: LogEntry, most: number): string {
    let line = "";
    for (const part of this.#parts) {
      line += typeof part === "string" ? part : escape(part(entry) ?? NONE, this.#escaping, most);
    }
    return line;
  }
}

/** A percent sign with its letter, or a text up to the next one. */
const TOKENS = /%(?:\{([^}]*)\})?(.?)|[^%]+/gsu;

function partsOf(format: string): (string | Field)[] {
  checkFormat(format);
  return [...format.matchAll(TOKENS)].map(([token, braces, letter]) => {
    if (token[0] !== "%") return token;
    if (token === "%%") return "%";
    if (letter === "{") throw new SyntaxError("A brace of the format is not closed");
    if (!letter) throw new SyntaxError(`The format ends with ${token}, without a letter`);
    return fieldOf(letter, braces);
  });
}

function checkFormat(format: string): void {
  if (!format.includes("%")) {
    throw new SyntaxError(`${format} is no format: there is no %s or another letter in it`);
  }
  // deno-lint-ignore no-control-regex -- a tab may be in it
  if (/[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]|\p{Cs}/u.test(format)) {
    throw new SyntaxError("A format of a log is one line, without control characters");
  }
  if (format.length > MAX_FORMAT) {
    throw new SyntaxError(
      `The format is ${format.length} characters long; the most is ${MAX_FORMAT}`,
    );
  }
}
