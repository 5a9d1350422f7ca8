import type { ByteReader, ByteStreams } from "./byte_streams.ts";
import type { Carrier, Lane } from "./carrier.ts";
import { connectionLost } from "./errors.ts";

const ignore = (): void => {};

/** The id of a request that has its connection to itself, as with all web servers but HAProxy. */
const REQUEST_ID = 1;

/** One connection to the application, as reads and writes. It carries one request at a time. */
export class Connection implements Carrier, Lane {
  readonly requestId: number = REQUEST_ID;
  readonly isShared = false;
  readonly #streams: ByteStreams;
  readonly #reader: ByteReader;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  /** The read that was begun while the connection was idle; it belongs to the next exchange. */
  #pendingRead: Promise<Uint8Array | undefined> | undefined;
  #isReused = false;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;
  uses = 0;
  active = 0;

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

  get isReused(): boolean {
    return this.#isReused;
  }

  get hasRoom(): boolean {
    return this.active === 0;
  }

  open(): Lane {
    this.uses++;
    this.active = 1;
    return this;
  }

  release(_: Lane, isReusable: boolean): boolean {
    this.active = 0;
    return isReusable;
  }

  read(): Promise<Uint8Array | undefined> {
    const read = this.#pendingRead ?? this.#read();
    this.#pendingRead = undefined;
    clearTimeout(this.#idleTimer);
    return read;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#writer.write(bytes).catch(ignore);
    await this.#writer.ready;
  }

  watch(idleTimeout: number, onEvent: () => void): void {
    this.#isReused = true;
    clearTimeout(this.#idleTimer);
    if (idleTimeout > 0) this.#idleTimer = setTimeout(onEvent, idleTimeout);
    // A connection that was acquired and released unused still has its read pending.
    this.#pendingRead ??= this.#read();
    this.#pendingRead.then(onEvent, onEvent);
  }

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
