/**
 * The record codec as `TransformStream`s: thin wrappers of {@link RecordDecoder} and
 * {@link encodeRecord}.
 */
import { fatalPeerError } from "./errors.ts";
import { encodeRecord, type FastCgiRecord } from "./record.ts";
import { RecordDecoder } from "./record_decoder.ts";

/**
 * Decodes bytes to records. The readable side errors with a {@link FastCgiError} on a bad version,
 * and when the input ends in the middle of a record.
 *
 * @example Usage
 * ```ts
 * import { encodeRecord, RecordDecoderStream, RecordType } from "@fastcgi/serve/protocol";
 *
 * const bytes = new Blob([encodeRecord(RecordType.STDIN, 1) as Uint8Array<ArrayBuffer>]).stream();
 * for await (const record of bytes.pipeThrough(new RecordDecoderStream())) {
 *   console.log(record.type, record.requestId); // 5 1
 * }
 * ```
 */
export class RecordDecoderStream extends TransformStream<Uint8Array, FastCgiRecord> {
  /** Builds the stream pair. */
  constructor() {
    const decoder = new RecordDecoder();
    super({
      transform(chunk, controller) {
        decoder.push(chunk);
        for (let record = decoder.next(); record !== undefined; record = decoder.next()) {
          controller.enqueue(record);
        }
      },
      flush() {
        if (decoder.isPartial) {
          throw fatalPeerError("truncated", "Cannot read a record: the input ended inside it");
        }
      },
    });
  }
}

/**
 * Encodes records to bytes. The readable side errors with a `RangeError` on a record that cannot be
 * encoded.
 */
export class RecordEncoderStream extends TransformStream<FastCgiRecord, Uint8Array> {
  /** Builds the stream pair. */
  constructor() {
    super({
      transform(record, controller) {
        controller.enqueue(encodeRecord(record.type, record.requestId, record.content));
      },
    });
  }
}
