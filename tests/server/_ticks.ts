/** While this lives, the engine's clock stands still but for {@link tick}. */
export class Ticks implements Disposable {
  readonly #setInterval = globalThis.setInterval;
  readonly #clearInterval = globalThis.clearInterval;
  readonly #running = new Map<unknown, { period: number; callback: () => void }>();

  constructor() {
    const replaced = globalThis as unknown as Record<string, unknown>;
    replaced.setInterval = (callback: () => void, period: number) => {
      const key = { ref: () => key, unref: () => key };
      this.#running.set(key, { period, callback });
      return key;
    };
    replaced.clearInterval = (key: unknown) => void this.#running.delete(key);
  }

  /** The periods of the clocks that run, in milliseconds. */
  get periods(): number[] {
    return Array.from(this.#running.values(), ({ period }) => period);
  }

  /** Lets a number of ticks pass, one right behind the other. */
  tick(count = 1): void {
    for (let i = 0; i < count; i++) {
      for (const { callback } of [...this.#running.values()]) callback();
    }
  }

  [Symbol.dispose](): void {
    globalThis.setInterval = this.#setInterval;
    globalThis.clearInterval = this.#clearInterval;
  }
}
