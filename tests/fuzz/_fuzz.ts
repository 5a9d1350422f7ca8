/**
 * Fuzzing from a seed: what runs the cases of a target, and what it does when one fails.
 *
 * The plan: case `number` of `seed` is generated from these two numbers alone, so it can be run
 * again without those before it. A case is a list of steps; the generator and nothing else asks the
 * random numbers, so leaving steps out changes nothing about the others, and that is how a failure
 * is made smaller.
 *
 * No jazzer.js: it is for Node alone, and 4.0.0 comes as a native module that wants glibc 2.38
 * (Debian 12 has 2.36). What this lacks, coverage as a guide, generators make up for that know the
 * protocol; `deno test --coverage` tells what they miss.
 *
 * @module
 */
import process from "node:process";
import { inspect } from "node:util";
import { concat, Random } from "../_bytes.ts";
import { caught } from "./_watch.ts";

/** Something to fuzz, and what must hold for it. */
export interface Target<Step> {
  readonly name: string;
  /** In one sentence: what holds for every case. */
  readonly invariant: string;
  /** Makes the steps of a case. */
  generate(random: Random): Step[];
  /** Runs them; throws, or rejects, if the invariant does not hold. */
  run(steps: readonly Step[]): void | Promise<void>;
}

/** Which cases to run. */
export interface FuzzOptions {
  seed: number;
  /** The number of the first case. @default {0} */
  from?: number;
  cases: number;
  /** Hears of every case before it runs; `false` stops the loop. */
  onCase?: (number: number) => boolean;
}

/** The random numbers of one case. */
export function randomOf(seed: number, number: number): Random {
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(number + 1, 0xc2b2ae35);
  state = Math.imul(state ^ state >>> 15, 0x27d4eb2f);
  return new Random(state ^ state >>> 13);
}

/**
 * Runs cases until one fails.
 *
 * @returns How many have run.
 * @throws {FuzzFailure} For the first that fails, minimised.
 */
export async function fuzz<Step>(target: Target<Step>, options: FuzzOptions): Promise<number> {
  const { seed, from = 0, cases, onCase } = options;
  // What an exchange logs behind its end is printed.
  const { error } = console;
  console.error = () => {};
  const rejections: unknown[] = [];
  const onRejection = (reason: unknown): void => void rejections.push(reason);
  process.on("unhandledRejection", onRejection);
  // Most cases throw, and a stack costs more than the rest of a case together.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    for (let number = from; number < from + cases; number++) {
      if (onCase?.(number) === false) return number - from;
      const steps = target.generate(randomOf(seed, number));
      const failure = await failureOf(target, steps, rejections);
      if (failure === undefined) continue;
      const smallest = await minimise(target, steps, rejections);
      Error.stackTraceLimit = stackTraceLimit;
      const last = await failureOf(target, smallest, rejections) ?? failure;
      throw new FuzzFailure(target.name, { seed, number }, smallest, last.reason);
    }
    return cases;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    process.off("unhandledRejection", onRejection);
    console.error = error;
  }
}

/** A case for which the invariant does not hold. */
export class FuzzFailure extends Error {
  constructor(
    target: string,
    { seed, number }: { seed: number; number: number },
    steps: readonly unknown[],
    cause: unknown,
  ) {
    const list = steps.map((step) => `  ${showStep(step)}`).join("\n");
    super(
      `${target}: ${cause instanceof Error ? cause.message : String(cause)}\n` +
        `Again: deno task fuzz --target=${target} --seed=${seed} --case=${number}\n` +
        `The smallest list of steps that fails:\n${list}`,
      { cause },
    );
    this.name = "FuzzFailure";
  }
}

/** A step as something that can be pasted into a test. */
function showStep(step: unknown): string {
  if (!(step instanceof Uint8Array)) return inspect(step, { depth: 6, breakLength: Infinity });
  const hex = Array.from(step.subarray(0, 400), (byte) => byte.toString(16).padStart(2, "0"));
  return `hex("${hex.join("")}")${step.length > 400 ? ` and ${step.length - 400} bytes more` : ""}`;
}

async function failureOf<Step>(
  target: Target<Step>,
  steps: readonly Step[],
  rejections: unknown[],
): Promise<{ reason: unknown } | undefined> {
  const reason = await caught(async () => {
    const running = target.run(steps);
    // Without a promise where there is none: a microtask costs more than many a case.
    if (running instanceof Promise) await running;
  });
  if (reason !== undefined) {
    rejections.length = 0;
    return reason;
  }
  if (rejections.length === 0) return undefined;
  const [first] = rejections.splice(0);
  return { reason: new Error(`Unhandled rejection: ${inspect(first)}`, { cause: first }) };
}

/**
 * Leaves out as many steps as it can, halves before single ones, and joins chunks, while it still
 * fails.
 */
async function minimise<Step>(
  target: Target<Step>,
  steps: readonly Step[],
  rejections: unknown[],
): Promise<readonly Step[]> {
  let smallest = steps;
  for (let size = steps.length >> 1; size > 0; size >>= 1) {
    for (let start = 0; start < smallest.length;) {
      const fewer = [...smallest.slice(0, start), ...smallest.slice(start + size)];
      if (await failureOf(target, fewer, rejections) === undefined) start += size;
      else smallest = fewer;
    }
  }
  for (let at = 0; at + 1 < smallest.length;) {
    const [chunk, next] = smallest.slice(at, at + 2);
    const joined = chunk instanceof Uint8Array && next instanceof Uint8Array
      ? [...smallest.slice(0, at), concat([chunk, next]) as Step, ...smallest.slice(at + 2)]
      : smallest;
    if (joined === smallest || await failureOf(target, joined, rejections) === undefined) at++;
    else smallest = joined;
  }
  return smallest;
}
