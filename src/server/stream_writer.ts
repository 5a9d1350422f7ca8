/** The writable side of a transport over Web Streams: bytes go in, back-pressure comes out. */
export class StreamWriter {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #drained: () => void;
  #isFull = false;

  /** @param drained Called when there is room again, after {@link hasRoom} returned `false`. */
  constructor(stream: WritableStream<Uint8Array>, drained: () => void) {
    this.#writer = stream.getWriter();
    this.#drained = drained;
  }

  /** Bytes in the queue, up to a constant offset: the high-water mark. */
  get backlog(): number {
    return -(this.#writer.desiredSize ?? 0);
  }

  /** Whether the queue was full, and `drained` is still to be called. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Rejects when the stream errors. */
  get closed(): Promise<void> {
    return this.#writer.closed as Promise<void>;
  }

  /** Queues bytes, which belong to the stream from now on. */
  write(bytes: Uint8Array): void {
    this.#writer.write(bytes).catch(() => {});
  }

  /** Whether the queue has room. If not, `drained` is called when it has, or never will have. */
  hasRoom(): boolean {
    if (this.#writer.desiredSize! > 0) return true;
    if (this.#isFull) return false;
    this.#isFull = true;
    this.#writer.ready.catch(() => {}).then(() => {
      this.#isFull = false;
      this.#drained();
    });
    return false;
  }

  /** Closes the stream after the queued bytes; rejects if it errors before. */
  close(): Promise<void> {
    return this.#writer.close();
  }

  /** Aborts the stream at once; queued bytes are lost. */
  async abort(reason?: unknown): Promise<void> {
    await this.#writer.abort(reason).catch(() => {});
  }
}
