/** Detects an empty request body from the parameters. */
import { contentLength } from "./content_length.ts";
import type { ParamsView } from "./params.ts";

/**
 * Whether the parameters declare the body empty: then there is no STDIN to wait for (RFC 3875,
 * section 4.2). HAProxy sends no STDIN record at all for a body that turned out to be empty. The
 * length of a chunked upload may be a guess; only the end of its stream is certain.
 */
export function hasEmptyBody(params: ParamsView): boolean {
  const length = contentLength(params.get("CONTENT_LENGTH"));
  return length === 0 && !params.has("HTTP_TRANSFER_ENCODING");
}
