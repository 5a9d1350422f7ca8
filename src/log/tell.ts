import { printThrown } from "./print.ts";

/**
 * Calls somebody else's function of which nothing is expected. What it throws is printed, and so is
 * what it rejects with: a type that says `void` lets an async function in.
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
