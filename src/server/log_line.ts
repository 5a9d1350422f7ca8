import { lineOf } from "../log/describe.ts";

const encoder = new TextEncoder();

/**
 * Anything as one line for FCGI_STDERR, in UTF-8; what a client sent cannot forge another.
 *
 * Its length is never a multiple of eight, so that its record has padding: HAProxy 2.6 dies (BUG_ON)
 * of an invalid record behind a STDERR record without any, which is how an answer breaks off.
 */
export function encodeLogLine(message: unknown): Uint8Array {
  const line = lineOf(message);
  const bytes = encoder.encode(`${line}\n`);
  return bytes.length % 8 === 0 ? encoder.encode(`${line} \n`) : bytes;
}
