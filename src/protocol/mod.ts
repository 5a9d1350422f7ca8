/**
 * The FastCGI 1.0 wire format: records, name-value pairs and fixed bodies, encoders and decoders for both directions,
 * without a socket, a promise or a timer; and the record codec as `TransformStream`s.
 *
 * ```ts
 * import { encodeNameValues, encodeStream, RecordType } from "@fastcgi/serve/protocol";
 *
 * const params = encodeStream(RecordType.PARAMS, 1, encodeNameValues([["REQUEST_METHOD", "GET"]]));
 * console.log(params.length); // a PARAMS record and the empty one that ends the stream
 * ```
 *
 * @module
 */
export * from "./bodies.ts";
export * from "./constants.ts";
export * from "./content_buffer.ts";
export * from "./errors.ts";
export * from "./management.ts";
export * from "./name_value.ts";
export * from "./record.ts";
export * from "./record_decoder.ts";
export * from "./record_streams.ts";
