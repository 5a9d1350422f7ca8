/**
 * The FastCGI 1.0 wire format: records, name-value pairs and fixed bodies, encoders and decoders
 * for both directions. It uses no socket, promise or timer. The record codec also comes as
 * `TransformStream`s.
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
export {
  type BeginRequestBody,
  decodeBeginRequest,
  decodeEndRequest,
  decodeUnknownType,
  encodeBeginRequest,
  encodeEndRequest,
  encodeUnknownType,
  type EndRequestBody,
} from "./bodies.ts";
export {
  FCGI_HEADER_LEN,
  FCGI_KEEP_CONN,
  FCGI_MAX_CONTENT_LEN,
  FCGI_NULL_REQUEST_ID,
  FCGI_VERSION_1,
  ProtocolStatus,
  RecordType,
  Role,
} from "./constants.ts";
export { FastCgiError, type FastCgiErrorCode, type FastCgiErrorOptions } from "./errors.ts";
export {
  answerGetValues,
  answerManagement,
  encodeGetValues,
  isKnownType,
  type ManagementValues,
} from "./management.ts";
export {
  decodeNameValues,
  encodeNameValues,
  forEachNameValue,
  type NameOrValue,
} from "./name_value.ts";
export { encodeRecord, encodeStream, type FastCgiRecord } from "./record.ts";
export { RecordDecoder } from "./record_decoder.ts";
export { RecordDecoderStream, RecordEncoderStream } from "./record_streams.ts";
