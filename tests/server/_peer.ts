/**
 * The web server's side of a connection that `serveConnection` serves: requests go in as records,
 * the answers are read as records, and everything that was written is held against the wire rules
 * when the test is over.
 *
 * @module
 */
import { encodeGetValues, RecordType } from "../../src/protocol/mod.ts";
import {
  type ErrorContext,
  type ErrorHandler,
  type ServeApplication,
  serveConnection,
  type ServeConnectionOptions,
  type ServeHandler,
} from "../../mod.ts";
import { assertExists } from "../_assert.ts";
import { type Bytes, concat } from "../_bytes.ts";
import { Duplex, type Pipe, type PipeOptions } from "../_pair.ts";
import { parseRecords, type RawRecord } from "../_records.ts";
import { Reply } from "./_reply.ts";
import { request, type RequestSpec } from "./_request.ts";
import { checkWireRules } from "./_wire_rules.ts";

/** Options of a {@link Peer}: those of the connection, and of the pipes to it. */
export interface PeerOptions extends Omit<ServeConnectionOptions, "onError">, PipeOptions {
  /** `"default"`: what the library does where there is none. */
  onError?: ErrorHandler | "default";
}

/**
 * A web server with one connection to an application. Disposing of it hangs up, waits until
 * `serveConnection` is done, and fails if anything reached `onError` that the test has not taken,
 * or if the wire rules were broken.
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

  /**
   * Everything that `onError` has heard since this was last asked; the test has then dealt with it.
   */
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

  /**
   * The answer to a request, up to its END_REQUEST, or to the end of a connection that broke off.
   */
  async reply(id = 1): Promise<Reply> {
    const records: RawRecord[] = [];
    for (;;) {
      const next = await this.next((record) => record.id === id && record.version === 1);
      if (next !== undefined) records.push(next);
      if (next === undefined || next.type === RecordType.END_REQUEST) return new Reply(records);
    }
  }

  /** Sends a request and waits for the answer. */
  async ask(spec: RequestSpec = {}): Promise<Reply> {
    void this.send(request(spec));
    return await this.reply(spec.id);
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
    checkWireRules(this.writes);
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

/** Asks one question of one handler, on a connection of its own. */
export async function ask(
  handler: ServeHandler,
  spec: RequestSpec = {},
  options: PeerOptions = {},
): Promise<Reply> {
  await using peer = new Peer(handler, options);
  return await peer.ask(spec);
}
