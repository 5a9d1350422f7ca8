/** Promises that a shutdown waits for: what handlers gave to `info.waitUntil`. */
export class PendingWork {
  readonly #promises = new Set<Promise<void>>();
  readonly #settled: () => void;

  /** @param settled Hears each time one has settled. */
  constructor(settled: () => void) {
    this.#settled = settled;
  }

  /** How many have not settled. */
  get size(): number {
    return this.#promises.size;
  }

  /** Waits for `promise`, whatever it is; `failed` hears why it rejects. */
  add(promise: unknown, failed: (error: unknown) => void): void {
    // `Promise.resolve` would throw for a promise whose `constructor` does.
    const taken = new Promise((resolve) => resolve(promise));
    const settled = taken.then(() => {}, failed).finally(() => {
      this.#promises.delete(settled);
      this.#settled();
    });
    this.#promises.add(settled);
  }

  /** Waits no longer for any of them. */
  clear(): void {
    this.#promises.clear();
  }
}
