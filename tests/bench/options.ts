// The command line of the benchmark.

import { parseArgs } from "node:util";

export const USAGE = `deno run -A tests/bench/run.ts [options]

  --seconds=5     each measurement, whole seconds (CPU time is counted in ticks of 10 ms)
  --warmup=2      the same load before it, whole seconds
  --rounds=3      measurements of each server, each with a fresh process, interleaved
  --only=a,b      only these servers, by name; ratios need libfcgi
  --section=a,b   "direct" (on the FastCGI socket) or "nginx" (behind nginx)
  --json          the report as JSON
  --help
`;

export const SECTIONS = ["direct", "nginx"] as const;
export type Section = typeof SECTIONS[number];

export interface Options {
  seconds: number;
  warmup: number;
  rounds: number;
  only: string[];
  sections: Section[];
  json: boolean;
  help: boolean;
}

/** Reads the arguments; `names` are those that `--only` may say. */
export function parseOptions(args: string[], names: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: "string", default: "5" },
      warmup: { type: "string", default: "2" },
      rounds: { type: "string", default: "3" },
      only: { type: "string", default: names.join(",") },
      section: { type: "string", default: SECTIONS.join(",") },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  return {
    seconds: count("seconds", values.seconds, 1),
    warmup: count("warmup", values.warmup, 0),
    rounds: count("rounds", values.rounds, 1),
    only: chosen("only", values.only, names),
    sections: chosen("section", values.section, SECTIONS),
    json: values.json,
    help: values.help,
  };
}

function count(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  throw new TypeError(`--${name} wants a whole number from ${least}: ${text}`);
}

function chosen<T extends string>(name: string, text: string, known: readonly T[]): T[] {
  const words = text.split(",").map((word) => word.trim()).filter(Boolean);
  const unknown = words.find((word) => !known.some((name) => name === word));
  if (unknown) throw new TypeError(`--${name} knows ${known.join(", ")}: ${unknown}`);
  return known.filter((word) => words.includes(word));
}
