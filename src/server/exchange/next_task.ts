// As loaded: applications replace the global.
const { Promise } = globalThis;

/**
 * As loaded: tests of applications replace them by fake timers, which would block every response.
 */
const { setImmediate, setTimeout } = globalThis as unknown as {
  setImmediate?: (callback: () => void) => unknown;
  setTimeout: (callback: () => void) => unknown;
};

/**
 * Resolves in the next task. `setImmediate`, where it exists, does not wait the millisecond that
 * `setTimeout` does.
 */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => (setImmediate ?? setTimeout)(resolve));
}
