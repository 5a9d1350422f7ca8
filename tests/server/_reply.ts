import { RecordType } from "../../src/protocol/mod.ts";
import { assertEquals, fail } from "../_assert.ts";
import { type Bytes, concat, latin1 } from "../_bytes.ts";
import type { RawRecord } from "../_records.ts";

/** The records of one answer, put together. */
export class Reply {
  readonly records: RawRecord[];

  constructor(records: RawRecord[]) {
    this.records = records;
  }

  /** The types of the records, in their order. */
  get types(): number[] {
    return this.records.map(({ type }) => type);
  }

  /** Header block and body. */
  get stdout(): Bytes {
    return this.#content(RecordType.STDOUT);
  }

  /** What goes to the web server's log, as UTF-8. */
  get stderr(): string {
    return new TextDecoder().decode(this.#content(RecordType.STDERR));
  }

  /** The header block up to the empty line, as Latin-1. */
  get head(): string {
    return latin1(this.stdout.subarray(0, this.#headLength));
  }

  /** The lines of the header block. */
  get headLines(): string[] {
    return this.head.split("\r\n").slice(0, -2);
  }

  /** What comes behind the header block. */
  get body(): Bytes {
    return this.stdout.slice(this.#headLength);
  }

  /** The body as Latin-1. */
  get text(): string {
    return latin1(this.body);
  }

  /** The number in the `Status` line. */
  get status(): number {
    return Number(this.header("status")?.slice(0, 3));
  }

  /** A header's value, `undefined` if there is none; fails if there are two. */
  header(name: string): string | undefined {
    const [value, ...more] = this.headers(name);
    assertEquals(more, [], `Header ${name} came more than once`);
    return value;
  }

  /** The values of all headers of that name. */
  headers(name: string): string[] {
    return this.headLines.map((line) => line.split(": ", 2))
      .filter(([key]) => key.toLowerCase() === name.toLowerCase())
      .map(([, value]) => value);
  }

  /** The content of END_REQUEST; `undefined` if the answer broke off. */
  get end(): { appStatus: number; protocolStatus: number } | undefined {
    const last = this.records.at(-1);
    if (last?.type !== RecordType.END_REQUEST) return undefined;
    const [a, b, c, d, protocolStatus] = last.content;
    return { appStatus: ((a * 256 + b) * 256 + c) * 256 + d, protocolStatus };
  }

  get #headLength(): number {
    const { stdout } = this;
    const at = latin1(stdout.subarray(0, 70_000)).indexOf("\r\n\r\n");
    if (at < 0) fail(`There is no header block: ${this.types}`);
    return at + 4;
  }

  #content(type: number): Bytes {
    return concat(this.records.filter((each) => each.type === type).map(({ content }) => content));
  }
}

/** How a request ends that was answered, or aborted. */
export const COMPLETE = { appStatus: 0, protocolStatus: 0 };

/** How one ends whose answer broke off behind its head, while others share the connection. */
export const BROKEN = { appStatus: 257, protocolStatus: 0 };
