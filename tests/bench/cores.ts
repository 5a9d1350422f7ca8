// Which processor core does what: the server has one for itself, the load has the other.

import { findTool } from "./tools.ts";

export interface Cores {
  /** Puts `taskset` before the command of a server. */
  server(command: string[]): string[];
  /** The same for the load generator and for nginx. */
  load(command: string[]): string[];
  /** For the head of the report. */
  description: string;
}

export async function findCores(): Promise<Cores> {
  const status = await Deno.readTextFile("/proc/self/status");
  const allowed = listed(/^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? "");
  const taskset = await findTool("taskset", "apt-get install util-linux").catch(() => null);
  if (!taskset || allowed.length < 2) {
    const why = taskset ? "there is only one core" : "there is no taskset";
    const same = (command: string[]) => command;
    return { server: same, load: same, description: `nothing is pinned: ${why}` };
  }
  const on = (core: number) => (command: string[]) => [taskset, "-c", `${core}`, ...command];
  const [first, second] = allowed;
  return {
    server: on(first),
    load: on(second),
    description: `server on core ${first}, load generator and nginx on core ${second}`,
  };
}

/** "0-2,5" → 0, 1, 2, 5 */
function listed(ranges: string): number[] {
  return ranges.split(",").filter(Boolean).flatMap((range) => {
    const [from, to = from] = range.split("-").map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}
