// The report: aligned Markdown tables, or the same as JSON.

import { YARDSTICK } from "./contenders.ts";
import type { Machine } from "./machine.ts";
import type { Options, Section } from "./options.ts";
import type { Row } from "./row.ts";
import { CONNECTIONS, summary } from "./sample.ts";

const TITLES: Record<Section, string> = {
  direct: "A. Directly on the FastCGI socket",
  nginx: "B. Behind nginx",
};

const NOTES: Record<Section, string> = {
  direct: "fcgiload on the Unix socket, 26 parameters, 14 bytes of body.",
  nginx: "wrk through nginx, keep-alive to the server. CPU is the server's alone, without nginx; " +
    "req/s is mostly nginx's limit.",
};

/** Above this share of a core, other programs are worth a remark. */
const NOISE = 0.1;

const HEAD = ["server", "CPU µs/req", "min–max", "CPU ×", "req/s", "req/s ×", "p50 µs", "p99 µs"];

export function printTables(rows: Row[], machine: Machine, options: Options): void {
  const { date, processor, kernel, pinning, load, versions } = machine;
  const named = Object.entries(versions).map((pair) => pair.join(" ")).join(", ");
  console.log(`${date} · ${processor} · ${kernel} · load before: ${load.toFixed(2)}\n${named}`);
  console.log(`${CONNECTIONS} connections; ${pinning}`);
  console.log(`median of ${options.rounds} × ${options.seconds} s; × is the ratio to ${YARDSTICK}`);
  for (const section of options.sections) {
    const mine = rows.filter((row) => row.section === section);
    if (mine.length === 0) continue;
    console.log(`\n## ${TITLES[section]}\n\n${NOTES[section]}\n`);
    console.log(table([HEAD, ...cells(mine)]));
    const remarks = mine.flatMap(({ contender, reason, note, samples, others }) => {
      const failure = reason && `${samples.length ? "failed later" : "not run"}: ${reason}`;
      const percent = `${Math.round(others * 100)} %`;
      const noise = others > NOISE && `disturbed: other programs took up to ${percent} of a core`;
      return [failure, note, noise].filter(Boolean).map((remark) =>
        `- ${contender.title}: ${remark}`
      );
    });
    if (remarks.length) console.log(`\n${remarks.join("\n")}`);
  }
}

export function toJson(rows: Row[], machine: Machine, options: Options): string {
  const { seconds, warmup, rounds } = options;
  const results = rows.map(({ contender, section, samples, reason, note, others }) => ({
    section,
    name: contender.name,
    title: contender.title,
    ...(samples.length ? { summary: summary(samples), samples, others } : {}),
    ...(reason ? { notRun: reason } : {}),
    ...(note ? { note } : {}),
  }));
  const how = { seconds, warmup, rounds, connections: CONNECTIONS };
  return JSON.stringify({ machine, options: how, results }, null, 2);
}

function cells(rows: Row[]): string[][] {
  const yardstick = rows.find((row) => row.contender.name === YARDSTICK)?.samples ?? [];
  const one = yardstick.length ? summary(yardstick) : null;
  return rows.map(({ contender, samples }) => {
    if (samples.length === 0) return [contender.title, "not run", ...Array(6).fill("")];
    const { cpu, rps, p50, p99 } = summary(samples);
    return [
      contender.title,
      micros(cpu.median),
      `${micros(cpu.min)}–${micros(cpu.max)}`,
      one ? (cpu.median / one.cpu.median).toFixed(2) : "",
      whole(rps.median),
      one ? (rps.median / one.rps.median).toFixed(2) : "",
      whole(p50.median),
      whole(p99.median),
    ];
  });
}

/** Columns of equal width; all but the first are numbers and stand right. */
function table(lines: string[][]): string {
  const widths = lines[0].map((_, i) => Math.max(...lines.map((line) => line[i].length)));
  const line = (cells: string[]) => {
    const padded = cells.map((cell, i) => i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]));
    return `| ${padded.join(" | ")} |`;
  };
  const rule = widths.map((width, i) => i ? `${"-".repeat(width - 1)}:` : "-".repeat(width));
  const [head, ...rest] = lines;
  return [head, rule, ...rest].map(line).join("\n");
}

const whole = (value: number) => Math.round(value).toLocaleString("en");
const micros = (value: number) => value.toFixed(value < 100 ? 1 : 0);
