import type { ByteReader, ByteStreams } from "./byte_streams.ts";
import { connectionLost } from "./errors.ts";

const ignore = (): void => {};

/** One connection to the application, as reads and writes. It carries one exchange at a time. */
export class Connection {
  readonly #streams: ByteStreams;
  readonly #reader: ByteReader;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  /** The read that was begun while the connection was idle; it belongs to the next exchange. */
  #pendingRead: Promise<Uint8Array | undefined> | undefined;
  #isReused = false;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;

  /** How many requests it has been given to. */
  uses = 0;

  /** Locks both streams. */
  constructor(streams: ByteStreams) {
    this.#streams = streams;
    this.#reader = streams.readable.getReader();
    this.#writer = streams.writable.getWriter();
    // A broken connection is noticed by the next read or write.
    this.#reader.closed.catch(ignore);
    this.#writer.closed.catch(ignore);
    this.#writer.ready.catch(ignore);
  }

  /** Whether the connection has been idle, so that the application may have closed it since. */
  get isReused(): boolean {
    return this.#isReused;
  }

  /**
   * Reads the next bytes; `undefined` at the end.
   *
   * @throws {FastCgiError} `connection_lost` if the connection broke.
   */
  read(): Promise<Uint8Array | undefined> {
    const read = this.#pendingRead ?? this.#read();
    this.#pendingRead = undefined;
    clearTimeout(this.#idleTimer);
    return read;
  }

  /**
   * Writes bytes, and resolves when more may be written. Rejects with the error of a broken
   * connection.
   */
  async write(bytes: Uint8Array): Promise<void> {
    this.#writer.write(bytes).catch(ignore);
    await this.#writer.ready;
  }

  /**
   * Watches an idle connection: `onEvent` is called when the application closes it or sends
   * unsolicited bytes, and when it has been idle for so many milliseconds; 0 is for ever.
   */
  watch(idleTimeout: number, onEvent: () => void): void {
    this.#isReused = true;
    clearTimeout(this.#idleTimer);
    if (idleTimeout > 0) this.#idleTimer = setTimeout(onEvent, idleTimeout);
    // A connection that was acquired and released unused still has its read pending.
    this.#pendingRead ??= this.#read();
    this.#pendingRead.then(onEvent, onEvent);
  }

  /** Closes both sides at once; pending reads and writes end. */
  close(): void {
    clearTimeout(this.#idleTimer);
    this.#reader.cancel().catch(ignore);
    this.#writer.abort().catch(ignore);
    this.#streams.close?.();
  }

  async #read(): Promise<Uint8Array | undefined> {
    try {
      const { done, value } = await this.#reader.read();
      return done ? undefined : value;
    } catch (cause) {
      throw connectionLost(cause);
    }
  }
}
