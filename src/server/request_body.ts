import { ContentBuffer } from "../protocol/content_buffer.ts";
import { abortError } from "./abort_error.ts";
import { BODY_HIGH_WATER_MARK } from "./limits.ts";

/** Hears when a body's queue is full and when there is room again; the calls alternate. */
export interface BodyFlow {
  bodyFull(): void;
  bodyRoom(): void;
}

/**
 * One input stream of a request, STDIN or DATA, on its way to the handler.
 *
 * Until the handler starts, what has come is gathered; so a small body that came with its parameters is handed over as
 * bytes and no stream is made. Afterwards a `ReadableStream` whose own queue is the only buffer: at its high-water mark
 * the connection stops reading. A body that nobody wants is dropped as it comes, so the connection never waits for it.
 */
export class RequestBody {
  #state: "gathering" | "streaming" | "ended" | "discarding" = "gathering";
  #gathered: ContentBuffer | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #complete = false;
  #full = false;
  readonly #flow: BodyFlow;

  constructor(flow: BodyFlow) {
    this.#flow = flow;
  }

  /** Bytes that wait for the handler to start. */
  get gathered(): number {
    return this.#gathered?.length ?? 0;
  }

  /** Takes the content of a record; empty content is the stream's end. What comes after it is ignored. */
  push(content: Uint8Array): void {
    if (this.#complete) return;
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
      this.#controller!.enqueue(content);
      if (this.#controller!.desiredSize! <= 0) this.#setFull(true);
    }
  }

  /** Hands the body over: `null` if it has ended empty, its bytes if it has ended, else a stream. Called once. */
  open(): Uint8Array | ReadableStream<Uint8Array> | null {
    const gathered = this.#gathered?.bytes();
    this.#gathered = undefined;
    if (this.#complete) {
      this.#state = "ended";
      return gathered ?? null;
    }
    this.#state = "streaming";
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#setFull(false),
      cancel: () => this.discard(),
    }, new ByteLengthQueuingStrategy({ highWaterMark: BODY_HIGH_WATER_MARK }));
    if (gathered !== undefined) this.push(gathered);
    return stream;
  }

  /** Drops what has come and what will come. */
  discard(): void {
    if (this.#state === "streaming") this.#setFull(false);
    this.#gathered = undefined;
    this.#state = "discarding";
  }

  /**
   * Gives up what has not come yet: whoever reads on gets `reason`, by default that the response has been sent. A body
   * that is complete stays as it is.
   */
  fail(reason?: DOMException): void {
    if (this.#complete) return;
    if (this.#state === "streaming") {
      this.#controller!.error(reason ?? abortError("The response has been sent"));
    }
    this.discard();
  }

  #setFull(full: boolean): void {
    if (this.#full === full) return;
    this.#full = full;
    if (full) this.#flow.bodyFull();
    else this.#flow.bodyRoom();
  }
}
