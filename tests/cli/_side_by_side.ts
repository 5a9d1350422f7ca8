/**
 * Tests that mostly wait for other processes, several at a time: each is still a test of its own,
 * with its own name and failure.
 */
import { it } from "../_harness.ts";

/** How many run at once. */
const LANES = 3;
/** Each starts a dozen processes, on a machine that has others; and some wait for their turn. */
const TIMEOUT = 90_000;

/** Adds tests of the suite that is being described; the first that runs starts them all. */
export function sideBySide(tests: Record<string, () => Promise<void>>): void {
  let outcomes: Map<string, Promise<void>> | undefined;
  for (const name of Object.keys(tests)) {
    // What one leaves behind cannot be told from what another is about.
    it(name, { timeout: TIMEOUT, sanitize: false }, async () => {
      outcomes ??= start(tests);
      await outcomes.get(name);
    });
  }
}

function start(tests: Record<string, () => Promise<void>>): Map<string, Promise<void>> {
  const waiting = Object.entries(tests);
  const outcomes = new Map<string, Promise<void>>();
  const settle = new Map<string, PromiseWithResolvers<void>>();
  for (const [name] of waiting) {
    const outcome = Promise.withResolvers<void>();
    settle.set(name, outcome);
    // A failure is that of its own test, which may not have begun.
    outcome.promise.catch(() => {});
    outcomes.set(name, outcome.promise);
  }
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [name, body] = next;
      await body().then(settle.get(name)!.resolve, settle.get(name)!.reject);
    }
  };
  for (let i = 0; i < LANES; i++) void lane();
  return outcomes;
}
