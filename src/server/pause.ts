/** A pause in a loop that reads: set by whoever holds it back, looked at once a round. */
export class Pause {
  #ended: PromiseWithResolvers<void> | undefined;

  /** Holds the reader back. */
  begin(): void {
    this.#ended ??= Promise.withResolvers();
  }

  /** Lets it go on. */
  end(): void {
    this.#ended?.resolve();
    this.#ended = undefined;
  }

  /** Resolves when there is no pause; `undefined` if there is none now. */
  get over(): Promise<void> | undefined {
    return this.#ended?.promise;
  }
}
