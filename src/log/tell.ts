import { printThrown } from "./print.ts";

// As loaded: applications replace the global.
const { Promise } = globalThis;

/**
 * Calls a callback that the library was given, and ignores its result. An exception is printed, and
 * so is a rejection: the type `void` accepts an async function.
 */
export function tell(call: () => unknown): void {
  try {
    const returned = call();
    if (typeof returned !== "object" || returned === null) return;
    new Promise((resolve) => resolve(returned)).catch(printThrown);
  } catch (failure) {
    printThrown(failure);
  }
}
