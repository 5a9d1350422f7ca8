import { lineOf } from "../../log/describe.ts";

const encoder = new TextEncoder();

/**
 * Encodes any value as one line for FCGI_STDERR, in UTF-8; text of a client's cannot forge another
 * line.
 */
export function encodeLogLine(message: unknown): Uint8Array {
  return encoder.encode(`${lineOf(message)}\n`);
}
