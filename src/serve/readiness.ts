import { failProgram } from "../runtime/standard_error.ts";
import { describeThrown, lineOf, messageOf } from "../log/describe.ts";

/**
 * The promise that a server is ready. If it rejects, somebody has to hear of it: whoever has asked
 * for the promise, or else a person, by one line on standard error and exit code 1.
 *
 * To have asked means to have it by the turn of the event loop behind the failure. Whoever has it
 * and does not handle it meets what the runtime does about any promise.
 */
export class Readiness<T> {
  readonly #promise: Promise<T>;
  /** A promise of its own for those who ask, so that the runtime sees whether they handle it. */
  #asked: Promise<T> | undefined;
  /**
   * Resolves when it is clear that the server is ready, or that somebody has heard that it is not.
   */
  readonly settled: Promise<void>;

  /** @param isOwnError Whether a reason is one of ours, whose message says it all. */
  constructor(promise: Promise<T>, isOwnError: (reason: unknown) => boolean) {
    this.#promise = promise;
    this.settled = promise.then(() => {}, (reason) => this.#failed(reason, isOwnError(reason)));
  }

  /** The promise, the same one each time. */
  get promise(): Promise<T> {
    return this.#asked ??= this.#promise.then((value) => value);
  }

  async #failed(reason: unknown, isOwn: boolean): Promise<void> {
    if (this.#asked === undefined) await new Promise((resolve) => setTimeout(resolve, 0));
    if (this.#asked !== undefined) return;
    failProgram(isOwn ? lineOf(messageOf(reason)) : describeThrown(reason));
  }
}
