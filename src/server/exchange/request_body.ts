import { ContentBuffer } from "../../protocol/content_buffer.ts";
import { abortError } from "./abort_error.ts";
import { RECORD_OVERHEAD } from "../application/limits.ts";

// As loaded: applications replace the global.
const { ReadableStream } = globalThis;

/** What a body needs of the connection that it comes on. */
export interface BodyFlow {
  /** Bytes of one body that may wait unread; never less than it was. */
  readonly bodyLimit: number;
  /** A body's queue is full. For each body this alternates with {@link bodyRoom}. */
  bodyFull(): void;
  /** There is room again. */
  bodyRoom(): void;
}

/**
 * One input stream of a request, STDIN or DATA, on its way to the handler.
 *
 * Until the handler starts, what has come is gathered; so a small body that came with its
 * parameters is handed over as bytes and no stream is made. Afterwards a `ReadableStream` whose own
 * queue is the only buffer: when it holds as much as the connection allows, the connection stops
 * reading. A body that nobody wants is dropped as it comes, so the connection never waits for it.
 */
export class RequestBody {
  #state: "gathering" | "streaming" | "ended" | "discarding" = "gathering";
  #gathered: ContentBuffer | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #complete = false;
  #full = false;
  #highWaterMark = 0;
  /** What waited unread when bytes came last, or when somebody asked for {@link hasStalled}. */
  #unread = 0;
  /** Bytes that may still come. */
  #left: number;
  readonly #flow: BodyFlow;

  /** @param maxBytes The most bytes of content. */
  constructor(flow: BodyFlow, maxBytes = Infinity) {
    this.#flow = flow;
    this.#left = maxBytes;
  }

  /** Whether all of it has come. */
  get isComplete(): boolean {
    return this.#complete;
  }

  /** Bytes that wait for the handler to start. */
  get gathered(): number {
    return this.#gathered?.length ?? 0;
  }

  /**
   * Takes the content of a record; empty content is the stream's end. What comes after it is
   * ignored.
   *
   * @returns `false` for the record that is too much, once: neither that nor what follows is a part
   * of the body.
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
    } else if (this.#state === "streaming") {
      this.#enqueue(content);
    }
    return true;
  }

  /**
   * Whether the queue is full, and nothing was read of it since this was asked last, or since bytes
   * came.
   */
  hasStalled(): boolean {
    if (!this.#full) return false;
    const unread = this.#unread;
    this.#unread = this.#queued;
    return this.#unread === unread;
  }

  /**
   * Hands the body over: `null` if it has ended empty, its bytes if it has ended, else a stream.
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

  /** Ends the body empty before it is handed over: whatever comes for it is no part of it. */
  end(): void {
    this.#gathered = undefined;
    this.#complete = true;
  }

  /** Drops what has come and what will come. */
  discard(): void {
    if (this.#state === "streaming") this.#setFull(false);
    this.#gathered = undefined;
    this.#state = "discarding";
  }

  /**
   * Gives up what has not come yet: whoever reads on gets `reason`, by default that the response
   * has been sent. A body that is complete stays as it is.
   */
  fail(reason?: DOMException): void {
    if (this.#complete) return;
    if (this.#state === "streaming") {
      this.#controller!.error(reason ?? abortError("The response has been sent"));
    }
    this.discard();
  }

  #enqueue(content: Uint8Array): void {
    // A small part would keep all of its chunk alive, whatever else that was: thousands of them, of
    // one byte each.
    const isPart = 2 * content.length < content.buffer.byteLength;
    this.#controller!.enqueue(isPart ? content.slice() : content);
    this.#unread = this.#queued;
    if (this.#unread >= this.#flow.bodyLimit) this.#setFull(true);
  }

  /** What waits unread, as the queue counts it. */
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
