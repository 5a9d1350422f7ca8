/**
 * The chunks of response bodies: bytes of any realm and type, and text.
 *
 * The Fetch standard allows only `Uint8Array` in a body stream; Bun's server and other adapters
 * accept text and other kinds of bytes, and frameworks (Elysia's events) rely on it.
 */

const { ArrayBuffer, Uint8Array } = globalThis;
const encoder = new TextEncoder();
const tagOf = Object.prototype.toString;

/**
 * Converts a chunk to bytes; text is encoded as UTF-8, each chunk by itself.
 *
 * @throws {TypeError} If it is neither bytes nor text.
 */
export function bytesOf(chunk: unknown): Uint8Array {
  // This includes Node's Buffers.
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk === "string") return encoder.encode(chunk);
  if (ArrayBuffer.isView(chunk)) {
    return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  }
  if (isBytes(chunk)) return new Uint8Array(chunk as ArrayBuffer);
  const kind = chunk === null ? "null" : typeof chunk;
  throw new TypeError(`Cannot send a response body: a chunk is ${kind}, not bytes or text`);
}

/** Whether a value is bytes: a view of any realm, or a buffer. */
export function isBytes(value: unknown): value is ArrayBufferView | ArrayBufferLike {
  if (ArrayBuffer.isView(value)) return true;
  const tag = tagOf.call(value);
  return tag === "[object ArrayBuffer]" || tag === "[object SharedArrayBuffer]";
}
