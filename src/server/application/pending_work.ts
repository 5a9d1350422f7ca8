// As loaded: applications replace the global.
const { Promise } = globalThis;

/** The promises of `info.waitUntil`, which a shutdown waits for. */
export class PendingWork {
  readonly #promises = new Set<Promise<void>>();
  readonly #settled: () => void;

  /** @param settled Called each time one has settled. */
  constructor(settled: () => void) {
    this.#settled = settled;
  }

  /** The number of pending promises. */
  get size(): number {
    return this.#promises.size;
  }

  /**
   * Waits for `promise`, which may be any value; `failed` is called with the reason if it rejects.
   */
  add(promise: unknown, failed: (error: unknown) => void): void {
    // `Promise.resolve` would throw for a promise whose `constructor` does.
    const taken = new Promise((resolve) => resolve(promise));
    const settled = taken.then(() => {}, failed).finally(() => {
      this.#promises.delete(settled);
      this.#settled();
    });
    this.#promises.add(settled);
  }

  /** Stops waiting for all of them. */
  clear(): void {
    this.#promises.clear();
  }
}
