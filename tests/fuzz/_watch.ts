/**
 * What a case may leave behind, and must not: timers, and errors nobody took.
 *
 * @module
 */
import { setImmediate } from "node:timers";

/** Runs `body`; returns what it threw, if it did. */
export async function caught(
  body: () => void | Promise<void>,
): Promise<{ reason: unknown } | undefined> {
  try {
    await body();
    return undefined;
  } catch (reason) {
    return { reason };
  }
}

/** Lets the event loop turn once: every promise that can go on without a timer has gone on then. */
export function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(() => resolve()));
}

/** While this lives no timer elapses by itself: time passes when a case says so, and costs none. */
export class HeldTimers implements Disposable {
  readonly #setTimeout = globalThis.setTimeout;
  readonly #clearTimeout = globalThis.clearTimeout;
  readonly #setInterval = globalThis.setInterval;
  readonly #clearInterval = globalThis.clearInterval;
  readonly #held = new Map<unknown, () => void>();
  readonly #repeated = new Set<unknown>();

  constructor() {
    const replaced = globalThis as unknown as Record<string, unknown>;
    replaced.setTimeout = (callback: (value?: unknown) => void, _delay = 0, value?: unknown) => {
      const key = { ref: () => key, unref: () => key };
      this.#held.set(key, () => callback(value));
      return key;
    };
    replaced.clearTimeout = (key: unknown) => {
      if (!this.#held.delete(key)) this.#clearTimeout(key as number);
    };
    replaced.setInterval = (callback: () => void) => {
      const key = { ref: () => key, unref: () => key };
      this.#held.set(key, callback);
      this.#repeated.add(key);
      return key;
    };
    replaced.clearInterval = (key: unknown) => {
      this.#repeated.delete(key);
      if (!this.#held.delete(key)) this.#clearInterval(key as number);
    };
  }

  /** How many wait. */
  get size(): number {
    return this.#held.size;
  }

  /** Lets all that wait now elapse. */
  elapse(): void {
    for (const [key, callback] of [...this.#held]) {
      if (this.#repeated.has(key) || this.#held.delete(key)) callback();
    }
  }

  [Symbol.dispose](): void {
    globalThis.setTimeout = this.#setTimeout;
    globalThis.clearTimeout = this.#clearTimeout;
    globalThis.setInterval = this.#setInterval;
    globalThis.clearInterval = this.#clearInterval;
  }
}
