import { decodeLatin1 } from "../../cgi/latin1.ts";
import { CgiParams } from "../../cgi/params.ts";
import type { Rejection } from "../../cgi/rejection.ts";
import { forEachNameValue } from "../../protocol/name_value.ts";

/**
 * Parses a complete PARAMS stream. It is decoded to text as a whole; values are sliced from that on
 * demand.
 *
 * @returns The parameters, or a rejection if there are too many of them or they are malformed.
 */
export function readParams(content: Uint8Array, maxParams: number): CgiParams | Rejection {
  const params = new CgiParams(decodeLatin1(content));
  let count = 0;
  try {
    forEachNameValue(content, (nameStart, valueStart, end) => {
      if (++count <= maxParams) params.addSlice(nameStart, valueStart, end);
    });
  } catch {
    return { status: 400, reason: "Malformed FastCGI parameters" };
  }
  return count > maxParams ? { status: 431, reason: "Too many request header fields" } : params;
}
