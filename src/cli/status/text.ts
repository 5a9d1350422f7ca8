import type { ProcessStatus, StatusReport } from "./report.ts";

const COLUMNS = [
  "pid",
  "state",
  "start since",
  "requests",
  "active requests",
  "connections",
  "memory",
  "generation",
] as const;

/** A status for people: the whole, then a line for each process. */
export function textOf({ processes, ...whole }: StatusReport): string {
  const names = Object.entries(whole) as [keyof typeof whole, unknown][];
  const width = Math.max(...names.map(([name]) => name.length)) + 2;
  const lines = names.map(([name, value]) =>
    `${`${name}:`.padEnd(width)}${valueOf(name, value as string | number | null)}`
  );
  return [...lines, "", ...tableOf(processes)].map((line) => `${line}\n`).join("");
}

function tableOf(processes: readonly ProcessStatus[]): string[] {
  const rows = [
    COLUMNS.map((name) => name.toUpperCase()),
    ...processes.map((one) => COLUMNS.map((name) => cellOf(one, name))),
  ];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd()
  );
}

function cellOf(one: ProcessStatus, name: typeof COLUMNS[number]): string {
  const cell = valueOf(name, one[name]);
  return name === "state" && one.stale ? `${cell} (silent)` : cell;
}

function valueOf(name: string, value: string | number | null): string {
  if (value === null) return "-";
  if (name === "memory") return `${(Number(value) / 2 ** 20).toFixed(1)} MiB`;
  if (name === "start time") return new Date(Number(value) * 1000).toISOString();
  if (name.endsWith("since")) return `${value} s`;
  return String(value);
}
