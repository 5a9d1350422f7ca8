// As loaded: applications replace globals.
const { AbortController, DOMException } = globalThis;

/** The reason of every cancellation: what `request.signal`, request bodies and response bodies end with. */
export function abortError(message: string): DOMException {
  return new DOMException(message, "AbortError");
}

/** A reason as an {@link abortError}, unless it is one. */
export function asAbortError(reason: unknown): DOMException {
  return reason instanceof DOMException ? reason : abortError(String(reason));
}

/** Makes a controller, which has aborted already if there is a reason. */
export function abortController(reason: DOMException | undefined): AbortController {
  const controller = new AbortController();
  if (reason !== undefined) controller.abort(reason);
  return controller;
}
