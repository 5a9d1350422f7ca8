/**
 * A connection in memory: two pipes, each a `WritableStream` at one end and a `ReadableStream` at
 * the other, with back-pressure as a socket has it, a log of the writes, and ways to break.
 *
 * @module
 */
import { assertEquals } from "./_assert.ts";
import { assertBytes, type Bytes } from "./_bytes.ts";

/** How much is on its way, in bytes, before a write has to wait: a socket's buffer. */
const DEFAULT_CAPACITY = 64 * 1024;
/** Bytes of writes that wait before a `WritableStream` tells its writer to hold back. */
const HIGH_WATER_MARK = 16 * 1024;

/** Options of a {@link Pipe}. */
export interface PipeOptions {
  /** Bytes on their way before a write has to wait. @default {65536} */
  capacity?: number;
}

/**
 * How a pipe ended: `closed` by its writer, `aborted` by it (so a reset), `cancelled` by its
 * reader, `failed` because the test wanted it.
 */
export type PipeState = "open" | "closed" | "aborted" | "cancelled" | "failed";

/** One direction of a connection. Chunks stay what they were when written: one write, one read. */
export class Pipe {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  /**
   * Every chunk that was given to the writer, in a copy made at that moment, whether it has been
   * taken or not.
   */
  readonly writes: Bytes[] = [];
  /** Bytes in {@link writes}. */
  bytesWritten = 0;
  /** Bytes that the reader has taken. */
  bytesRead = 0;
  state: PipeState = "open";
  readonly #capacity: number;
  readonly #originals: Uint8Array[] = [];
  readonly #queue: Uint8Array[] = [];
  #queued = 0;
  #source!: ReadableStreamDefaultController<Uint8Array>;
  #sink!: WritableStreamDefaultController;
  #writeError: { reason: unknown } | undefined;
  #waiting: (() => void)[] = [];

  constructor({ capacity = DEFAULT_CAPACITY }: PipeOptions = {}) {
    this.#capacity = capacity;
    this.readable = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#source = controller;
      },
      pull: () => this.#pull(),
      cancel: (reason) => {
        this.#finish("cancelled");
        this.#sink.error(reason ?? new Error("The reader has gone"));
      },
    }, { highWaterMark: 0 });
    this.writable = new WritableStream<Uint8Array>({
      start: (controller) => {
        this.#sink = controller;
      },
      write: (chunk) => this.#write(chunk),
      close: () => this.#finish("closed"),
      abort: (reason) => {
        this.#finish("aborted");
        this.#source.error(reason ?? new Error("The writer has gone"));
      },
    }, {
      highWaterMark: HIGH_WATER_MARK,
      // Called for every write() at once, before anything can wait: this is the log.
      size: (chunk) => {
        this.writes.push(Uint8Array.from(chunk));
        this.#originals.push(chunk);
        this.bytesWritten += chunk.length;
        this.#changed();
        return chunk.length;
      },
    });
  }

  /** Waits for a condition about this pipe, or about what comes of its events. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Breaks the pipe: both ends fail. */
  fail(reason: unknown = new Error("Connection reset")): void {
    if (this.state !== "open") return;
    this.#finish("failed");
    this.#source.error(reason);
    this.#sink.error(reason);
  }

  /** Breaks the reader's end only; the writer learns nothing. */
  failReader(reason: unknown = new Error("Connection reset")): void {
    this.#source.error(reason);
    this.#changed();
  }

  /**
   * Lets the next write fail, and with it the writer's end: how a peer that has gone is found out.
   */
  failNextWrite(reason: unknown = new Error("Broken pipe")): void {
    this.#writeError = { reason };
  }

  /**
   * Fails unless every chunk has memory of its own: whoever was given it may transfer it, as every
   * byte stream does, and a chunk that shares its memory would take others with it.
   */
  checkOwnership(): void {
    const buffers = new Set(this.#originals.map(({ buffer }) => buffer));
    assertEquals(buffers.size, this.#originals.length, "Chunks that have memory of their own");
    for (const { buffer, byteLength } of this.#originals) {
      assertEquals(buffer.byteLength, byteLength, "The memory of a chunk");
    }
  }

  /** The chunk that was written last, itself. */
  get lastOriginal(): Uint8Array {
    return this.#originals[this.#originals.length - 1];
  }

  /** Fails if a chunk has been changed after it was written: it may not have left yet. */
  checkWrites(): void {
    this.#originals.forEach((chunk, i) =>
      assertBytes(chunk, this.writes[i], `Write ${i}, changed after it was written`)
    );
  }

  async #pull(): Promise<void> {
    await this.until(() => this.#queue.length > 0 || this.state !== "open");
    const chunk = this.#queue.shift();
    if (chunk === undefined) {
      if (this.state === "closed") this.#source.close();
      return;
    }
    this.#queued -= chunk.length;
    this.bytesRead += chunk.length;
    this.#source.enqueue(chunk);
    this.#changed();
  }

  async #write(chunk: Uint8Array): Promise<void> {
    if (this.#writeError !== undefined) {
      this.#finish("failed");
      this.#source.error(this.#writeError.reason);
      throw this.#writeError.reason;
    }
    this.#queue.push(chunk);
    this.#queued += chunk.length;
    this.#changed();
    await this.until(() => this.#queued < this.#capacity || this.state !== "open");
  }

  #finish(state: PipeState): void {
    if (this.state === "open") this.state = state;
    if (state !== "closed") this.#queue.length = 0;
    this.#changed();
  }

  #changed(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** One end of a {@link Duplex}. */
export interface DuplexEnd {
  readable: ReadableStream<Uint8Array>;
  writable: WritableStream<Uint8Array>;
}

/** Two pipes that make a connection. */
export class Duplex {
  /** From the web server's end to the application's. */
  readonly toServer: Pipe;
  /** From the application's end to the web server's. */
  readonly toPeer: Pipe;

  constructor(options: PipeOptions = {}) {
    this.toServer = new Pipe(options);
    this.toPeer = new Pipe(options);
  }

  /** The application's end. */
  get server(): DuplexEnd {
    return { readable: this.toServer.readable, writable: this.toPeer.writable };
  }

  /** The web server's end. */
  get peer(): DuplexEnd {
    return { readable: this.toPeer.readable, writable: this.toServer.writable };
  }

  /** Breaks both directions. */
  fail(reason?: unknown): void {
    this.toServer.fail(reason);
    this.toPeer.fail(reason);
  }
}
