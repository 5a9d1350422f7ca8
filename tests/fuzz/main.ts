/**
 * The fuzzer on one runtime and one target; `deno task fuzz` starts it, and it tells how it goes in
 * lines of JSON.
 *
 * @module
 */
import process from "node:process";
import { fuzz, type Target } from "./_fuzz.ts";
import { caught } from "./_watch.ts";
import { targets } from "./_targets.ts";

/** A line of this program's output. */
export interface Progress {
  /** How many cases have run. */
  cases: number;
  seconds: number;
  /** The rest is in the last line only. */
  isLast?: boolean;
  /** Bytes by which the heap grew from the time a tenth had run. */
  heapGrowth?: number;
  /** The memory of the process, in bytes: before the first case, and behind the last. */
  rss?: [before: number, after: number];
  failure?: string;
}

/** Milliseconds between two lines. */
const INTERVAL = 1000;

function option(name: string, otherwise?: string): string {
  const start = `--${name}=`;
  const value = process.argv.find((arg) => arg.startsWith(start))?.slice(start.length);
  if (value === undefined && otherwise === undefined) throw new TypeError(`Missing: ${start}`);
  return value ?? otherwise!;
}

/** Bytes in use, after a garbage collection where the runtime was asked to allow one. */
function heapUsed(): number {
  const { gc, Bun } = globalThis as { gc?: () => void; Bun?: { gc(force: boolean): void } };
  if (Bun === undefined) gc?.();
  else Bun.gc(true);
  return process.memoryUsage().heapUsed;
}

function tell(progress: Progress): void {
  process.stdout.write(`${JSON.stringify(progress)}\n`);
}

const target = targets.find(({ name }) => name === option("target")) as Target<unknown> | undefined;
if (target === undefined) throw new TypeError(`Unknown target: ${option("target")}`);
const from = Number(option("from", "0"));
const cases = Number(option("cases"));
const milliseconds = Number(option("minutes", "Infinity")) * 60_000;

const rssBefore = process.memoryUsage.rss();
const start = performance.now();
let count = 0;
let nextLine = 0;
/** The heap once a tenth has run: by then everything is compiled and every cache full. */
let heapBefore: number | undefined;
const failure = await caught(async () => {
  await fuzz(target, {
    seed: Number(option("seed")),
    from,
    cases,
    onCase: (number) => {
      count = number - from;
      // The clock is dear beside a case of the decoder.
      if (count % 64 !== 0) return true;
      const elapsed = performance.now() - start;
      if (elapsed < nextLine) return elapsed < milliseconds;
      nextLine = elapsed + INTERVAL;
      tell({ cases: count, seconds: elapsed / 1000 });
      if (count / cases > 0.1 || elapsed / milliseconds > 0.1) heapBefore ??= heapUsed();
      return elapsed < milliseconds;
    },
  });
  if (milliseconds === Infinity) count = cases;
});
tell({
  cases: count,
  seconds: (performance.now() - start) / 1000,
  isLast: true,
  heapGrowth: heapBefore && heapUsed() - heapBefore,
  rss: [rssBefore, process.memoryUsage.rss()],
  failure: failure && String(failure.reason),
});
