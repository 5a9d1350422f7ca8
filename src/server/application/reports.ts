import { messageOf } from "../../log/describe.ts";
import { printLine, printThrown } from "../../log/print.ts";
import { FastCgiError } from "../../protocol/errors.ts";
import { cancelQuietly } from "./cancel_quietly.ts";
import type { ErrorContext, ErrorHandler } from "./handler.ts";

/** Rate limit of reports about faults of peers, in milliseconds; those in between are counted. */
const REPORT_INTERVAL = 1_000;

/**
 * Reports to `onError`: every failure of the application; faults of peers once a second, with a
 * count.
 */
export class Reports {
  readonly #onError: ErrorHandler | undefined;
  #hasWarned = false;
  /** Time of the last report of a peer's fault. */
  #reportedAt = -Infinity;
  /** The last fault suppressed since then, and the number of them. */
  #leftOut: { error: unknown; count: number } | undefined;

  /** Without `onError`, reports are printed. */
  constructor(onError?: ErrorHandler) {
    this.#onError = onError;
  }

  /**
   * Reports a failure that has no request to answer, or none any more; `context` has the request.
   * Resolves when `onError` has settled, and never rejects.
   */
  async report(error: unknown, context: ErrorContext = {}): Promise<void> {
    const page = await this.errorResponse(error, context);
    // The response is not sent. It may be any object, so its getters may throw.
    try {
      void cancelQuietly(page?.body, error);
    } catch {
      // Ignored.
    }
  }

  /**
   * Reports a fault that any peer can cause as often as it likes: at most once a second. Those in
   * between are counted, and reported with the next, or at the end.
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
    this.#tell(count === 0 ? error : counted(error, count));
  }

  /** Reports the faults that are still suppressed: there will be no others. */
  flush(): void {
    if (this.#leftOut === undefined) return;
    const { error, count } = this.#leftOut;
    this.#leftOut = undefined;
    this.#tell(count === 1 ? error : counted(error, count - 1));
  }

  /** Reports, the first time only, a response that will fail behind some web servers. */
  warnOnce(message: string, context: ErrorContext): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#tell(new Error(message), context);
  }

  /**
   * Reports a failure, and resolves with the `Response` that `onError` returns, if any. Never
   * rejects. A value that is not an object, such as the result of `Array.push`, is ignored.
   */
  async errorResponse(error: unknown, context: ErrorContext): Promise<Response | undefined> {
    if (this.#onError === undefined) {
      printThrown(error);
      return undefined;
    }
    try {
      const answer = await this.#onError(error, context);
      return typeof answer === "object" && answer !== null ? answer : undefined;
    } catch (failure) {
      printThrown(error);
      printThrown(failure);
      return undefined;
    }
  }

  /** Reports an error whose message is enough: printed, it is one line without a stack. */
  #tell(error: unknown, context: ErrorContext = {}): void {
    if (this.#onError === undefined) printLine(messageOf(error));
    else void this.report(error, context);
  }
}

/** The same error, with the number of suppressed ones in its message. */
function counted(error: unknown, count: number): Error {
  const message = `${
    messageOf(error)
  } (and ${count} more faults before it, not reported one by one)`;
  if (!(error instanceof FastCgiError)) return new Error(message, { cause: error });
  const { code, fault, connectionSurvives } = error;
  return new FastCgiError(code, message, { cause: error, fault, connectionSurvives });
}
