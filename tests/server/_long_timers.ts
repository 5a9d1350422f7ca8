/** How long a timer must be, in milliseconds, to be held. */
const LONG = 250;

/** A timer that waits for the test. */
interface Held {
  delay: number;
  callback: () => void;
}

/**
 * While this lives, timers of a quarter of a second and more elapse when the test says so: what
 * happens after five seconds is tested at once, and never too early.
 */
export class LongTimers implements Disposable {
  readonly #setTimeout = globalThis.setTimeout;
  readonly #clearTimeout = globalThis.clearTimeout;
  readonly #held = new Map<unknown, Held>();
  #added: (() => void)[] = [];

  constructor() {
    const replaced = globalThis as unknown as Record<string, unknown>;
    replaced.setTimeout = (callback: (value?: unknown) => void, delay = 0, value?: unknown) => {
      if (delay < LONG) return this.#setTimeout(callback, delay, value);
      const key = { ref: () => key, unref: () => key };
      this.#held.set(key, { delay, callback: () => callback(value) });
      for (const added of this.#added.splice(0)) added();
      return key;
    };
    replaced.clearTimeout = (key: unknown) => {
      if (!this.#held.delete(key)) this.#clearTimeout(key as number);
    };
  }

  /** The delays of the timers that wait, in milliseconds. */
  get delays(): number[] {
    return Array.from(this.#held.values(), ({ delay }) => delay);
  }

  /** Waits until a timer is there, and lets the oldest elapse; resolves with its delay. */
  async elapse(): Promise<number> {
    while (this.#held.size === 0) {
      await new Promise<void>((resolve) => this.#added.push(resolve));
    }
    const [[key, { delay, callback }]] = this.#held;
    this.#held.delete(key);
    callback();
    return delay;
  }

  [Symbol.dispose](): void {
    globalThis.setTimeout = this.#setTimeout;
    globalThis.clearTimeout = this.#clearTimeout;
  }
}
