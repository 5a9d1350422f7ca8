/**
 * Decodes bytes to records.
 *
 * A record that lies within one chunk is returned as a view of it, without a copy. Only a record
 * split by a chunk boundary is copied to a buffer of its own, allocated at its exact size (at most
 * 65,798 bytes) once its header has been validated; or, where the caller has asked for it, handed
 * on in parts, which are joined to one where they lie in one chunk.
 */
import { FCGI_HEADER_LEN, FCGI_VERSION_1 } from "./constants.ts";
import { fatalPeerError } from "./errors.ts";
import { otherProtocol } from "./other_protocol.ts";
import { EMPTY_CONTENT, type FastCgiRecord } from "./record.ts";

/**
 * Decodes records from chunks of any size (FastCGI 1.0, section 3.3). Any padding is accepted; the
 * reserved byte is ignored.
 *
 * @example Usage
 * ```ts
 * import { encodeRecord, RecordDecoder, RecordType } from "@fastcgi/serve/protocol";
 *
 * const decoder = new RecordDecoder();
 * decoder.push(encodeRecord(RecordType.STDIN, 1, new Uint8Array([1, 2, 3])));
 * for (let record = decoder.next(); record !== undefined; record = decoder.next()) {
 *   console.log(record.type, record.requestId, record.content.length); // 5 1 3
 * }
 * ```
 */
export class RecordDecoder {
  #chunk: Uint8Array = EMPTY_CONTENT;
  #offset = 0;
  /**
   * A record split by a chunk boundary: first its header alone, then the whole at its exact size.
   */
  #partial: Uint8Array | undefined;
  #filled = 0;
  readonly #inParts: readonly number[];
  readonly #mayOverwrite: boolean;
  /** A record that is handed on in parts: what is still to come of it. */
  #cut: CutRecord | undefined;

  /**
   * Creates a decoder.
   *
   * @param inParts Types of stream records (section 3.3) that are handed on as they come: one that
   * a chunk cuts becomes several records, none of them empty, which are views of the chunks. Other
   * records are always whole. @default []
   * @param mayOverwrite Whether nobody else uses the memory of the chunks. Then records in parts
   * that follow each other in a chunk, of one type and request, become one record: their content
   * moves down over their headers. @default {false}
   */
  constructor(inParts: readonly number[] = [], mayOverwrite = false) {
    this.#inParts = inParts;
    this.#mayOverwrite = mayOverwrite;
  }

  /**
   * Pushes the next chunk and transfers its ownership to the decoder: records are views of it.
   *
   * @throws {TypeError} If records of the previous chunk have not been taken with {@link next}.
   */
  push(chunk: Uint8Array): void {
    if (this.#offset < this.#chunk.length) {
      throw new TypeError("Cannot push a chunk: records of the one before are still to be read");
    }
    this.#chunk = chunk;
    this.#offset = 0;
  }

  /**
   * Takes the next record, or returns `undefined` when more bytes are needed.
   *
   * @throws {FastCgiError} `bad_version` if a header is invalid, which is the error's `cause`;
   * nothing more can be decoded after it.
   */
  next(): FastCgiRecord | undefined {
    if (this.#partial !== undefined) return this.#nextFromPartial(this.#partial);
    if (this.#cut !== undefined) {
      const part = this.#nextPart(this.#cut);
      if (part !== undefined || this.#cut !== undefined) return part;
    }
    const chunk = this.#chunk;
    const start = this.#offset;
    const available = chunk.length - start;
    if (available >= FCGI_HEADER_LEN) {
      const size = sizeOfRecord(chunk, start);
      if (available >= size) {
        this.#offset = start + size;
        return this.#withNext(recordAt(chunk, start));
      }
      const cut = this.#cutAt(chunk, start);
      if (cut !== undefined) {
        this.#offset = start + FCGI_HEADER_LEN;
        return this.#nextPart(cut);
      }
      return this.#keep(size, available);
    }
    if (available > 0) return this.#keep(FCGI_HEADER_LEN, available);
    return undefined;
  }

  /** Whether the bytes so far end in the middle of a record. */
  get isPartial(): boolean {
    return this.#partial !== undefined || this.#cut !== undefined;
  }

  /** Begins a record that is handed on in parts, if the one at `start` is such a record. */
  #cutAt(bytes: Uint8Array, start: number): CutRecord | undefined {
    const type = bytes[start + 1]!;
    const content = contentLength(bytes, start);
    if (content === 0 || !this.#inParts.includes(type)) return undefined;
    const requestId = bytes[start + 2]! << 8 | bytes[start + 3]!;
    return this.#cut = { type, requestId, content, padding: bytes[start + 6]! };
  }

  /** Takes what has come of the content of a record in parts, or else of its padding. */
  #nextPart(cut: CutRecord): FastCgiRecord | undefined {
    const chunk = this.#chunk;
    const start = this.#offset;
    const end = Math.min(start + (cut.content || cut.padding), chunk.length);
    this.#offset = end;
    if (cut.content === 0) {
      cut.padding -= end - start;
      if (cut.padding === 0) this.#cut = undefined;
      return undefined;
    }
    if (end === start) return undefined;
    cut.content -= end - start;
    if (cut.content === 0 && cut.padding === 0) this.#cut = undefined;
    const content = new Uint8Array(chunk.buffer, chunk.byteOffset + start, end - start);
    return this.#withNext({ type: cut.type, requestId: cut.requestId, content });
  }

  /** Joins the next records of its stream in this chunk to one that may come in parts. */
  #withNext(record: FastCgiRecord): FastCgiRecord {
    const { type, requestId, content } = record;
    if (!this.#mayOverwrite || content.length === 0 || !this.#inParts.includes(type)) return record;
    const chunk = this.#chunk;
    const start = content.byteOffset - chunk.byteOffset;
    let end = start + content.length;
    while (this.#cut === undefined && isOfStream(chunk, this.#offset, record)) {
      const next = this.#offset + FCGI_HEADER_LEN;
      const length = contentLength(chunk, this.#offset);
      const padding = chunk[this.#offset + 6]!;
      const taken = Math.min(length, chunk.length - next);
      const skipped = Math.min(padding, chunk.length - next - taken);
      if (taken + skipped < length + padding) {
        this.#cut = { type, requestId, content: length - taken, padding: padding - skipped };
      }
      chunk.copyWithin(end, next, next + taken);
      end += taken;
      this.#offset = next + taken + skipped;
    }
    if (end === start + content.length) return record;
    const joined = new Uint8Array(chunk.buffer, content.byteOffset, end - start);
    return { type, requestId, content: joined };
  }

  #keep(size: number, available: number): undefined {
    const partial = new Uint8Array(size);
    partial.set(this.#chunk.subarray(this.#offset));
    this.#partial = partial;
    this.#filled = available;
    this.#offset = this.#chunk.length;
    return undefined;
  }

  #nextFromPartial(partial: Uint8Array): FastCgiRecord | undefined {
    if (!this.#fill(partial)) return undefined;
    if (partial.length === FCGI_HEADER_LEN) {
      const size = sizeOfRecord(partial, 0);
      const cut = this.#cutAt(partial, 0);
      if (cut !== undefined) {
        this.#partial = undefined;
        return this.#nextPart(cut);
      }
      if (size > FCGI_HEADER_LEN) {
        const whole = new Uint8Array(size);
        whole.set(partial);
        this.#partial = whole;
        if (!this.#fill(whole)) return undefined;
        partial = whole;
      }
    }
    this.#partial = undefined;
    return recordAt(partial, 0);
  }

  #fill(partial: Uint8Array): boolean {
    const end = Math.min(this.#offset + partial.length - this.#filled, this.#chunk.length);
    partial.set(this.#chunk.subarray(this.#offset, end), this.#filled);
    this.#filled += end - this.#offset;
    this.#offset = end;
    return this.#filled === partial.length;
  }
}

/** A record that is handed on in parts: the bytes that are still to come. */
interface CutRecord {
  readonly type: number;
  readonly requestId: number;
  content: number;
  padding: number;
}

/**
 * The size of the record with the header at `start`, which is validated before anything is
 * allocated for the record.
 */
function sizeOfRecord(bytes: Uint8Array, start: number): number {
  if (bytes[start] !== FCGI_VERSION_1) {
    const why = otherProtocol(bytes, start) ?? `version ${bytes[start]}, not 1`;
    const header = bytes.slice(start, start + FCGI_HEADER_LEN);
    throw fatalPeerError("bad_version", `Cannot read a record: ${why}`, header);
  }
  return FCGI_HEADER_LEN + contentLength(bytes, start) + bytes[start + 6]!;
}

/** Whether a header at `start`, with some of its content, belongs to the stream of a record. */
function isOfStream(bytes: Uint8Array, start: number, record: FastCgiRecord): boolean {
  return start + FCGI_HEADER_LEN < bytes.length && bytes[start] === FCGI_VERSION_1 &&
    bytes[start + 1] === record.type &&
    (bytes[start + 2]! << 8 | bytes[start + 3]!) === record.requestId &&
    contentLength(bytes, start) > 0;
}

function contentLength(bytes: Uint8Array, start: number): number {
  return bytes[start + 4]! << 8 | bytes[start + 5]!;
}

function recordAt(bytes: Uint8Array, start: number): FastCgiRecord {
  const length = contentLength(bytes, start);
  return {
    type: bytes[start + 1]!,
    requestId: bytes[start + 2]! << 8 | bytes[start + 3]!,
    content: length === 0
      ? EMPTY_CONTENT
      : new Uint8Array(bytes.buffer, bytes.byteOffset + start + FCGI_HEADER_LEN, length),
  };
}
