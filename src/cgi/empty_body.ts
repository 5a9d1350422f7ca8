/** Whether a request has a body, as far as its parameters tell. */
import { contentLength } from "./content_length.ts";
import type { ParamsView } from "./params.ts";

/**
 * Whether the web server says that there is no body: then there is nothing to wait for (RFC 3875,
 * section 4.2). HAProxy sends no STDIN record at all for a body that turned out to be empty. Of a
 * chunked upload the length may be a guess, and only its end tells.
 */
export function hasEmptyBody(params: ParamsView): boolean {
  const length = contentLength(params.get("CONTENT_LENGTH"));
  return length === 0 && !params.has("HTTP_TRANSFER_ENCODING");
}
