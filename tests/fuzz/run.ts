/**
 * Fuzzes on Deno, Bun and Node, one after the other, on one core.
 *
 * The plan: each pair of target and runtime is a program of its own (`main.ts`) with its share of
 * the cases. The numbers of the shares are different, so that no case runs twice, and any of them
 * can be run again on any runtime. A program that says nothing for a while hangs, and is ended.
 */
import { fileURLToPath } from "node:url";
import { findRuntime, type Runtime } from "../run.ts";
import type { Progress } from "./main.ts";
import { targets } from "./_targets.ts";

const USAGE = `deno task fuzz [options]
  --target=NAME   ${targets.map(({ name }) => name).join(", ")}; all of them without it
  --runtime=NAME  deno, bun, node; all of them without it
  --cases=N       cases for each target, spread over the runtimes (100,000)
  --minutes=N     instead of a number of cases: so long, for everything together
  --seed=N        the time of day without it
  --case=N        this case alone
`;
/** How long nothing may be said until it counts as a hang, in milliseconds. */
const SILENCE = 60_000;
/**
 * How far the heap may be above where it was when a tenth had run, in bytes; it breathes by a few
 * megabytes.
 */
const MAX_GROWTH = 16 * 1024 * 1024;
/** The numbers that one runtime may use where only the time is given. */
const UNTIL_TIME = 1e12;

const FLAGS: Record<Runtime, string[]> = {
  deno: ["run", "-A", "--no-check", "--v8-flags=--expose-gc"],
  bun: ["run"],
  node: ["--expose-gc"],
};

interface Share {
  target: string;
  runtime: Runtime;
  from: number;
  cases: number;
  minutes?: number;
}

function parseOptions(args: string[]): Map<string, string> {
  const options = new Map<string, string>();
  for (const arg of args) {
    const [, name, value] = /^--(target|runtime|cases|minutes|seed|case)=(.+)$/.exec(arg) ?? [];
    if (name === undefined) throw new TypeError(`Unknown option: ${arg}\n\n${USAGE}`);
    options.set(name, value);
  }
  return options;
}

/** Runs a share; resolves with the last it said. */
async function runShare(share: Share, seed: string): Promise<Progress> {
  const { target, runtime, from, cases, minutes } = share;
  const { command } = await findRuntime(runtime);
  const options: Record<string, unknown> = { target, seed, from, cases, minutes };
  const child = new Deno.Command(command, {
    args: [
      ...FLAGS[runtime],
      fileURLToPath(new URL("main.ts", import.meta.url)),
      ...Object.entries(options).filter(([, value]) => value !== undefined)
        .map(([name, value]) => `--${name}=${value}`),
    ],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  let last: Progress = { cases: 0, seconds: 0 };
  let isSilent = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const watch = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      isSilent = true;
      child.kill("SIGKILL");
    }, SILENCE);
  };
  watch();
  let rest = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) last = JSON.parse(line);
    watch();
  }
  clearTimeout(timer);
  const { code } = await child.status;
  if (isSilent) {
    const failure = `Hangs in one of the cases from ${from + last.cases} on (seed ${seed})`;
    return { ...last, failure };
  }
  if (last.isLast && last.failure === undefined && (last.heapGrowth ?? 0) > MAX_GROWTH) {
    return { ...last, failure: `The heap grew by ${last.heapGrowth} bytes` };
  }
  return last.isLast ? last : { ...last, failure: `Ended with exit code ${code}` };
}

async function main(args: string[]): Promise<number> {
  const options = parseOptions(args);
  const chosen = <T extends string>(name: string, all: readonly T[]): readonly T[] => {
    const value = options.get(name);
    if (value === undefined) return all;
    if (!(all as readonly string[]).includes(value)) {
      throw new TypeError(`Unknown ${name}: ${value}\n\n${USAGE}`);
    }
    return [value as T];
  };
  const names = chosen("target", targets.map(({ name }) => name));
  const runtimes = chosen<Runtime>("runtime", ["deno", "bun", "node"]);
  const seed = options.get("seed") ?? String(Date.now() % 0x8000_0000);
  const minutes = options.has("minutes")
    ? Number(options.get("minutes")) / names.length / runtimes.length
    : undefined;
  const only = options.get("case");
  const each = only !== undefined
    ? 1
    : minutes !== undefined
    ? UNTIL_TIME
    : Math.ceil(Number(options.get("cases") ?? 100_000) / runtimes.length);
  console.log(`Seed ${seed}`);
  let isFine = true;
  for (const target of names) {
    console.log(`\n${target}: ${targets.find(({ name }) => name === target)!.invariant}`);
    for (const [index, runtime] of runtimes.entries()) {
      const from = only !== undefined ? Number(only) : index * each;
      const share: Share = { target, runtime, from, cases: each, minutes };
      const { cases, seconds, heapGrowth, rss, failure } = await runShare(share, seed);
      const [before, after] = (rss ?? []).map((bytes) => (bytes / 1e6).toFixed(0));
      const grown =
        (heapGrowth === undefined ? "" : `, heap grown by ${(heapGrowth / 1e6).toFixed(1)} MB`) +
        (rss === undefined ? "" : `, process ${before} to ${after} MB`);
      console.log(
        `  ${runtime.padEnd(4)}  ${cases} cases from ${from}, ${seconds.toFixed(0)} s${grown}` +
          (failure === undefined ? "" : `, FAILED\n${failure}`),
      );
      isFine &&= failure === undefined;
    }
  }
  console.log(isFine ? "\nNothing found" : "\nThere are findings");
  return isFine ? 0 : 1;
}

try {
  Deno.exit(await main(Deno.args));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(2);
}
