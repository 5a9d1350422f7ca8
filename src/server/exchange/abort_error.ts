import { isError, summarize, textOf } from "../../log/describe.ts";

// As loaded: applications replace globals.
const { AbortController, DOMException } = globalThis;

/**
 * The reason of every cancellation: what `request.signal`, request bodies and response bodies end
 * with.
 */
export function abortError(message: string): DOMException {
  return new DOMException(message, "AbortError");
}

/**
 * Anything as the reason of a cancellation: itself if it is a DOMException, else its description.
 */
export function asAbortError(reason: unknown): DOMException {
  try {
    if (reason instanceof DOMException) return reason;
  } catch {
    // A proxy.
  }
  return abortError(summarize(reason));
}

/** Whether this is the error of a cancellation, whoever made it. */
export function isAbortError(error: unknown): boolean {
  return isError(error) && textOf(error, "name") === "AbortError";
}

/** Makes a controller, which has aborted already if there is a reason. */
export function abortController(reason: DOMException | undefined): AbortController {
  const controller = new AbortController();
  if (reason !== undefined) controller.abort(reason);
  return controller;
}
