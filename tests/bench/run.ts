// The benchmark: CPU µs per request of "Hello, world!" on this library, its peers, and what a user
// would pick instead.
//
//   deno run -A tests/bench/run.ts --help
//
// Plan: build what is needed → then, round by round, each server in turn gets a fresh process on
// its own core, is checked for the right reply, warmed up and measured → median, min and max per
// server. Whatever is missing or broken becomes a row that says so; nothing else stops.

import { CONTENDERS } from "./contenders.ts";
import { findCores } from "./cores.ts";
import { stopAll } from "./daemon.ts";
import { describeMachine } from "./machine.ts";
import { reasonOf } from "./not_run.ts";
import { parseOptions, type Section, USAGE } from "./options.ts";
import { printTables, toJson } from "./report.ts";
import { type Bench, Row } from "./row.ts";
import { findTool } from "./tools.ts";
import { Workshop } from "./workshop.ts";

const progress = (line: string) => Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));

async function main(): Promise<void> {
  const options = parseOptions(Deno.args, CONTENDERS.map(({ name }) => name));
  if (options.help) return console.log(USAGE);
  if (Deno.build.os !== "linux") throw new TypeError("The benchmark reads /proc: it needs Linux");

  const workshop = new Workshop();
  await workshop.open();
  const cores = await findCores();
  const machine = await describeMachine(cores);
  const { seconds, warmup } = options;
  const bench: Bench = { cores, folder, fcgiload: "", nginx: "", wrk: "", seconds, warmup };
  const tools: Record<Section, () => Promise<void>> = {
    direct: async () => {
      const remedy = "apt-get install gcc libc6-dev";
      bench.fcgiload = await workshop.compileC("fcgiload.c", [], remedy);
    },
    nginx: async () => {
      bench.nginx = await findTool("nginx", "apt-get install nginx");
      bench.wrk = await findTool("wrk", "apt-get install wrk");
    },
  };

  const rows: Row[] = [];
  for (const section of options.sections) {
    const ready = tools[section]().then(() => undefined, reasonOf);
    for (const contender of CONTENDERS) {
      if (!contender[section] || !options.only.includes(contender.name)) continue;
      const row = new Row(contender, section);
      rows.push(row);
      row.reason = await ready;
      if (!row.reason) await row.prepare(contender.prepare(workshop));
    }
  }

  for (let round = 1; round <= options.rounds; round++) {
    for (const row of rows) {
      if (row.reason || ending) continue;
      await row.round(bench);
      const cpu = row.samples.at(-1)?.cpu.toFixed(1);
      const said = row.reason ?? `${cpu} µs`;
      progress(`round ${round}/${options.rounds} ${row.section} ${row.contender.name}: ${said}`);
    }
  }
  if (ending) return;
  if (options.json) console.log(toJson(rows, machine, options));
  else printTables(rows, machine, options);
}

/** Short, because the path of a Unix socket may have no more than 107 bytes. */
const folder = await Deno.makeTempDir({ prefix: "fcgi-bench-" });

let ending: Promise<never> | undefined;

function end(code: number): Promise<never> {
  return ending ??= (async () => {
    await stopAll();
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    Deno.exit(code);
  })();
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => end(130));
}
try {
  await main();
  await end(0);
} catch (error) {
  progress(error instanceof TypeError ? error.message : `${(error as Error).stack ?? error}`);
  await end(2);
}
