// The report: aligned Markdown tables, or the same as JSON.

import type { Machine } from "./machine.ts";
import type { Options } from "./options.ts";
import { ratio, REFERENCES } from "./ratios.ts";
import type { Row } from "./row.ts";
import {
  CONNECTIONS,
  type Estimate,
  estimate,
  type Sample,
  type Spread,
  spread,
} from "./sample.ts";
import { SECTIONS } from "./sections.ts";

/** Above this share of a core, what other programs took is worth saying. */
const NOISE = 0.1;

interface Column {
  head: string;
  /** What it says of a row that has samples; nothing where it does not apply. */
  cell(row: Row, rows: Row[]): string;
}

/** A column that has nothing to say in any row of a section is left out of its table. */
const COLUMNS: Column[] = [
  { head: "CPU µs", cell: ({ samples }) => micros(spreadOf(samples, "cpu")!.median) },
  { head: "min–max", cell: ({ samples }) => range(spreadOf(samples, "cpu")!) },
  ...REFERENCES.map((reference) => ({
    head: reference.head,
    cell: (row: Row, rows: Row[]) => ratio(row, rows, reference)?.toFixed(2) ?? "",
  })),
  { head: "base µs", cell: ({ samples }) => micros(baseOf(samples)?.cpu.median) },
  { head: "× base", cell: ({ samples }) => fine(baseOf(samples)?.ratio.median) },
  { head: "±", cell: ({ samples }) => fine(baseOf(samples)?.ratio.error) },
  { head: "req/s", cell: ({ samples }) => whole(spreadOf(samples, "rps")?.median) },
  { head: "p50 µs", cell: ({ samples }) => whole(spreadOf(samples, "p50")?.median) },
  { head: "p99 µs", cell: ({ samples }) => whole(spreadOf(samples, "p99")?.median) },
  {
    head: "disturbed",
    cell: ({ others }) => others > NOISE ? `${Math.round(others * 100)} %` : "",
  },
];

export function toTables(rows: Row[], machine: Machine, options: Options): string {
  const { date, processor, kernel, pinning, load, versions } = machine;
  const named = Object.entries(versions).map((pair) => pair.join(" ")).join(", ");
  const head = [
    `${date} · ${processor} · ${kernel} · load before: ${load.toFixed(2)}\n${named}`,
    `${CONNECTIONS} connections; ${pinning}`,
    `median of ${options.rounds} × ${options.seconds} s`,
    "×: the ratio to another server with the same case, or to hello of the same server, each round",
    "   within itself; × base: the median of pairs of short batches, ± what it is uncertain by",
    "disturbed: the share of a core that other programs took, in the worst round",
  ];
  const tables = options.sections.map((section) => {
    const mine = rows.filter((row) => row.section === section);
    const { title, note } = SECTIONS[section];
    return mine.length ? [`\n## ${title}\n\n${note}\n`, table(mine), remarks(mine)] : [];
  });
  return [...head, ...tables.flat()].filter(Boolean).join("\n");
}

export function toJson(rows: Row[], machine: Machine, options: Options): string {
  const results = rows.map((row) => ({
    section: row.section,
    case: row.case.name,
    name: row.contender.name,
    title: row.contender.title,
    ...(row.samples.length ? figures(row, rows) : {}),
    missing: row.missing,
    failed: row.failed,
    note: row.note || undefined,
  }));
  const { seconds, warmup, rounds, base } = options;
  const how = { seconds, warmup, rounds, base, connections: CONNECTIONS };
  return JSON.stringify({ machine, options: how, results }, null, 2);
}

function figures(row: Row, rows: Row[]) {
  const { samples, others } = row;
  const keys = ["cpu", "rps", "p50", "p99"] as const;
  return {
    summary: Object.fromEntries(keys.map((key) => [key, spreadOf(samples, key)])),
    ratios: Object.fromEntries(REFERENCES.map((one) => [one.name, ratio(row, rows, one)])),
    base: baseOf(samples),
    samples,
    others,
  };
}

/** The spread over the rounds, if they have such a number. */
function spreadOf(samples: Sample[], key: Exclude<keyof Sample, "base">): Spread | undefined {
  const values = samples.flatMap((sample) => sample[key] ?? []);
  return values.length ? spread(values) : undefined;
}

/** The comparison with another commit, if there is one: all pairs of all rounds. */
function baseOf(samples: Sample[]): { cpu: Spread; ratio: Estimate } | undefined {
  const bases = samples.flatMap(({ base }) => base ?? []);
  if (bases.length === 0) return undefined;
  return {
    cpu: spread(bases.map(({ cpu }) => cpu)),
    ratio: estimate(bases.flatMap(({ ratios }) => ratios)),
  };
}

/** Columns of equal width; all but the first two are numbers and stand right. */
function table(rows: Row[]): string {
  const columns = COLUMNS.map(({ head, cell }) => ({
    head,
    cells: rows.map((row) => row.samples.length ? cell(row, rows) : ""),
  })).filter(({ cells }) => cells.some(Boolean));
  const lines = [
    ["case", "server", ...columns.map(({ head }) => head)],
    ...rows.map((row, i) => [
      row.case.title,
      row.contender.title,
      ...columns.map(({ cells }, k) => cells[i] || (k === 0 ? "not run" : "")),
    ]),
  ];
  const widths = lines[0].map((_, i) => Math.max(...lines.map((line) => line[i].length)));
  const line = (cells: string[]) => {
    const padded = cells.map((cell, i) =>
      i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])
    );
    return `| ${padded.join(" | ")} |`;
  };
  const rule = widths.map((width, i) => i < 2 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`);
  const [head, ...rest] = lines;
  return [head, rule, ...rest].map(line).join("\n");
}

/** What there is to say beside the numbers; the same thing once for all cases of a server. */
function remarks(rows: Row[]): string {
  const said = rows.flatMap(({ case: { title }, contender, samples, missing, failed, note }) => {
    const failure = failed && `${samples.length ? "failed later" : "failed"}: ${failed}`;
    return [missing && `not run: ${missing}`, failure, note].filter(Boolean)
      .map((text) => ({ text: `${contender.title}: ${text}`, title }));
  });
  const lines = Array.from(
    Map.groupBy(said, ({ text }) => text),
    ([text, cases]) => `- ${text} (${cases.map(({ title }) => title).join("; ")})`,
  );
  return lines.length ? `\n${lines.join("\n")}` : "";
}

const whole = (value?: number) => value === undefined ? "" : Math.round(value).toLocaleString("en");
const micros = (value?: number) => value === undefined ? "" : value.toFixed(value < 100 ? 1 : 0);
const fine = (value?: number) => value === undefined ? "" : value.toFixed(3);
const range = ({ min, max }: Spread) => `${micros(min)}–${micros(max)}`;
