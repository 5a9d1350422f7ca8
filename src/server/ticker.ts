/**
 * The clock of all timeouts: one coarse timer for all connections of a service, none per request.
 *
 * Time is counted in ticks, and between two ticks the event loop has polled its sockets. So the
 * time of a long computation, or of a suspended machine, does not count against a peer; and a
 * request does not read the clock.
 */

/**
 * The longest tick, in milliseconds: a timeout fires up to that much later.
 */
const MAX_TICK = 1_000;

/** The shortest tick, however short a timeout is. */
const MIN_TICK = 10;

/**
 * Calls back once a tick, from {@link start} on until the callback returns that nothing is awaited.
 */
export class Ticker {
  readonly #period: number;
  readonly #tick: () => boolean;
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * @param timeouts The timeouts to measure, in milliseconds; 0 and `Infinity` are none.
   * @param tick Returns whether anything is still awaited.
   */
  constructor(timeouts: readonly number[], tick: () => boolean) {
    const shortest = Math.min(...timeouts.filter((timeout) => timeout > 0));
    this.#period = shortest === Infinity
      ? Infinity
      : Math.min(Math.max(Math.ceil(shortest / 4), MIN_TICK), MAX_TICK);
    this.#tick = tick;
  }

  /**
   * The number of ticks in a timeout: it fires after one more, never early, and at most two ticks
   * late.
   */
  ticksOf(timeout: number): number {
    const isLimited = timeout > 0 && timeout < Infinity;
    return isLimited ? Math.ceil(timeout / this.#period) : Infinity;
  }

  /** Starts ticking, if it does not tick yet. */
  start(): void {
    if (this.#timer !== undefined || this.#period === Infinity) return;
    this.#timer = setInterval(() => {
      if (!this.#tick()) this.stop();
    }, this.#period);
    // The timer must not keep the process alive; the connections do. On Deno a timer is a number,
    // and stops with the last connection.
    (this.#timer as { unref?: () => void }).unref?.();
  }

  /** Stops ticking. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
