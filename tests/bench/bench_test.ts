/**
 * The benchmark still measures: each section for a moment, and each of its rows has a figure, or
 * the name of what is missing here. How fast anything is, is not looked at.
 */
import process from "node:process";
import { fileURLToPath } from "node:url";
import { assert, assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { runtime, spawnProgram, which } from "../_runtime.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Milliseconds; a few seconds, where the machine has nothing else to do. */
const TIMEOUT = 120_000;
/** The servers of one runtime: those of all are asked once, behind nginx as it comes. */
const OWN = "--only=ours-deno,deno-serve,libfcgi";

/** What is read of a row of the JSON. */
interface Result {
  case: string;
  name: string;
  summary?: { cpu: { median: number } };
  ratios?: Record<string, number>;
  base?: { ratio: { median: number } };
  missing?: string;
  failed?: string;
}

async function lacking(...commands: string[]): Promise<string | false> {
  if (runtime !== "deno") return "The benchmark is a program for Deno";
  if (process.platform !== "linux") return "The benchmark reads /proc";
  for (const command of commands) {
    if (await which(command) === null) return `${command} is not installed`;
  }
  return false;
}

/** The rows by case and server. */
async function bench(...args: string[]): Promise<Map<string, Result>> {
  const flags = ["--json", "--rounds=1", "--seconds=0.1", "--warmup=0"];
  const script = ["run", "-A", "--quiet", `${ROOT}tests/bench/run.ts`];
  await using program = await spawnProgram(process.execPath, [...script, ...flags, ...args]);
  const { code } = await program.exit;
  assertEquals(code, 0, program.stderr.text);
  const { results } = JSON.parse(program.stdout.text) as { results: Result[] };
  for (const { name, missing, failed, summary, ...row } of results) {
    assertEquals(failed, undefined, `${row.case} ${name}`);
    assert(missing || Number.isFinite(summary?.cpu.median), `${row.case} ${name}: no figure`);
  }
  return new Map(results.map((row) => [`${row.case} ${row.name}`, row]));
}

/** Whether there is a commit to compare with: an unpacked archive has none. */
async function hasHistory(): Promise<boolean> {
  if (await which("git") === null) return false;
  await using program = await spawnProgram("git", ["-C", ROOT, "rev-parse", "HEAD"]);
  return (await program.exit).code === 0;
}

const skipEngine = await lacking();
const skipDirect = await lacking("cc");
const skipNginx = await lacking("nginx", "wrk");

describe("The benchmark", { timeout: TIMEOUT, sanitize: false }, () => {
  it("measures the socket", { skip: skipDirect }, async () => {
    const rows = await bench("--section=direct", "--only=ours-deno,libfcgi");
    for (const name of ["connection", "post", "upload", "whole", "download"]) {
      assert(rows.get(`${name} ours-deno`)?.summary, name);
    }
    assert(rows.get("headers ours-deno")?.ratios?.hello, "no ratio to hello");
  });

  it("measures kept connections behind nginx", { skip: skipNginx }, async () => {
    const rows = await bench("--section=nginx", "--case=json", OWN);
    assert(rows.get("json ours-deno")?.ratios?.own, "no ratio to the runtime's own server");
  });

  it("measures nginx as it comes", { skip: skipNginx }, async () => {
    const rows = await bench("--section=stock", "--case=hello");
    assert(rows.get("hello ours-deno")?.ratios?.own, "no ratio to the runtime's own server");
  });

  it("measures the gateway beside web servers", { skip: skipNginx }, async () => {
    const rows = await bench("--section=gateway");
    assert(rows.get("hello gateway-deno")?.ratios?.nginx, "no ratio to nginx");
  });

  it("measures the engine, and compares it with another commit", { skip: skipEngine }, async () => {
    const isCompared = await hasHistory();
    const rows = await bench(
      "--section=engine",
      "--case=hello,headers,download",
      ...isCompared ? ["--base=HEAD"] : [],
    );
    for (const name of ["hello", "headers", "download"]) {
      const row = rows.get(`${name} ours-deno`);
      assert(row?.summary, name);
      if (isCompared) assert(row.base?.ratio.median, `${name}: no ratio`);
    }
  });
});
