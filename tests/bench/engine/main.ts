// Measures one case in the engine, in a process of its own, and prints a Sample as JSON:
// <runtime> main.ts <case> <seconds> <warmup> <src> [<src of another commit>]
//
// With two trees it measures them by turns, in short batches: whatever the machine does meanwhile
// is done to both, and the ratio of a pair hardly knows of it.

import process from "node:process";
import { CASES } from "../cases.ts";
import type { Sample } from "../sample.ts";
import { Engine } from "./engine.ts";

/** Milliseconds: many batches for a median, each far longer than what a collection takes. */
const BATCH = 25;

const [name, seconds, warmup, ...sources] = process.argv.slice(2);
const kase = CASES.find((one) => one.name === name)!;
const engines = await Promise.all(sources.map((src) => Engine.load(src, kase)));
for (const engine of engines) await engine.verify();
await byTurns(Number(warmup));
console.log(JSON.stringify(await byTurns(Number(seconds))));
// The clock of the services is still running.
process.exit(0);

async function byTurns(seconds: number): Promise<Sample> {
  const until = performance.now() + seconds * 1000;
  const sums = engines.map(() => ({ cpu: 0, requests: 0 }));
  const ratios: number[] = [];
  let order = [...engines.keys()];
  do {
    const costs: number[] = [];
    for (const index of order) {
      const { cpu, requests } = await engines[index].batch(BATCH);
      sums[index].cpu += cpu;
      sums[index].requests += requests;
      costs[index] = cpu / requests;
    }
    if (engines.length > 1) ratios.push(costs[0] / costs[1]);
    // Each pays for the garbage of the one before it: a b, b a, a b.
    order = order.toReversed();
  } while (performance.now() < until);
  const [cpu, base] = sums.map((sum) => sum.cpu / sum.requests);
  return { cpu, ...(base === undefined ? {} : { base: { cpu: base, ratios } }) };
}
