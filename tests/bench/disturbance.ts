// How much other programs used the processor during a measurement: on a busy machine caches and the
// scheduler are shared, and the numbers are too high without looking wrong.

import { cpuTime } from "./cpu_time.ts";

/** Share of one core, 0 to the number of cores, that went to processes not started from here. */
export async function disturbance<T>(
  measure: () => Promise<T>,
): Promise<{ result: T; others: number }> {
  const [start, foreign] = [performance.now(), await foreignTime()];
  const result = await measure();
  const others = (await foreignTime() - foreign) / ((performance.now() - start) * 1000);
  return { result, others: Math.max(0, others) };
}

/**
 * CPU time in µs of everything but this process and its children: all that the benchmark starts.
 */
async function foreignTime(): Promise<number> {
  const stat = await Deno.readTextFile("/proc/stat");
  // user nice system idle iowait irq softirq steal, in ticks of 10 ms, of all cores together
  const [user, nice, system, , , irq, softirq, steal] = stat.split("\n")[0].split(/ +/).slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) * 1e4 - await cpuTime(Deno.pid);
}
