/**
 * The clock of every timeout: one coarse timer for all connections of a service, and none for a
 * request.
 *
 * Time is counted in ticks, and in between the event loop has looked at its sockets. So nobody is
 * blamed for the time that a long computation took, or a machine that slept; and a request costs no
 * look at the clock.
 */
import { MAX_TICK, MIN_TICK } from "./application/limits.ts";

/**
 * Calls back once a tick, from {@link start} on until the callback says that there is nothing to
 * wait for.
 */
export class Ticker {
  readonly #period: number;
  readonly #tick: () => boolean;
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * @param timeouts What is to be measured, in milliseconds; 0 and `Infinity` are none.
   * @param tick Returns whether there is anything to wait for.
   */
  constructor(timeouts: readonly number[], tick: () => boolean) {
    const shortest = Math.min(...timeouts.filter((timeout) => timeout > 0));
    this.#period = shortest === Infinity
      ? Infinity
      : Math.min(Math.max(Math.ceil(shortest / 4), MIN_TICK), MAX_TICK);
    this.#tick = tick;
  }

  /**
   * How many ticks a timeout has: after more of them it is over, never too early and by two at the
   * most too late.
   */
  ticksOf(timeout: number): number {
    const isLimited = timeout > 0 && timeout < Infinity;
    return isLimited ? Math.ceil(timeout / this.#period) : Infinity;
  }

  /** There is something to wait for. */
  start(): void {
    if (this.#timer !== undefined || this.#period === Infinity) return;
    this.#timer = setInterval(() => {
      if (!this.#tick()) this.stop();
    }, this.#period);
    // It keeps no process alive: what it waits for does. On Deno a timer is a number, and stops
    // with the last connection.
    (this.#timer as { unref?: () => void }).unref?.();
  }

  /** There is nothing to wait for. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
