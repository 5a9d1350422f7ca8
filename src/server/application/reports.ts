import { messageOf } from "../../log/describe.ts";
import { printLine, printThrown } from "../../log/print.ts";
import { FastCgiError } from "../../protocol/errors.ts";
import { cancelQuietly } from "./cancel_quietly.ts";
import type { ErrorContext, ErrorHandler } from "./handler.ts";
import { REPORT_INTERVAL } from "./limits.ts";

/**
 * What `onError` hears: every failure of the application, and of what peers do wrong one a second,
 * with a count.
 */
export class Reports {
  readonly #onError: ErrorHandler | undefined;
  #hasWarned = false;
  /** When a fault of a peer was reported last. */
  #reportedAt = -Infinity;
  /** The last of the faults left out since then, and how many they are. */
  #leftOut: { error: unknown; count: number } | undefined;

  /** Without `onError`, what there is to hear is printed. */
  constructor(onError?: ErrorHandler) {
    this.#onError = onError;
  }

  /**
   * Tells of a failure that has no request to answer, or none any more; `context` names it.
   * Resolves when `onError` has settled, and never rejects.
   */
  async report(error: unknown, context: ErrorContext = {}): Promise<void> {
    const page = await this.errorResponse(error, context);
    // Nobody gets it. It may be anything, so be it that its getters throw.
    try {
      void cancelQuietly(page?.body, error);
    } catch {
      // Told to nobody.
    }
  }

  /**
   * Tells of a fault that whoever reaches the socket can repeat as often as they like: once a
   * second at the most. Those between are counted, and told with the next, or at the end.
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

  /** Tells of the faults that were left out last: there will be no others. */
  flush(): void {
    if (this.#leftOut === undefined) return;
    const { error, count } = this.#leftOut;
    this.#leftOut = undefined;
    this.#tell(count === 1 ? error : counted(error, count - 1));
  }

  /** Tells of something that will fail behind some web servers: the first time only. */
  warnOnce(message: string, context: ErrorContext): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#tell(new Error(message), context);
  }

  /**
   * Tells of a failure, and resolves with what `onError` wants sent, if anything. Never rejects.
   * What is not even an object, such as what `Array.push` returns, is nothing to send.
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

  /** Tells of something whose message says it all: printed, it is one line without a stack. */
  #tell(error: unknown, context: ErrorContext = {}): void {
    if (this.#onError === undefined) printLine(messageOf(error));
    else void this.report(error, context);
  }
}

/** The same error, with a word about the others. */
function counted(error: unknown, count: number): Error {
  const message = `${
    messageOf(error)
  } (and ${count} more faults before it, not reported one by one)`;
  if (!(error instanceof FastCgiError)) return new Error(message, { cause: error });
  const { code, fault, connectionSurvives } = error;
  return new FastCgiError(code, message, { cause: error, fault, connectionSurvives });
}
