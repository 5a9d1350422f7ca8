import { FastCgiError } from "../protocol/errors.ts";
import { cancelQuietly } from "./cancel_quietly.ts";
import type { ErrorHandler } from "./handler.ts";
import { REPORT_INTERVAL } from "./limits.ts";

/** What `onError` hears: every failure of the application, and of what peers do wrong one a second, with a count. */
export class Reports {
  readonly #onError: ErrorHandler;
  #hasWarned = false;
  /** When a fault of a peer was reported last. */
  #reportedAt = -Infinity;
  /** The last of the faults left out since then, and how many they are. */
  #leftOut: { error: unknown; count: number } | undefined;

  constructor(onError: ErrorHandler = logError) {
    this.#onError = onError;
  }

  /** Tells of a failure that has no request to answer. */
  report(error: unknown): void {
    // Nobody gets the page that `onError` may have for it.
    void this.errorResponse(error).then((page) => cancelQuietly(page?.body, error));
  }

  /**
   * Tells of a fault that whoever reaches the socket can repeat as often as they like: once a second at the most. Those
   * between are counted, and told with the next, or at the end.
   */
  reportPeerFault(error: unknown): void {
    const now = performance.now();
    if (now - this.#reportedAt < REPORT_INTERVAL) {
      this.#leftOut = { error, count: (this.#leftOut?.count ?? 0) + 1 };
      return;
    }
    const count = this.#leftOut?.count ?? 0;
    this.#leftOut = undefined;
    this.#reportedAt = now;
    this.report(count === 0 ? error : counted(error, count));
  }

  /** Tells of the faults that were left out last: there will be no others. */
  flush(): void {
    if (this.#leftOut === undefined) return;
    const { error, count } = this.#leftOut;
    this.#leftOut = undefined;
    this.report(count === 1 ? error : counted(error, count - 1));
  }

  /** Tells of something that will fail behind some web servers: the first time only. */
  warnOnce(message: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.report(new Error(message));
  }

  /** Tells of a failure, and returns the response that `onError` wants sent, if any. */
  async errorResponse(error: unknown): Promise<Response | undefined> {
    try {
      return (await this.#onError(error)) ?? undefined;
    } catch (failure) {
      logError(error);
      logError(failure);
      return undefined;
    }
  }
}

/** The same error, with a word about the others. */
function counted(error: unknown, count: number): Error {
  const what = error instanceof Error ? error.message : String(error);
  const message = `${what} (and ${count} more faults before it, not reported one by one)`;
  if (!(error instanceof FastCgiError)) return new Error(message, { cause: error });
  const { code, fault, connectionSurvives } = error;
  return new FastCgiError(code, message, { cause: error, fault, connectionSurvives });
}

function logError(error: unknown): void {
  console.error(error);
}
