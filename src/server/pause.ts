// As loaded: applications replace the global.
const { Promise } = globalThis;

/**
 * Back-pressure on a reading loop: a pause that others begin and end, and that the loop checks in
 * every round.
 */
export class Pause {
  #ended: PromiseWithResolvers<void> | undefined;

  /** Begins a pause, if there is none. */
  begin(): void {
    this.#ended ??= Promise.withResolvers();
  }

  /** Ends the pause: the loop goes on. */
  end(): void {
    this.#ended?.resolve();
    this.#ended = undefined;
  }

  /** Resolves at the end of the pause; `undefined` if there is none now. */
  get over(): Promise<void> | undefined {
    return this.#ended?.promise;
  }
}
