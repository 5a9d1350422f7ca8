import { FastCgiError } from "../protocol/mod.ts";
import type { ByteReader, ByteStreams } from "./byte_streams.ts";

const ignore = (): void => {};

/** One connection to the application, as reads and writes. One exchange at a time uses it. */
export class Connection {
  readonly #streams: ByteStreams;
  readonly #reader: ByteReader;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  /** The read that was begun while the connection was idle; it belongs to the next exchange. */
  #pendingRead: Promise<Uint8Array | undefined> | undefined;
  #isReused = false;

  /** Takes both streams for itself. */
  constructor(streams: ByteStreams) {
    this.#streams = streams;
    this.#reader = streams.readable.getReader();
    this.#writer = streams.writable.getWriter();
    // A connection that breaks is noticed where it is read or written.
    this.#reader.closed.catch(ignore);
    this.#writer.closed.catch(ignore);
    this.#writer.ready.catch(ignore);
  }

  /** Whether it has been idle before, so that the application may have closed it meanwhile. */
  get isReused(): boolean {
    return this.#isReused;
  }

  /**
   * The next bytes; `undefined` at the end.
   *
   * @throws {FastCgiError} `connection_lost` if it broke.
   */
  read(): Promise<Uint8Array | undefined> {
    const read = this.#pendingRead ?? this.#read();
    this.#pendingRead = undefined;
    return read;
  }

  /** Sends bytes, and resolves when more may be sent. Rejects with what broke the connection. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#writer.write(bytes).catch(ignore);
    await this.#writer.ready;
  }

  /**
   * Watches an idle connection: `onEvent` is called when it ends or says something nobody asked
   * for.
   */
  watch(onEvent: () => void): void {
    this.#isReused = true;
    // A connection that was taken and given back unused is still being read.
    this.#pendingRead ??= this.#read();
    this.#pendingRead.then(onEvent, onEvent);
  }

  /** Closes both sides at once. What is being read or written ends. */
  close(): void {
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

/** The error for a connection that is gone before it is not needed any more. */
export function connectionLost(cause?: unknown): FastCgiError {
  return new FastCgiError(
    "connection_lost",
    "Lost the connection to the application before its reply was complete",
    { fault: "peer", connectionSurvives: false, cause },
  );
}
