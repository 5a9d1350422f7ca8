import { abortController } from "./abort_error.ts";
import type { RunInContext } from "../application/run_in_context.ts";

// As loaded: applications replace the global.
const { Promise } = globalThis;

/**
 * The end of a request as a handler observes it: `request.signal` and `info.completed`, each
 * created on first access. Most handlers use neither.
 */
export class Lifecycle {
  #abortReason: DOMException | undefined;
  #abortController: AbortController | undefined;
  #completed: PromiseWithResolvers<void> | undefined;
  /** The reason why the response could not be sent completely. */
  #failure: { reason: unknown } | undefined;
  #isOver = false;

  /** The reason of an abort, if there was one. */
  get abortReason(): DOMException | undefined {
    return this.#abortReason;
  }

  get signal(): AbortSignal {
    this.#abortController ??= abortController(this.#abortReason);
    return this.#abortController.signal;
  }

  get completed(): Promise<void> {
    if (this.#completed === undefined) {
      this.#completed = Promise.withResolvers();
      if (this.#isOver) this.#complete();
    }
    return this.#completed.promise;
  }

  /** Aborts `request.signal`; its listeners are application code, so `run` calls them. */
  abort(reason: DOMException, run: RunInContext): void {
    this.#abortReason ??= reason;
    if (this.#abortController === undefined) return;
    run((controller) => controller.abort(reason), this.#abortController);
  }

  /** The response will be incomplete: `info.completed` rejects with `reason`. */
  fail(reason: unknown): void {
    this.#failure = { reason };
  }

  /** Settles `info.completed`: nothing more is sent. */
  end(): void {
    this.#isOver = true;
    this.#complete();
  }

  #complete(): void {
    if (this.#failure === undefined) return this.#completed?.resolve();
    this.#completed?.promise.catch(() => {});
    this.#completed?.reject(this.#failure.reason);
  }
}
