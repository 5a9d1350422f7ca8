/** The reason of every cancellation: what `request.signal`, request bodies and response bodies end with. */
export function abortError(message: string): DOMException {
  return new DOMException(message, "AbortError");
}
