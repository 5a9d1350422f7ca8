/**
 * The application through its changes: one process serves, and at times its successor starts.
 *
 * The successor is ready before the other one is let go, so no request is lost. If it does not
 * start, requests get the reason, and not what the old process would say: whoever has just saved a
 * file wants to see what that has done, and an old answer looks as if it had worked. The old
 * process lives on all the same, for the requests and streams that it has.
 */
import type { Failure } from "./failure.ts";
import { AppProcess } from "./process.ts";
import type { DevSettings } from "./worker.ts";

// As loaded: applications replace the global.
const { Promise } = globalThis;

/** A process that ends by itself within this time is not started again, in milliseconds. */
const SHORT_LIFE = 1_000;
/** An application that is not ready by then may wait for something, in milliseconds. */
const LONG_START = 10_000;
/** So long processes may take to end with everything, in milliseconds. */
const LAST_TIMEOUT = 3_000;

/** What is told of it. */
export interface GenerationEvents {
  /** A process serves, after so many milliseconds. */
  ready(generation: number, duration: number): void;
  /** The application does not start. */
  failed(failure: Failure): void;
  /** The application has been starting for so many milliseconds, and still is. */
  slow(duration: number): void;
  /** The process that served has ended by itself. */
  ended(how: string): void;
}

export class Generations {
  readonly #settings: () => DevSettings;
  readonly #events: GenerationEvents;
  /** All processes that live. */
  readonly #living = new Set<AppProcess>();
  #serving: AppProcess | undefined;
  #starting: AppProcess | undefined;
  #failure: Failure | undefined;
  #count = 0;
  readonly #lastStart = { from: 0, to: 0 };
  #isStopping = false;
  /** Resolves when there is something to answer with. */
  #outcome: PromiseWithResolvers<void> = Promise.withResolvers();
  #slowTimer: ReturnType<typeof setTimeout> | undefined;
  #allEnded: (() => void) | undefined;

  /** @param settings Those of the next process. */
  constructor(settings: () => DevSettings, events: GenerationEvents) {
    this.#settings = settings;
    this.#events = events;
  }

  /** The time of the last start, and that of its end; in milliseconds since the epoch. */
  get lastStart(): { from: number; to: number } {
    return { ...this.#lastStart };
  }

  /** The process to ask, or why there is none; waits while the first one starts. */
  async current(): Promise<AppProcess | Failure> {
    for (;;) {
      const current = this.#failure ?? this.#serving;
      if (current !== undefined) return current;
      await this.#outcome.promise;
    }
  }

  /** Starts the application as it is now, in the place of what there is. */
  start(): void {
    if (this.#isStopping) return;
    // It has read files that have changed since.
    this.#starting?.kill();
    this.#lastStart.from = Date.now();
    this.#lastStart.to = Infinity;
    const began = performance.now();
    let readyAt = Infinity;
    const started: AppProcess = new AppProcess(this.#settings(), {
      ready: () => {
        readyAt = performance.now();
        this.#ready(started, readyAt - began);
      },
      failed: (failure) => this.#failed(started, failure),
      ended: (how) => this.#ended(started, how, performance.now() - readyAt >= SHORT_LIFE),
    });
    this.#living.add(started);
    this.#starting = started;
    clearTimeout(this.#slowTimer);
    this.#slowTimer = setTimeout(() => {
      if (this.#starting === started) this.#events.slow(LONG_START);
    }, LONG_START);
  }

  /** Ends all processes; resolves when they have ended. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#slowTimer);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#allEnded = resolve;
    for (const one of this.#living) one.drain(LAST_TIMEOUT);
    if (this.#living.size > 0) await promise;
  }

  kill(): void {
    for (const one of this.#living) one.kill();
  }

  #ready(process: AppProcess, duration: number): void {
    if (process !== this.#starting) return;
    this.#starting = undefined;
    this.#lastStart.to = Date.now();
    this.#serving?.retire();
    this.#serving = process;
    this.#failure = undefined;
    this.#events.ready(++this.#count, duration);
    this.#settle();
  }

  #failed(process: AppProcess, failure: Failure): void {
    if (process !== this.#starting) return;
    this.#starting = undefined;
    this.#lastStart.to = Date.now();
    this.#failure = failure;
    this.#events.failed(failure);
    this.#settle();
  }

  #ended(process: AppProcess, how: string, hasLived: boolean): void {
    this.#living.delete(process);
    if (this.#living.size === 0) this.#allEnded?.();
    if (this.#isStopping) return;
    if (process === this.#starting) return this.#failed(process, endedEarly(how));
    if (process !== this.#serving) return;
    this.#serving = undefined;
    this.#events.ended(how);
    if (this.#starting !== undefined || this.#failure !== undefined) return;
    if (hasLived) return this.start();
    this.#failure = endedEarly(how);
    this.#settle();
  }

  #settle(): void {
    this.#outcome.resolve();
    this.#outcome = Promise.withResolvers();
  }
}

/** What is known of a process that has not said why it ends. */
function endedEarly(how: string): Failure {
  const message = `The process of the application has ended by itself: ${how}`;
  return { name: "Error", message, trace: `${message}; the terminal may say why` };
}
