/** A request body that is taken whole: its content is copied once, to where it stays. */

/** Bytes that are allocated before any have come: a client may announce more than it sends. */
const FIRST_ALLOCATION = 1024 * 1024;

/** Collects the content of a body in one buffer. */
export class BodySink {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;
  /** Why the content cannot be kept, if so. */
  #failure: { readonly error: unknown } | undefined;
  readonly #expected: number;

  /** @param expected The length that the body will most likely have, in bytes. */
  constructor(expected: number) {
    this.#bytes = new Uint8Array(Math.min(expected, FIRST_ALLOCATION));
    this.#expected = expected;
  }

  /** Never throws: no memory for one body is no fault of its connection. */
  append(content: Uint8Array): void {
    if (this.#failure !== undefined) return;
    const length = this.#length + content.length;
    try {
      if (length > this.#bytes.length) this.#grow(length);
    } catch (error) {
      this.#failure = { error };
      this.#bytes = new Uint8Array(0);
      return;
    }
    this.#bytes.set(content, this.#length);
    this.#length = length;
  }

  /**
   * The content, in a buffer of its own.
   *
   * @throws {RangeError} If there was no memory for it.
   */
  bytes(): Uint8Array<ArrayBuffer> {
    if (this.#failure !== undefined) throw this.#failure.error;
    const bytes = this.#bytes;
    return this.#length === bytes.length ? bytes : bytes.slice(0, this.#length);
  }

  #grow(least: number): void {
    let size = Math.max(least, 2 * this.#bytes.length);
    // The last time it grows, it grows to what was announced.
    if (least <= this.#expected && size > this.#expected) size = this.#expected;
    const grown = new Uint8Array(size);
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
