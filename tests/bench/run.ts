// The benchmark: CPU µs per request on this library, its peers, and what a user would run instead.
//
//   deno run -A tests/bench/run.ts --help
//
// Plan: build what is needed → then, round by round, each row in turn gets a fresh process on its
// own core, is checked for the right reply, warmed up and measured → median, min and max per row.
// Whatever is missing or broken becomes a row that says so; nothing else stops.

import { CASES } from "./cases.ts";
import { CONTENDERS, type Launch } from "./contenders.ts";
import { findCores } from "./cores.ts";
import { stopAll } from "./daemon.ts";
import { sourceOf } from "./in_memory.ts";
import { describeMachine } from "./machine.ts";
import { type Options, parseOptions, USAGE } from "./options.ts";
import { toJson, toTables } from "./report.ts";
import { type Bench, Row } from "./row.ts";
import type { Section } from "./sections.ts";
import { findTool } from "./tools.ts";
import { Workshop } from "./workshop.ts";

const progress = (line: string) => Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));

async function main(): Promise<void> {
  const options = parseOptions(Deno.args);
  if (options.help) return console.log(USAGE);
  if (Deno.build.os !== "linux") throw new TypeError("The benchmark reads /proc: it needs Linux");
  // What looks for runtimes says so when it fetches one, and standard output is the report's.
  const print = console.log;
  console.log = console.error;

  const workshop = new Workshop();
  await workshop.open();
  const cores = await findCores();
  const machine = await describeMachine(cores);
  const { base, seconds, warmup } = options;
  const bench: Bench = {
    ...{ cores, folder, seconds, warmup },
    ...{ fcgiload: "", nginx: "", wrk: "", base: base ? await sourceOf(base, folder) : "" },
  };
  const rows = await prepare(options, bench, workshop);
  Object.assign(machine.versions, workshop.versions);

  for (let round = 1; round <= options.rounds; round++) {
    for (const row of rows) {
      if (row.isOver || ending) continue;
      await row.round(bench);
      const said = row.missing ?? row.failed ?? `${row.samples.at(-1)!.cpu.toFixed(1)} µs`;
      const name = `${row.section} ${row.case.name} ${row.contender.name}`;
      progress(`round ${round}/${options.rounds} ${name}: ${said}`);
    }
  }
  if (ending) return;
  print(options.json ? toJson(rows, machine, options) : toTables(rows, machine, options));
}

/** The rows in the order of the report: what is compared is measured one after the other. */
async function prepare(options: Options, bench: Bench, workshop: Workshop): Promise<Row[]> {
  const webServer = async () => {
    bench.nginx = await findTool("nginx", "apt-get install nginx");
    bench.wrk = await findTool("wrk", "apt-get install wrk");
  };
  const tools: Record<Section, () => Promise<void>> = {
    direct: async () => {
      const remedy = "apt-get install gcc libc6-dev";
      bench.fcgiload = await workshop.compileC("fcgiload.c", [], remedy);
    },
    nginx: webServer,
    stock: webServer,
    engine: () => Promise.resolve(),
    gateway: webServer,
  };
  const contenders = CONTENDERS.filter(({ name }) => options.only.includes(name));
  const cases = CASES.filter(({ name }) => options.cases.includes(name));
  const launches = new Map<string, Promise<Launch>>();
  const rows: Row[] = [];
  for (const section of options.sections) {
    let ready: Promise<void> | undefined;
    for (const kase of cases.filter(({ sections }) => sections.includes(section))) {
      for (const contender of contenders) {
        const { name, sections, cases: some } = contender;
        if (!sections.includes(section) || some && !some.includes(kase.name)) continue;
        const row = new Row(section, kase, contender);
        rows.push(row);
        const launch = launches.get(name) ?? contender.prepare(workshop);
        launches.set(name, launch);
        await row.prepare(ready ??= tools[section](), launch);
      }
    }
  }
  return rows;
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
