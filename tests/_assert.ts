/**
 * Assertions: the names and arguments of `@std/assert` over `node:assert/strict`, so that tests
 * need no package.
 *
 * @module
 */
import nodeAssert from "node:assert/strict";
import { inspect } from "node:util";

export const AssertionError = nodeAssert.AssertionError;

/** A class whose instances a test expects to be thrown. */
// deno-lint-ignore no-explicit-any -- any constructor will do: it is only asked `instanceof`
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

/** Fails unless `condition` is truthy. */
export function assert(condition: unknown, message = "Expected a truthy value"): asserts condition {
  if (!condition) fail(`${message}: ${String(condition)}`);
}

/** Deep and strict: prototypes, `undefined` members and -0 count. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  // A message of one's own would hide the difference: put it in front of it.
  explain(message, () => nodeAssert.deepStrictEqual(actual, expected));
}

export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  explain(message, () => nodeAssert.notDeepStrictEqual(actual, expected));
}

/** `Object.is`. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  message?: string,
): asserts actual is T {
  explain(message, () => nodeAssert.strictEqual(actual, expected));
}

export function assertExists<T>(
  actual: T,
  message = "Expected a value, not null or undefined",
): asserts actual is NonNullable<T> {
  if (actual === null || actual === undefined) fail(message);
}

export function assertInstanceOf<T>(
  actual: unknown,
  // deno-lint-ignore no-explicit-any -- as above
  expected: abstract new (...args: any[]) => T,
  message = `Expected an instance of ${expected.name}`,
): asserts actual is T {
  if (!(actual instanceof expected)) fail(`${message}: ${show(actual)}`);
}

export function assertMatch(actual: string, pattern: RegExp, message?: string): void {
  if (!pattern.test(actual)) fail(`${message ?? `Expected to match ${pattern}`}: ${show(actual)}`);
}

export function assertStringIncludes(actual: string, part: string, message?: string): void {
  if (!actual.includes(part)) {
    fail(`${message ?? `Expected to include ${show(part)}`}: ${show(actual)}`);
  }
}

type Ordered = number | bigint;

export function assertGreater(actual: Ordered, bound: Ordered, message?: string): void {
  if (!(actual > bound)) fail(`${message ?? `Expected more than ${bound}`}: ${actual}`);
}

export function assertGreaterOrEqual(actual: Ordered, bound: Ordered, message?: string): void {
  if (!(actual >= bound)) fail(`${message ?? `Expected at least ${bound}`}: ${actual}`);
}

export function assertLess(actual: Ordered, bound: Ordered, message?: string): void {
  if (!(actual < bound)) fail(`${message ?? `Expected less than ${bound}`}: ${actual}`);
}

export function assertLessOrEqual(actual: Ordered, bound: Ordered, message?: string): void {
  if (!(actual <= bound)) fail(`${message ?? `Expected at most ${bound}`}: ${actual}`);
}

/** Calls `body`, which must throw; returns what it threw. */
export function assertThrows<E extends Error = Error>(
  body: () => unknown,
  errorClass?: ErrorClass<E>,
  includes = "",
): E {
  let thrown: unknown;
  try {
    const returned = body();
    // Nobody will look at it any more.
    if (returned instanceof Promise) returned.catch(() => {});
  } catch (error) {
    thrown = error ?? new Error(`Thrown: ${error}`);
  }
  if (thrown === undefined) fail("Expected the function to throw");
  return checkError(thrown, errorClass, includes);
}

/** Calls `body`, whose promise must be rejected; resolves with the reason. */
export async function assertRejects<E extends Error = Error>(
  body: () => PromiseLike<unknown>,
  errorClass?: ErrorClass<E>,
  includes = "",
): Promise<E> {
  let reason: unknown;
  const promise = body(); // A synchronous throw is not a rejection: let it through.
  try {
    await promise;
  } catch (error) {
    reason = error ?? new Error(`Rejected: ${error}`);
  }
  if (reason === undefined) fail("Expected the promise to be rejected");
  return checkError(reason, errorClass, includes);
}

/** For a place that must not be reached. */
export function unreachable(reason = "Unreachable"): never {
  fail(reason);
}

/** Fails the test. */
export function fail(message = "Failed"): never {
  throw new nodeAssert.AssertionError({ message, stackStartFn: fail });
}

function checkError<E extends Error>(
  error: unknown,
  errorClass: ErrorClass<E> | undefined,
  includes: string,
): E {
  if (!(error instanceof (errorClass ?? Error))) {
    fail(`Expected ${errorClass?.name ?? "an Error"} to be thrown: ${show(error)}`);
  }
  if (!error.message.includes(includes)) {
    fail(`Expected the message to include ${show(includes)}: ${show(error.message)}`);
  }
  return error as E;
}

/** Runs a check of node:assert, with the caller's message in front of its difference. */
function explain(message: string | undefined, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (message !== undefined && error instanceof Error) {
      error.message = `${message}: ${error.message}`;
    }
    throw error;
  }
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : inspect(value);
}
