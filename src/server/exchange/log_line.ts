import { lineOf } from "../../log/describe.ts";

const encoder = new TextEncoder();

/** Anything as one line for FCGI_STDERR, in UTF-8; what a client sent cannot forge another. */
export function encodeLogLine(message: unknown): Uint8Array {
  return encoder.encode(`${lineOf(message)}\n`);
}
