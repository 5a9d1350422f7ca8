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

  /** Whether room in the queue is waited for. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Rejects when the stream fails. */
  get closed(): Promise<void> {
    return this.#writer.closed as Promise<void>;
  }

  /** Queues bytes, which are the stream's from now on. */
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

  /** Closes the stream behind what is queued; rejects if it fails before. */
  close(): Promise<void> {
    return this.#writer.close();
  }

  /** Closes it at once, without what is queued. */
  async abort(reason?: unknown): Promise<void> {
    await this.#writer.abort(reason).catch(() => {});
  }
}
