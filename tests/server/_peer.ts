/**
 * The web server's side of a connection that `serveConnection` serves: requests go in as records, what comes back is
 * read as records, and everything that was written is held against the wire rules when the test is over.
 *
 * @module
 */
import {
  encodeBeginRequest,
  encodeGetValues,
  encodeNameValues,
  encodeRecord,
  encodeStream,
  FCGI_KEEP_CONN,
  RecordType,
  Role,
} from "../../src/protocol/mod.ts";
import {
  type ErrorContext,
  type ErrorHandler,
  type ServeApplication,
  serveConnection,
  type ServeConnectionOptions,
  type ServeHandler,
} from "../../mod.ts";
import { assert, assertEquals, assertExists, fail } from "../_assert.ts";
import { type Bytes, bytes, concat, latin1 } from "../_bytes.ts";
import { Duplex, type Pipe, type PipeOptions } from "../_pair.ts";
import { parseRecords, type RawRecord } from "../_records.ts";

/** Parameters by name; a list of pairs where a name comes twice. */
export type Params = Record<string, string> | [string, string][];

/** A request of a web server; without anything: GET / on a connection that is kept. */
export interface RequestInit {
  /** @default {1} */
  id?: number;
  /** FCGI_KEEP_CONN. @default {true} */
  keep?: boolean;
  /** @default Role.RESPONDER */
  role?: number;
  /** @default {"GET"} */
  method?: string;
  /** Behind the ones that every request has. */
  params?: Params;
  /** Bytes or Latin-1 text; `null`: no STDIN record at all. @default {""} */
  stdin?: Uint8Array | string | null;
  /** FCGI_DATA, for a filter. @default none */
  data?: Uint8Array | string;
}

/** BEGIN_REQUEST. */
export function begin({ id = 1, keep = true, role = Role.RESPONDER }: RequestInit = {}): Bytes {
  return bytes(encodeBeginRequest(id, { role, flags: keep ? FCGI_KEEP_CONN : 0 }));
}

/** The parameters of a request, encoded as pairs. */
export function paramPairs({ method = "GET", params = {} }: RequestInit = {}): Bytes {
  return bytes(encodeNameValues([
    ["REQUEST_METHOD", method],
    ["REQUEST_URI", "/"],
    ["HTTP_HOST", "example.org"],
    ["SERVER_PROTOCOL", "HTTP/1.1"],
    ...(Array.isArray(params) ? params : Object.entries(params)),
  ]));
}

/** A whole PARAMS stream. */
export function params(init: RequestInit = {}): Bytes {
  return stream(RecordType.PARAMS, paramPairs(init), init.id);
}

/** A whole stream: content in records, then the empty one. */
export function stream(type: number, content: Uint8Array | string, id = 1): Bytes {
  return bytes(encodeStream(type, id, bytes(content)));
}

/** One record. */
export function record(type: number, content: Uint8Array | string = "", id = 1): Bytes {
  return bytes(encodeRecord(type, id, bytes(content)));
}

/** One STDIN record; without content it ends the body. */
export function stdin(content: Uint8Array | string = "", id = 1): Bytes {
  return record(RecordType.STDIN, content, id);
}

/** ABORT_REQUEST. */
export function abort(id = 1): Bytes {
  return record(RecordType.ABORT_REQUEST, "", id);
}

/** A whole request. */
export function request(init: RequestInit = {}): Bytes {
  const { id = 1, stdin = "", data } = init;
  return concat([
    begin(init),
    params(init),
    stdin === null ? bytes() : stream(RecordType.STDIN, stdin, id),
    data === undefined ? bytes() : stream(RecordType.DATA, data, id),
  ]);
}

/** A request whose body is still to come. */
export function openRequest(init: RequestInit = {}): Bytes {
  return request({ method: "POST", ...init, stdin: null });
}

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

/** Options of a {@link Peer}: those of the connection, and of the pipes to it. */
export interface PeerOptions extends Omit<ServeConnectionOptions, "onError">, PipeOptions {
  /** `"default"`: what the library does where there is none. */
  onError?: ErrorHandler | "default";
}

/**
 * A web server with one connection to an application. Disposing of it hangs up, waits until `serveConnection` is done,
 * and fails if anything reached `onError` that the test has not taken, or if the wire rules were broken.
 */
export class Peer implements AsyncDisposable {
  readonly #duplex: Duplex;
  /** What `serveConnection` returned. */
  readonly served: Promise<void>;
  isServed = false;
  #errors: unknown[] = [];
  /** What came beside each error that `onError` has heard. */
  readonly contexts: ErrorContext[] = [];
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  /** Records that nobody has asked for yet. */
  readonly #inbox: RawRecord[] = [];
  #reading: Promise<boolean> | undefined;

  constructor(handler: ServeHandler | ServeApplication, options: PeerOptions = {}) {
    this.#duplex = new Duplex(options);
    this.#writer = this.#duplex.peer.writable.getWriter();
    this.#reader = this.#duplex.peer.readable.getReader();
    this.#writer.closed.catch(() => {});
    const { onError, capacity: _, ...others } = options;
    const spy: ErrorHandler = (error, context) => {
      this.#errors.push(error);
      this.contexts.push(context);
      return typeof onError === "function" ? onError(error, context) : undefined;
    };
    this.served = serveConnection(this.#duplex.server, handler, {
      ...others,
      onError: onError === "default" ? undefined : spy,
    }).then(() => {
      this.isServed = true;
    });
  }

  /** The way to the application. */
  get toServer(): Pipe {
    return this.#duplex.toServer;
  }

  /** The way from the application. */
  get toPeer(): Pipe {
    return this.#duplex.toPeer;
  }

  /** What the application has written so far, write by write. */
  get writes(): readonly Bytes[] {
    return this.toPeer.writes;
  }

  /** Everything that `onError` has heard since this was last asked; the test has then dealt with it. */
  takeErrors(): unknown[] {
    const errors = this.#errors;
    this.#errors = [];
    return errors;
  }

  /** How often `onError` has been called since {@link takeErrors}. */
  get errorCount(): number {
    return this.#errors.length;
  }

  /** Sends records as one chunk; resolves when it is on its way. */
  send(...records: Uint8Array[]): Promise<void> {
    const sent = this.#writer.write(concat(records));
    sent.catch(() => {});
    return sent;
  }

  /** Closes the sending side. */
  async close(): Promise<void> {
    await this.#writer.close();
  }

  /** The next record, or the next that matches; `undefined` if the application has closed first. */
  async next(matches: (record: RawRecord) => boolean = () => true): Promise<RawRecord | undefined> {
    for (;;) {
      const at = this.#inbox.findIndex(matches);
      if (at >= 0) return this.#inbox.splice(at, 1)[0];
      this.#reading ??= this.#read().finally(() => this.#reading = undefined);
      if (!await this.#reading) return undefined;
    }
  }

  /** The next record of a request, which must come. */
  async nextOf(id = 1): Promise<RawRecord> {
    const next = await this.next((record) => record.id === id);
    assertExists(next, `The connection ended before a record of request ${id} came`);
    return next;
  }

  /** The answer to a request, up to its END_REQUEST, or to the end of a connection that broke off. */
  async reply(id = 1): Promise<Reply> {
    const records: RawRecord[] = [];
    for (;;) {
      const next = await this.next((record) => record.id === id && record.version === 1);
      if (next !== undefined) records.push(next);
      if (next === undefined || next.type === RecordType.END_REQUEST) return new Reply(records);
    }
  }

  /** Sends a request and waits for the answer. */
  async ask(init: RequestInit = {}): Promise<Reply> {
    void this.send(request(init));
    return await this.reply(init.id);
  }

  /** Waits until the application has taken and looked at everything that was sent. */
  async fence(): Promise<void> {
    void this.send(encodeGetValues([]));
    await this.next(({ type }) => type === RecordType.GET_VALUES_RESULT);
  }

  /** Waits until the application has closed its side; returns the records that came before. */
  async rest(): Promise<RawRecord[]> {
    const records: RawRecord[] = [];
    for (;;) {
      const next = await this.next();
      if (next === undefined) return records;
      records.push(next);
    }
  }

  /** Waits until the application has closed, closes as well, and waits for `serveConnection`. */
  async finish(): Promise<RawRecord[]> {
    const records = await this.rest();
    await this.close();
    await this.served;
    return records;
  }

  /** Stops reading: the application's writes fail from then on. */
  async stopReading(): Promise<void> {
    await this.#reader.cancel(new Error("Broken pipe"));
  }

  /** Breaks both directions. */
  hangUp(reason?: unknown): void {
    this.#duplex.fail(reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hangUp(new Error("The test is over"));
    await this.served;
    checkWrites(this.writes);
    this.toPeer.checkWrites();
    const [error] = this.#errors;
    if (error !== undefined) throw new Error(`onError heard: ${error}`, { cause: error });
  }

  /** Reads a chunk into the inbox; `false` at the end. */
  async #read(): Promise<boolean> {
    const { done, value } = await this.#reader.read();
    if (done) return false;
    this.#inbox.push(...parseRecords(value));
    return true;
  }
}

/**
 * What holds for everything an application writes, whatever the test is about: whole records, aligned to 8 bytes; a
 * header block complete in the first record of an answer; STDERR never before it; nothing behind an empty STDOUT but the
 * end; one END_REQUEST and nothing after it.
 */
function checkWrites(writes: readonly Bytes[]): void {
  /** What each request has got so far, oldest first. */
  const answers = new Map<number, RawRecord[]>();
  for (const record of writes.flatMap((write) => parseRecords(write))) {
    const { version, type, id, content, padding } = record;
    // Eight zero bytes say that the answer broke off.
    if (version === 0) continue;
    assertEquals([version, (content.length + padding) % 8], [1, 0], "Version and alignment");
    if (id === 0) continue;
    const answer = answers.get(id) ?? [];
    answers.set(id, [...answer, record]);
    const isFirst = answer.length === 0;
    if (type === RecordType.END_REQUEST) {
      answers.delete(id);
    } else if (type === RecordType.STDERR) {
      assert(!isFirst, "STDERR came before STDOUT");
    } else {
      assertEquals(type, RecordType.STDOUT, "Type of a record");
      assertEquals(isEnded(answer), false, "STDOUT came after its end");
      if (isFirst) assert(latin1(content).includes("\r\n\r\n"), "The header block is cut");
    }
  }
}

function isEnded(answer: RawRecord[]): boolean {
  return answer.some(({ type, content }) => type === RecordType.STDOUT && content.length === 0);
}

/** How many turns of the event loop nothing may happen in before it counts as quiet. */
const QUIET_TURNS = 30;

/** Lets the event loop turn until a number has stopped changing: nothing more will come by itself. */
export async function quiet(measure: () => number): Promise<number> {
  let last = measure();
  for (let turns = 0; turns < QUIET_TURNS; turns++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    const now = measure();
    if (now !== last) turns = 0;
    last = now;
  }
  return last;
}

/** A response body that a test feeds by hand. */
export class ManualBody {
  readonly stream: ReadableStream<Uint8Array>;
  /** Resolves with the reason when the body is cancelled. */
  readonly cancelled: Promise<unknown>;
  #controller!: ReadableStreamDefaultController<Uint8Array>;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.cancelled = promise;
    this.stream = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: resolve,
    });
  }

  push(...parts: (string | Uint8Array)[]): void {
    for (const part of parts) this.#controller.enqueue(bytes(part));
  }

  close(): void {
    this.#controller.close();
  }

  error(reason: unknown): void {
    this.#controller.error(reason);
  }
}

/** A body whose chunks are all there at once. */
export function readyBody(...chunks: (string | Uint8Array)[]): ReadableStream<Uint8Array> {
  const body = new ManualBody();
  body.push(...chunks);
  body.close();
  return body.stream;
}

/** What was printed with `console.error` meanwhile. */
export async function captureConsoleError(body: () => Promise<void>): Promise<unknown[][]> {
  const printed: unknown[][] = [];
  const original = console.error;
  console.error = (...values) => void printed.push(values);
  try {
    await body();
  } finally {
    console.error = original;
  }
  return printed;
}
