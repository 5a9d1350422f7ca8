// What a row is compared with: each ratio is a column of the report, empty where it says nothing.

import type { Contender } from "./contenders.ts";
import type { Row } from "./row.ts";
import { spread } from "./sample.ts";

interface Reference {
  /** For the JSON. */
  name: string;
  /** For the table. */
  head: string;
  /** Whether `other`, of the same section, is what `row` is compared with. */
  isFor(row: Row, other: Row): boolean;
}

const sameCase = (row: Row, other: Row) => row.case === other.case;

/** The HTTP server that a user of this runtime would take instead. */
const isOwnServer = (library: Contender, other: Contender) =>
  library.speaks === "fastcgi" && other.speaks === "http" && library.runtime === other.runtime;

export const REFERENCES: Reference[] = [
  {
    name: "own",
    head: "× own HTTP",
    isFor: (row, other) => sameCase(row, other) && isOwnServer(row.contender, other.contender),
  },
  {
    name: "libfcgi",
    head: "× libfcgi",
    isFor: (row, other) => sameCase(row, other) && other.contender.name === "libfcgi",
  },
  {
    name: "go",
    head: "× Go",
    isFor: (row, other) => sameCase(row, other) && other.contender.name === "go",
  },
  {
    name: "nginx",
    head: "× nginx",
    isFor: (row, other) => sameCase(row, other) && other.contender.name === "nginx",
  },
  {
    name: "hello",
    head: "× hello",
    isFor: (row, other) =>
      row.case.name === "headers" && other.case.name === "hello" &&
      row.contender === other.contender,
  },
];

/** The median over the rounds, each compared within itself; `undefined` without a reference. */
export function ratio(row: Row, rows: Row[], { isFor }: Reference): number | undefined {
  const other = rows.find((other) => other.section === row.section && isFor(row, other));
  const pairs = row.samples.slice(0, other?.samples.length ?? 0);
  if (!other || pairs.length === 0) return undefined;
  return spread(pairs.map(({ cpu }, round) => cpu / other.samples[round].cpu)).median;
}
