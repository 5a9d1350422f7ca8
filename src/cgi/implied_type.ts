/**
 * The Content-Type that a runtime implies but does not expose.
 *
 * By the Fetch standard, `new Response("text")` has the header
 * `content-type: text/plain;charset=UTF-8`. Bun 1.4 exposes no header, nor any other difference
 * between a body made from a string and one made from bytes; its own server, which knows, adds the
 * type on the wire. Without a type browsers sniff: UTF-8 text becomes windows-1252, text that looks
 * like HTML becomes HTML. So on Bun a body that is text gets the type of a string, and any other
 * body stays without, as on the other runtimes.
 */

// As loaded: applications replace the global.
const { TextDecoder } = globalThis;

const TEXT = "text/plain;charset=UTF-8";

/** Bytes that are sniffed: the "resource header" of the MIME Sniffing standard (section 5.2). */
const LOOKED_AT = 1445;

const hidesType = !new Response("text").headers.has("content-type");

/**
 * The Content-Type to send with the body of a `Response` that has none; `null` for no header.
 *
 * @param body The body's bytes, all of them or the first 1445.
 */
export function impliedContentType(body: Uint8Array): string | null {
  return hidesType && body.length > 0 && looksLikeText(body) ? TEXT : null;
}

/**
 * Whether the bytes are text: no "binary data byte" (MIME Sniffing, section 3), and valid UTF-8 in
 * the part that is sniffed.
 *
 * @param isCut Whether the body is longer, so that its last character may be incomplete.
 */
export function looksLikeText(
  body: Uint8Array,
  isCut: boolean = body.length > LOOKED_AT,
): boolean {
  const length = Math.min(body.length, LOOKED_AT);
  let ascii = true;
  for (let i = 0; i < length; i++) {
    const byte = body[i]!;
    if (byte < 0x20 && (byte < 0x09 || byte === 0x0b || (byte > 0x0d && byte !== 0x1b))) {
      return false;
    }
    if (byte > 0x7f) ascii = false;
  }
  if (ascii) return true;
  try {
    // In stream mode, a character truncated at the end is not an error.
    new TextDecoder("utf-8", { fatal: true })
      .decode(body.subarray(0, length), { stream: isCut });
    return true;
  } catch {
    return false;
  }
}
