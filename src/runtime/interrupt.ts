/** Signals to a program that a person runs in a terminal. */
import process from "node:process";

/** The end of a terminal is a wish to stop, too. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP"] as const;

/**
 * Signals that come together are one wish: a terminal signals every process of a group, and npm
 * passes on what it gets. In milliseconds.
 */
const ONE_WISH = 300;

/**
 * Calls back at the first signal to stop, and at each that comes a while after it.
 *
 * @param stop Its argument says whether there was one before.
 */
export function onInterrupt(stop: (isAgain: boolean) => void): void {
  let last = -Infinity;
  const received = () => {
    const before = last;
    last = performance.now();
    if (last - before > ONE_WISH) stop(before > -Infinity);
  };
  for (const signal of SIGNALS) {
    try {
      process.on(signal, received);
    } catch {
      // Not every system has every signal.
    }
  }
}
