import { ContentBuffer } from "../../protocol/content_buffer.ts";
import { abortError } from "./abort_error.ts";
import { BodySink } from "./body_sink.ts";
import type { ChunkReader } from "./chunk_reader.ts";

/**
 * Overhead of a queued body chunk, in bytes, counted in addition to its content: about the memory
 * of its array and its queue entry. Otherwise a client that sends single bytes would fill hundreds
 * of times the memory of the limit.
 */
const RECORD_OVERHEAD = 256;

/**
 * The high-water mark of a request body, in bytes: beyond it the connection is not read, and the
 * web server holds the rest. As large as the largest record, so that a full one always fits.
 */
export const BODY_HIGH_WATER_MARK: number = 64 * 1024 + RECORD_OVERHEAD;

// As loaded: applications replace the global.
const { ReadableStream } = globalThis;

/** The flow control of the connection, as a body needs it. */
export interface BodyFlow {
  /** The high-water mark of one body, in bytes; it never decreases. */
  readonly bodyLimit: number;
  /**
   * A body has reached its high-water mark. For each body this alternates with {@link bodyRoom}.
   */
  bodyFull(): void;
  /** A body is below its high-water mark again. */
  bodyRoom(): void;
}

/**
 * One input stream of a request, STDIN or DATA, on its way to the handler.
 *
 * Until the handler starts, input is buffered; so a small body that came with its parameters is
 * passed on as bytes, without a stream. Afterwards the queue of a `ReadableStream` is the only
 * buffer: at the high-water mark, the connection is not read (back-pressure). An unwanted body is
 * discarded as it comes, so it never blocks the connection.
 */
export class RequestBody {
  #state: "gathering" | "streaming" | "ended" | "discarding" = "gathering";
  #gathered: ContentBuffer | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Where the content goes once the handler takes the body whole. */
  #sink: BodySink | undefined;
  #complete = false;
  #full = false;
  #highWaterMark = 0;
  /** Queued bytes at the last input, or at the last call of {@link hasStalled}. */
  #unread = 0;
  /** Bytes that may still come. */
  #left: number;
  readonly #flow: BodyFlow;

  /** @param maxBytes The most bytes of content. */
  constructor(flow: BodyFlow, maxBytes = Infinity) {
    this.#flow = flow;
    this.#left = maxBytes;
  }

  /** Whether the body has been received completely. */
  get isComplete(): boolean {
    return this.#complete;
  }

  /** Bytes buffered until the handler starts. */
  get gathered(): number {
    return this.#gathered?.length ?? 0;
  }

  /**
   * Takes the content of a record; empty content ends the stream. Content after that is ignored.
   *
   * @returns `false` for the record that exceeds the limit, once: neither it nor what follows
   * becomes part of the body.
   */
  push(content: Uint8Array): boolean {
    if (this.#complete || this.#left < 0) return true;
    this.#left -= content.length;
    if (this.#left < 0) return false;
    if (content.length === 0) {
      this.#complete = true;
      if (this.#state === "streaming") {
        this.#state = "ended";
        this.#controller!.close();
        this.#setFull(false);
      }
    } else if (this.#state === "gathering") {
      (this.#gathered ??= new ContentBuffer()).append(content);
    } else if (this.#sink !== undefined) {
      this.#sink.append(content);
    } else if (this.#state === "streaming") {
      this.#enqueue(content);
    }
    return true;
  }

  /**
   * Reads the stream to its end, faster than its reader would: what is not in its queue yet goes to
   * one buffer. The stream is locked and used as by any other reader.
   *
   * @param stream What {@link open} has returned.
   * @param expected The announced length, in bytes.
   */
  async collect(
    stream: ReadableStream<Uint8Array>,
    expected: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const reader: ChunkReader<Uint8Array> = stream.getReader();
    const sink = new BodySink(expected);
    for (;;) {
      const isEmpty = this.#state === "streaming" && this.#queued <= 0;
      if (isEmpty) this.#sink = sink;
      const read = await reader.read();
      if (read.done) return sink.bytes();
      sink.append(read.value);
    }
  }

  /**
   * Whether the queue is full, and nothing was read from it since the last call or the last input.
   */
  hasStalled(): boolean {
    if (!this.#full) return false;
    const unread = this.#unread;
    this.#unread = this.#queued;
    return this.#unread === unread;
  }

  /**
   * Passes the body on: `null` if it has ended empty, its bytes if it has ended, else a stream.
   * Called once.
   */
  open(): Uint8Array | ReadableStream<Uint8Array> | null {
    const gathered = this.#gathered?.bytes();
    this.#gathered = undefined;
    if (this.#complete) {
      this.#state = "ended";
      return gathered ?? null;
    }
    this.#state = "streaming";
    this.#highWaterMark = this.#flow.bodyLimit;
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#setFull(false),
      cancel: () => this.discard(),
    }, {
      highWaterMark: this.#highWaterMark,
      size: (content) => content!.length + RECORD_OVERHEAD,
    });
    if (gathered !== undefined) this.#enqueue(gathered);
    return stream;
  }

  /** Ends the body as an empty one before it is passed on: later input is ignored. */
  end(): void {
    this.#gathered = undefined;
    this.#complete = true;
  }

  /** Discards the buffered input and all later input. */
  discard(): void {
    if (this.#state === "streaming") this.#setFull(false);
    this.#gathered = undefined;
    this.#sink = undefined;
    this.#state = "discarding";
  }

  /**
   * Gives up the rest of the body: its stream errors with `reason`, by default that the response
   * has been sent. A complete body stays as it is.
   */
  fail(reason?: DOMException): void {
    if (this.#complete) return;
    if (this.#state === "streaming") {
      this.#controller!.error(reason ?? abortError("The response has been sent"));
    }
    this.discard();
  }

  #enqueue(content: Uint8Array): void {
    // A small view would keep the memory of its whole chunk alive, thousands of one-byte views the
    // memory of as many chunks. The parts of one chunk share its memory, so a quarter is enough.
    const isPart = 4 * content.length < content.buffer.byteLength;
    this.#controller!.enqueue(isPart ? content.slice() : content);
    this.#unread = this.#queued;
    if (this.#unread >= this.#flow.bodyLimit) this.#setFull(true);
  }

  /** The size of the queue, as its strategy counts it. */
  get #queued(): number {
    return this.#highWaterMark - this.#controller!.desiredSize!;
  }

  #setFull(full: boolean): void {
    if (this.#full === full) return;
    this.#full = full;
    if (full) this.#flow.bodyFull();
    else this.#flow.bodyRoom();
  }
}
