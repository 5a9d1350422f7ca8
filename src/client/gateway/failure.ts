/** What becomes of a request that the application does not answer. */
import { textOf } from "../../log/describe.ts";

// As loaded: applications replace the global.
const { Promise } = globalThis;

/** Statuses by the `code` of an error; of `FastCgiError`, or of the system. */
const STATUSES: Record<string, number> = {
  body_too_large: 413,
  overloaded: 503,
  timed_out: 504,
  ETIMEDOUT: 504,
};

/** The status for an error of the client: by default 502, Bad Gateway. */
export function failureStatus(error: unknown): number {
  // A parameter that cannot be encoded: the fault of `params`.
  if (error instanceof RangeError) return 500;
  return STATUSES[textOf(error, "code") ?? ""] ?? 502;
}

/** Whether the client of a request has gone. Its body may fail before its signal aborts. */
export async function isGone({ signal }: Request): Promise<boolean> {
  if (signal.aborted) return true;
  await new Promise((resolve) => setTimeout(resolve, 0));
  return signal.aborted;
}
