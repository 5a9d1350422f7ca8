// The command line of the benchmark.

import { parseArgs } from "node:util";
import { CASES } from "./cases.ts";
import { CONTENDERS } from "./contenders.ts";
import { type Section, SECTIONS } from "./sections.ts";

export const USAGE = `deno task bench [options]: all of it takes about 22 minutes

  --section=a,b   of ${Object.keys(SECTIONS).join(", ")}: 8, 3, 3, 5 and 2 minutes
  --case=a,b      only these cases: ${CASES.map(({ name }) => name).join(", ")}
  --only=a,b      only these servers; a ratio needs both of its two
                  ${CONTENDERS.map(({ name }) => name).join(", ")}
  --base=REV      section engine: compare with another commit
  --seconds=3     each measurement (CPU time is counted in ticks of 10 ms; wrk rounds up)
  --warmup=1      the same load before it, seconds
  --rounds=3      measurements of each row, each with a fresh process, interleaved
  --json          the report as JSON
  --help
`;

export interface Options {
  seconds: number;
  warmup: number;
  rounds: number;
  only: string[];
  cases: string[];
  sections: Section[];
  base: string | undefined;
  json: boolean;
  help: boolean;
}

export function parseOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: "string", default: "3" },
      warmup: { type: "string", default: "1" },
      rounds: { type: "string", default: "3" },
      only: { type: "string" },
      case: { type: "string" },
      section: { type: "string" },
      base: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const rounds = amount("rounds", values.rounds, 1);
  if (!Number.isInteger(rounds)) throw new TypeError(`--rounds wants a whole number: ${rounds}`);
  const sections = Object.keys(SECTIONS) as Section[];
  return {
    seconds: amount("seconds", values.seconds, 0.1),
    warmup: amount("warmup", values.warmup, 0),
    rounds,
    only: chosen("only", values.only, CONTENDERS.map(({ name }) => name)),
    cases: chosen("case", values.case, CASES.map(({ name }) => name)),
    sections: chosen("section", values.section, sections),
    base: values.base,
    json: values.json,
    help: values.help,
  };
}

function amount(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= least) return value;
  throw new TypeError(`--${name} wants a number from ${least}: ${text}`);
}

/** Without the option, all. */
function chosen<T extends string>(name: string, text: string | undefined, known: T[]): T[] {
  if (text === undefined) return known;
  const words = text.split(",").map((word) => word.trim()).filter(Boolean);
  const unknown = words.find((word) => !known.some((name) => name === word));
  if (unknown) throw new TypeError(`--${name} knows ${known.join(", ")}: ${unknown}`);
  return known.filter((word) => words.includes(word));
}
