// What the numbers were measured on: versions and processor, for the head of the report.

import type { Cores } from "./cores.ts";
import { findTool, output } from "./tools.ts";

export interface Machine {
  date: string;
  processor: string;
  kernel: string;
  pinning: string;
  /** Load average of the last minute before the start: it should be near 0. */
  load: number;
  versions: Record<string, string>;
}

export async function describeMachine(cores: Cores): Promise<Machine> {
  const load = Deno.loadavg()[0];
  const cpus = await Deno.readTextFile("/proc/cpuinfo");
  const model = /^model name\s*:\s*(.+)$/m.exec(cpus)?.[1] ?? Deno.build.arch;
  const versions: Record<string, string> = {};
  const asked = { nginx: ["-v"], go: ["version"] };
  for (const [name, args] of Object.entries(asked)) {
    const said = await findTool(name, "").then((tool) => output([tool, ...args])).catch(() => null);
    const version = /\d+\.\d+[.\d]*/.exec(`${said?.stdout}${said?.stderr}`)?.[0];
    if (version) versions[name] = version;
  }
  return {
    date: new Date().toISOString().slice(0, 10),
    processor: `${navigator.hardwareConcurrency} × ${model}`,
    kernel: `Linux ${Deno.osRelease()}`,
    pinning: cores.description,
    load,
    versions,
  };
}
