import { decodeLatin1 } from "../cgi/latin1.ts";
import {
  decodeNameValues,
  encodeGetValues,
  FCGI_NULL_REQUEST_ID,
  RecordType,
} from "../protocol/mod.ts";
import { RecordDecoder } from "../protocol/record_decoder.ts";
import type { Lane } from "./carrier.ts";
import { connectionLost } from "./errors.ts";

// As loaded: applications replace the global.
const { Map } = globalThis;

/**
 * Sends GET_VALUES over a connection that carries nothing else. UNKNOWN_TYPE is a valid answer: no
 * values.
 *
 * @throws {FastCgiError} `connection_lost`, or a fault of the record layer.
 */
export async function askValues(
  connection: Lane,
  names: Iterable<string>,
): Promise<Map<string, string>> {
  const decoder = new RecordDecoder();
  await connection.write(encodeGetValues(names)).catch(() => {}); // reading tells
  for (;;) {
    const chunk = await connection.read();
    if (chunk === undefined) throw connectionLost();
    decoder.push(chunk);
    for (let record = decoder.next(); record !== undefined; record = decoder.next()) {
      if (record.requestId !== FCGI_NULL_REQUEST_ID) continue;
      if (record.type === RecordType.UNKNOWN_TYPE) return new Map();
      if (record.type !== RecordType.GET_VALUES_RESULT) continue;
      return new Map(
        decodeNameValues(record.content)
          .map(([name, value]) => [decodeLatin1(name), decodeLatin1(value)]),
      );
    }
  }
}
