import { isError, summarize, textOf } from "../../log/describe.ts";

// As loaded: applications replace globals.
const { AbortController, DOMException } = globalThis;

/**
 * Creates the reason of a cancellation: of `request.signal`, of request bodies and of response
 * bodies.
 */
export function abortError(message: string): DOMException {
  return new DOMException(message, "AbortError");
}

/**
 * Converts any value to the reason of a cancellation: itself if it is a DOMException, else an error
 * with its description.
 */
export function asAbortError(reason: unknown): DOMException {
  try {
    if (reason instanceof DOMException) return reason;
  } catch {
    // A proxy.
  }
  return abortError(summarize(reason));
}

/** Whether an error is an `AbortError`, of any origin. */
export function isAbortError(error: unknown): boolean {
  return isError(error) && textOf(error, "name") === "AbortError";
}

/** Creates a controller, aborted already if there is a reason. */
export function abortController(reason: DOMException | undefined): AbortController {
  const controller = new AbortController();
  if (reason !== undefined) controller.abort(reason);
  return controller;
}
