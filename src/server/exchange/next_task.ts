/**
 * As they were when this was loaded: tests of applications put timers of their own in their place,
 * which would hold back every answer.
 */
const { setImmediate, setTimeout } = globalThis as unknown as {
  setImmediate?: (callback: () => void) => unknown;
  setTimeout: (callback: () => void) => unknown;
};

/** Where there is `setImmediate`, it does not wait the millisecond that `setTimeout` does. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => (setImmediate ?? setTimeout)(resolve));
}
