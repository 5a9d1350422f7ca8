/** When a worker asks to be replaced. */
import type { WorkerReport } from "./messages.ts";

/** What a worker may do before it is replaced; 0 is no limit. */
export interface RetireLimits {
  readonly requests: number;
  /** Seconds. */
  readonly age: number;
  /** Resident memory, in bytes. */
  readonly memory: number;
}

/** How much later than its limit a worker may be replaced: not all of them at once. */
const SPREAD = 0.1;

/** The limits of one worker: each up to a tenth higher. */
export function spreadLimits(limits: RetireLimits, random: () => number): RetireLimits {
  const spread = (limit: number) => Math.round(limit * (1 + SPREAD * random()));
  return { requests: spread(limits.requests), age: spread(limits.age), memory: limits.memory };
}

/** The limit that a worker has reached, for people; `undefined` if there is none. */
export function reasonToRetire(
  { requests, age, memory }: RetireLimits,
  { stats, rss }: WorkerReport,
  now: number,
): string | undefined {
  if (requests > 0 && stats.requests.accepted >= requests) {
    return `${stats.requests.accepted} requests`;
  }
  if (age > 0 && now - stats.startTime >= age * 1000) return `${age} s old`;
  if (memory > 0 && rss > memory) return `${Math.round(rss / 2 ** 20)} MiB of memory`;
  return undefined;
}
