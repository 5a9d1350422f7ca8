import { abortController } from "./abort_error.ts";
import type { RunInContext } from "../application/run_in_context.ts";

/**
 * The end of a request, for a handler that asks: `request.signal` and `info.completed`, each made
 * when it is first asked for. Most handlers ask for neither.
 */
export class Lifecycle {
  #abortReason: DOMException | undefined;
  #abortController: AbortController | undefined;
  #completed: PromiseWithResolvers<void> | undefined;
  /** Why the response could not be sent as a whole. */
  #failure: { reason: unknown } | undefined;
  #isOver = false;

  /** Why the request was aborted, if it was. */
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

  /** Aborts `request.signal`; its listeners are the application's, so `run` calls them. */
  abort(reason: DOMException, run: RunInContext): void {
    this.#abortReason ??= reason;
    if (this.#abortController === undefined) return;
    run((controller) => controller.abort(reason), this.#abortController);
  }

  /** The response will not be whole: what `info.completed` rejects with. */
  fail(reason: unknown): void {
    this.#failure = { reason };
  }

  /** Nothing more is sent. */
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
