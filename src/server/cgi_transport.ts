import { decodeEndRequest } from "../protocol/bodies.ts";
import { ProtocolStatus, RecordType } from "../protocol/constants.ts";
import { encodeRecord, encodeStreamPart, type FastCgiRecord } from "../protocol/record.ts";
import { RecordDecoder } from "../protocol/record_decoder.ts";
import type { ChunkReader } from "./exchange/chunk_reader.ts";
import { Pause } from "./pause.ts";
import { StreamWriter } from "./stream_writer.ts";
import type { Connection } from "./connection/connection.ts";
import type { Transport } from "./connection/transport.ts";

// As loaded: applications replace the global.
const { Promise, WritableStream } = globalThis;

/** The id of the only request. */
export const REQUEST_ID = 1;

/** The standard streams of a CGI program. */
export interface CgiStreams {
  /** The request's body; read on demand of the handler, and not beyond its length. */
  readonly stdin: ReadableStream<Uint8Array>;
  /** Takes the header block and the body of the response. */
  readonly stdout: WritableStream<Uint8Array>;
  /** Takes log lines. */
  readonly stderr: WritableStream<Uint8Array>;
}

/**
 * The standard streams of a CGI program as a {@link Transport}: records towards the connection,
 * their content towards the streams.
 */
export class CgiTransport implements Transport {
  readonly #stdin: ChunkReader<Uint8Array>;
  readonly #stdout: StreamWriter;
  readonly #stderr: WritableStreamDefaultWriter<Uint8Array>;
  readonly #decoder = new RecordDecoder();
  readonly #closed = Promise.withResolvers<void>();
  #connection: Connection | undefined;
  /** Settles when standard error has accepted every line so far. */
  #logged: Promise<void> = Promise.resolve();
  readonly #pause = new Pause();
  /** `fed` once the whole request body has been received. */
  #input: "feeding" | "fed" = "feeding";
  /** `sent` once the response has been sent, complete or truncated. */
  #output: "open" | "sent" | "destroyed" = "open";
  #isComplete = false;
  readonly #bodyFirst: boolean;

  /**
   * @param bodyFirst Whether the web server reads none of the response before the whole request
   * body has been received. Standard input is then read on while standard output is blocked, or
   * both sides would deadlock.
   */
  constructor({ stdin, stdout, stderr }: CgiStreams, bodyFirst: boolean) {
    this.#bodyFirst = bodyFirst;
    this.#stdin = stdin.getReader();
    this.#stderr = stderr.getWriter();
    this.#stderr.closed.catch(() => {});
    const answer = stdout.getWriter();
    const behindLog = new WritableStream<Uint8Array>({
      // lighttpd kills a program as soon as it has the complete response: log lines are written
      // before it.
      write: (bytes) => this.#logged.then(() => answer.write(bytes)),
      close: () => answer.close(),
      abort: (reason) => answer.abort(reason),
    });
    this.#stdout = new StreamWriter(behindLog, () => this.#connection?.drained());
    answer.closed.catch((error) => this.#stdout.abort(error));
  }

  /**
   * Feeds a request to the connection, `head` being its records before STDIN, and resolves when the
   * connection is closed, with whether the complete response was sent.
   *
   * @param bodyLength Bytes of standard input to read; `Infinity` for all of it.
   */
  async run(connection: Connection, head: Uint8Array, bodyLength: number): Promise<boolean> {
    this.#connection = connection;
    this.#stdout.closed.catch((error) => {
      this.#isComplete = false;
      connection.closed(error);
    });
    if (bodyLength === 0) this.#input = "fed";
    connection.receive(head);
    if (bodyLength > 0) await this.#feed(connection, bodyLength);
    await this.#closed.promise;
    return this.#isComplete;
  }

  /** Writes a line to standard error, which may be broken. */
  log(line: Uint8Array): void {
    this.#logged = this.#stderr.write(line).catch(() => {});
  }

  /** Waits until standard error has accepted every line. */
  async flush(): Promise<void> {
    await this.#stderr.close().catch(() => {});
  }

  get backlog(): number {
    return this.#stdout.backlog;
  }

  write(bytes: Uint8Array): boolean {
    const records: FastCgiRecord[] = [];
    try {
      this.#decoder.push(bytes);
      for (let record = this.#decoder.next(); record; record = this.#decoder.next()) {
        records.push(record);
      }
    } catch {
      // The invalid record: the response broke off, and its end will not come.
      return true;
    }
    for (const { type, content } of records) {
      if (type === RecordType.STDERR && content.length > 0) this.log(content.slice());
    }
    for (const { type, content } of records) {
      // A copy: a chunk written to a stream belongs to it, and records share their memory.
      if (type === RecordType.STDOUT && content.length > 0) {
        this.#stdout.write(content.slice());
      } else if (type === RecordType.END_REQUEST) {
        const { protocolStatus } = decodeEndRequest(content);
        this.#isComplete = protocolStatus === ProtocolStatus.REQUEST_COMPLETE;
      }
    }
    const hasRoom = this.#stdout.hasRoom();
    if (!hasRoom && this.#bodyFirst) this.resume();
    return hasRoom;
  }

  pause(): void {
    if (!(this.#bodyFirst && this.#stdout.isFull)) this.#pause.begin();
  }

  resume(): void {
    this.#pause.end();
  }

  end(sent: () => void): void {
    this.#stdout.close().then(() => {
      sent();
      if (this.#output === "open") this.#output = "sent";
      // Otherwise the rest of the body is read first: mod_cgid has one socket for both directions,
      // and the exit of a program that has unread input would reset it, and lose the response.
      if (this.#input === "fed") this.#connection?.receiveEnd();
    }, () => {});
  }

  destroy(): void {
    if (this.#output === "destroyed") return;
    this.#output = "destroyed";
    this.resume();
    const cancelled = this.#stdin.cancel().catch(() => {});
    const aborted = this.#stdout.abort();
    Promise.all([cancelled, aborted]).then(() => this.#closed.resolve());
  }

  get #isDestroyed(): boolean {
    return this.#output === "destroyed";
  }

  /** Encodes standard input as STDIN records, under back-pressure. */
  async #feed(connection: Connection, length: number): Promise<void> {
    let left = length;
    try {
      while (left > 0) {
        if (this.#pause.over !== undefined) await this.#pause.over;
        const { done, value } = await this.#stdin.read();
        if (this.#isDestroyed) return;
        if (done) break;
        const content = value.subarray(0, left);
        left -= content.length;
        connection.receive(encodeStreamPart(RecordType.STDIN, REQUEST_ID, content));
      }
    } catch {
      // A read error ends the body too early.
      left ||= 1;
    }
    this.#input = "fed";
    const isShort = left > 0 && left < Infinity;
    if (!isShort) connection.receive(encodeRecord(RecordType.STDIN, REQUEST_ID));
    if (isShort || this.#output === "sent") connection.receiveEnd();
  }
}
