import { decodeEndRequest } from "../protocol/bodies.ts";
import { FCGI_HEADER_LEN, ProtocolStatus, RecordType } from "../protocol/constants.ts";
import { encodeRecord, encodeStream, type FastCgiRecord } from "../protocol/record.ts";
import { RecordDecoder } from "../protocol/record_decoder.ts";
import type { Connection } from "./connection.ts";
import type { Transport } from "./transport.ts";

/** The id of the only request there is. */
export const REQUEST_ID = 1;

/** What a CGI program has beside its environment. */
export interface CgiStreams {
  /** The request's body; not read before the handler wants it, nor beyond its length. */
  readonly stdin: ReadableStream<Uint8Array>;
  /** Gets header block and body. */
  readonly stdout: WritableStream<Uint8Array>;
  /** Gets log lines. */
  readonly stderr: WritableStream<Uint8Array>;
}

/** The three streams of a CGI program as a {@link Transport}: records on one side, their content on the other. */
export class CgiTransport implements Transport {
  readonly #stdin: ReadableStreamDefaultReader<Uint8Array>;
  readonly #stdout: WritableStreamDefaultWriter<Uint8Array>;
  readonly #stderr: WritableStreamDefaultWriter<Uint8Array>;
  readonly #decoder = new RecordDecoder();
  readonly #closed = Promise.withResolvers<void>();
  #connection: Connection | undefined;
  /** Set while reading is paused. */
  #paused: PromiseWithResolvers<void> | undefined;
  #isWaiting = false;
  #isDestroyed = false;
  #isComplete = false;

  constructor({ stdin, stdout, stderr }: CgiStreams) {
    this.#stdin = stdin.getReader();
    this.#stdout = stdout.getWriter();
    this.#stderr = stderr.getWriter();
    this.#stderr.closed.catch(() => {});
  }

  /**
   * Gives the connection a request, `head` being its records before STDIN, and resolves when the connection has closed:
   * whether the whole answer went out.
   *
   * @param bodyLength Bytes of standard input to take; `Infinity` for all there are.
   */
  async run(connection: Connection, head: Uint8Array, bodyLength: number): Promise<boolean> {
    this.#connection = connection;
    this.#stdout.closed.catch((error) => {
      this.#isComplete = false;
      connection.closed(error);
    });
    connection.receive(head);
    if (bodyLength > 0) await this.#feed(connection, bodyLength);
    await this.#closed.promise;
    return this.#isComplete;
  }

  /** Writes a line to standard error, which may be gone. */
  log(line: Uint8Array): void {
    this.#stderr.write(line).catch(() => {});
  }

  /** Waits until standard error has taken everything. */
  async flush(): Promise<void> {
    await this.#stderr.close().catch(() => {});
  }

  write(bytes: Uint8Array): boolean {
    try {
      this.#decoder.push(bytes);
      for (let record = this.#decoder.next(); record; record = this.#decoder.next()) {
        this.#take(record);
      }
    } catch {
      // The invalid record: the answer broke off, and its end will not come.
      return true;
    }
    if (this.#stdout.desiredSize! > 0) return true;
    if (!this.#isWaiting) {
      this.#isWaiting = true;
      this.#stdout.ready.catch(() => {}).then(() => {
        this.#isWaiting = false;
        this.#connection?.drained();
      });
    }
    return false;
  }

  pause(): void {
    this.#paused ??= Promise.withResolvers();
  }

  resume(): void {
    this.#paused?.resolve();
    this.#paused = undefined;
  }

  end(sent: () => void): void {
    this.#stdout.close().then(() => {
      // What is left of the body is not waited for: the web server knows that programs end without it.
      this.#connection?.receiveEnd();
      sent();
    }, () => {});
  }

  destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.resume();
    const cancelled = this.#stdin.cancel().catch(() => {});
    const aborted = this.#stdout.abort().catch(() => {});
    Promise.all([cancelled, aborted]).then(() => this.#closed.resolve());
  }

  /** Turns standard input into STDIN records, no faster than they are taken. */
  async #feed(connection: Connection, length: number): Promise<void> {
    let left = length;
    try {
      while (left > 0) {
        if (this.#paused !== undefined) await this.#paused.promise;
        const { done, value } = await this.#stdin.read();
        if (this.#isDestroyed) return;
        if (done) break;
        const content = value.subarray(0, left);
        left -= content.length;
        const records = encodeStream(RecordType.STDIN, REQUEST_ID, content);
        // The record that ends the stream stays for the end of the body.
        connection.receive(records.subarray(0, -FCGI_HEADER_LEN));
      }
    } catch {
      // It ends here, and too early.
      left ||= 1;
    }
    if (left > 0 && left < Infinity) connection.receiveEnd();
    else connection.receive(encodeRecord(RecordType.STDIN, REQUEST_ID));
  }

  #take({ type, content }: FastCgiRecord): void {
    if (type === RecordType.END_REQUEST) {
      const { protocolStatus } = decodeEndRequest(content);
      this.#isComplete = protocolStatus === ProtocolStatus.REQUEST_COMPLETE;
    } else if (content.length > 0) {
      // A copy: what a stream is given is its own, and records share their memory.
      const bytes = content.slice();
      if (type === RecordType.STDERR) this.log(bytes);
      else this.#stdout.write(bytes).catch(() => {});
    }
  }
}
