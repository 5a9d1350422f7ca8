import { failProgram } from "../runtime/standard_error.ts";
import { describeThrown, lineOf, messageOf } from "../log/describe.ts";

// As loaded: applications replace the global.
const { Promise } = globalThis;

/**
 * The `ready` promise of a server. A rejection must not go unnoticed: it goes to the program if
 * that has read the property, or else ends the process with one line on standard error and exit
 * code 1.
 *
 * The program counts as having read it if it does so by the turn of the event loop after the
 * failure. If it then does not handle the rejection, the runtime treats it like any unhandled one.
 */
export class Readiness<T> {
  readonly #promise: Promise<T>;
  /** A separate promise for the program, so that the runtime can detect an unhandled rejection. */
  #asked: Promise<T> | undefined;
  /** Resolves when the server is ready, or its failure has been reported. */
  readonly settled: Promise<void>;

  /**
   * @param isOwnError Returns whether a reason is an error of this library, whose message alone is
   * enough.
   */
  constructor(promise: Promise<T>, isOwnError: (reason: unknown) => boolean) {
    this.#promise = promise;
    this.settled = promise.then(() => {}, (reason) => this.#failed(reason, isOwnError(reason)));
  }

  /** The promise: the same one each time. */
  get promise(): Promise<T> {
    return this.#asked ??= this.#promise.then((value) => value);
  }

  async #failed(reason: unknown, isOwn: boolean): Promise<void> {
    if (this.#asked === undefined) await new Promise((resolve) => setTimeout(resolve, 0));
    if (this.#asked !== undefined) return;
    failProgram(isOwn ? lineOf(messageOf(reason)) : describeThrown(reason));
  }
}
