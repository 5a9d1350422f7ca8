import { EMPTY_CONTENT } from "./record.ts";

/**
 * The content of one stream, collected from its records. A single record, the usual case, stays the
 * view it came as, without a copy. More are copied into a buffer that doubles, so that a stream cut
 * into single bytes still costs linear time.
 */
export class ContentBuffer {
  #bytes: Uint8Array = EMPTY_CONTENT;
  #length = 0;

  /** Bytes collected so far. */
  get length(): number {
    return this.#length;
  }

  /** Appends the content of the next record. The bytes of the first must not change afterwards. */
  append(content: Uint8Array): void {
    const length = this.#length + content.length;
    if (this.#length === 0) {
      this.#bytes = content;
    } else {
      // The view of a first record is never written to: it has no spare capacity, so it is copied
      // here.
      if (length > this.#bytes.length) {
        const grown = new Uint8Array(Math.max(length, 2 * this.#bytes.length));
        grown.set(this.#bytes.subarray(0, this.#length));
        this.#bytes = grown;
      }
      this.#bytes.set(content, this.#length);
    }
    this.#length = length;
  }

  /** The content so far, as a view. */
  bytes(): Uint8Array {
    return this.#bytes.length === this.#length
      ? this.#bytes
      : this.#bytes.subarray(0, this.#length);
  }
}
