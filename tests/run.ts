/**
 * Runs the suite on Deno, Bun and Node, and adds it all up:
 * `deno task test [--only=deno,bun] [part of a file's path ...]`.
 *
 * The plan: find the runtimes (Deno is the one that runs this; Bun and Node come from PATH, or else
 * from npm into .cache/runtimes, so that a machine with nothing but npm will do), and get the
 * frameworks that the tests serve from there, too; hand the same test files to each runner, which
 * writes a JUnit report, and some of them once more, with the doors of the runtime closed
 * (_plain.ts); read the reports. There are two lanes: tests with web servers, which have ports of
 * their own, or with many processes, one runtime after the other; and beside them all the others.
 * The last line is always `N passed, N failed, N skipped`; a runtime that executed nothing counts
 * as a failure.
 */
import { fileURLToPath } from "node:url";
import { installFrameworks } from "./_npm.ts";

export type Runtime = "deno" | "bun" | "node";

/** Where a runtime is. */
export interface Found {
  command: string;
  version: string;
  origin: string;
}

/** Some of the files, on one runner. */
interface Step {
  runner: Runtime | "doc";
  /** Which of the files, where it is not all of them. */
  part: "" | "servers" | "plain";
  files: string[];
}

interface Report {
  step: string;
  /** Which files they were, to compare the runtimes. */
  part: Step["part"];
  version: string;
  passed: number;
  /** The names of the tests, and of what else went wrong. */
  failed: string[];
  skipped: string[];
  seconds: number;
}

/** `minimum` is taken from PATH, `tested` is what npm is asked for. */
const VERSIONS = {
  bun: { minimum: "1.4.0", tested: "1.4.5" },
  // The module itself is fine with 22.18; the tests say `await using`, which Node has since 24.
  node: { minimum: "24.0.0", tested: "24.21.0" },
};

/** How long one runner may take, in milliseconds. */
const RUNNER_TIMEOUT = 900_000;
/** How long its output is read after it has ended, in milliseconds. */
const OUTPUT_GRACE = 2_000;

/** Where the doors of a runtime make a difference: these files run without them, too. */
const PLAIN =
  /^tests\/(?:doors|serve_test|cgi\/request|server\/(?:body|content_coding|foreign|re[ps]|send)|runtime\/(?:sockets|slow))/;
const PRELOAD = "./tests/_preload_plain.ts";
/**
 * Tests with web servers on ports of their own, on port 9000, or with many processes; but for those
 * that can be beside any others, and are enough for the other lane to be as long.
 */
const SERVERS =
  /^tests\/(?:bench\/|cli\/(?!dev_|log\/)|e2e\/(?!config_|git_|go_|php_|plack_)|load\/(?!php_)|runtime\/(?:inherited_socket|permissions)_|serve_test)/;

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const CACHE = `${ROOT}.cache/`;

/**
 * The npm packages that hold just the program: nothing to run after the install, unlike `bun` and
 * `node`.
 */
function platformPackage(name: "bun" | "node"): { package: string; file: string } {
  const { os, arch } = Deno.build;
  const suffix = os === "windows" ? ".exe" : "";
  if (name === "bun") {
    const cpu = arch === "x86_64" ? "x64" : "aarch64";
    return { package: `@oven/bun-${os}-${cpu}`, file: `bin/bun${suffix}` };
  }
  const cpu = arch === "x86_64" ? "x64" : "arm64";
  const prefix = os === "darwin" && cpu === "arm64" ? "node-bin" : "node";
  return {
    package: `${prefix}-${os === "windows" ? "win" : os}-${cpu}`,
    file: `bin/node${suffix}`,
  };
}

/** A runtime, from PATH or else from npm. */
export async function findRuntime(name: Runtime): Promise<Found> {
  if (name === "deno") {
    return { command: Deno.execPath(), version: Deno.version.deno, origin: "runs this" };
  }
  const { minimum, tested } = VERSIONS[name];
  const onPath = await versionOf(name);
  if (onPath !== null && isAtLeast(onPath, minimum)) {
    return { command: name, version: onPath, origin: "from PATH" };
  }
  const why = onPath === null ? "none on PATH" : `${onPath} on PATH is older than ${minimum}`;
  const prefix = `${CACHE}runtimes/${name}-${tested}`;
  const platform = platformPackage(name);
  const places = [
    `${prefix}/node_modules/${platform.package}/${platform.file}`,
    `${prefix}/node_modules/.bin/${name}`,
  ];
  // The package named like the runtime is for a platform that the function above does not know.
  for (const packageName of [null, platform.package, name]) {
    if (packageName !== null) await npmInstall(prefix, `${packageName}@${tested}`);
    for (const command of places) {
      const version = await versionOf(command);
      if (version !== null) return { command, version, origin: `from npm (${why})` };
    }
  }
  throw new Error(`Found no ${name} and could not get one from npm: ${why}`);
}

/** The version that a program says it has, or `null` if it cannot be run. */
async function versionOf(command: string): Promise<string | null> {
  try {
    const { success, stdout } = await new Deno.Command(command, {
      args: ["--version"],
      stderr: "null",
    }).output();
    return success ? new TextDecoder().decode(stdout).match(/\d+\.\d+\.\d+/)?.[0] ?? null : null;
  } catch {
    return null;
  }
}

function isAtLeast(version: string, minimum: string): boolean {
  return version.localeCompare(minimum, "en", { numeric: true }) >= 0;
}

async function npmInstall(prefix: string, packageName: string): Promise<void> {
  console.log(`Fetching ${packageName} from npm`);
  // npm asks for the nearest project upwards unless there is one here.
  await Deno.mkdir(`${prefix}/node_modules`, { recursive: true });
  const { success, stderr } = await new Deno.Command("npm", {
    args: ["install", "--prefix", prefix, "--no-save", "--no-audit", "--no-fund", packageName],
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) console.error(new TextDecoder().decode(stderr));
}

async function testFiles(directory: string): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(ROOT + directory)) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory) files.push(...await testFiles(path));
    else if (path.endsWith("_test.ts")) files.push(path);
  }
  return files.sort();
}

/** The sources whose examples are run, too. Those of the pages are in `readme_test.ts`. */
async function documents(): Promise<string[]> {
  const found = [];
  for (const path of ["mod.ts", "src"]) {
    if (await Deno.stat(ROOT + path).catch(() => null)) found.push(path);
  }
  return found;
}

function runnerArgs(
  runtime: Runtime | "doc",
  files: string[],
  junit: string,
  isPlain: boolean,
): string[] {
  const preload = (option: string) => isPlain ? [option, PRELOAD] : [];
  switch (runtime) {
    case "deno":
      return [
        ...["test", "-A", ...preload("--preload")],
        ...["--reporter=dot", `--junit-path=${junit}`, ...files],
      ];
    case "doc":
      return ["test", "-A", "--doc", "--reporter=dot", `--junit-path=${junit}`, ...files];
    case "bun":
      // Without the "./" these would be patterns.
      return [
        // In `bun test` a process hears no "exit" event, so the tests cannot end their programs
        // then.
        ...["test", "--no-orphans", ...preload("--preload")],
        ...["--dots", "--reporter=junit", `--reporter-outfile=${junit}`],
        ...files.map((file) => `./${file}`),
      ];
    case "node":
      return [
        // A test past its deadline may leave a handle open: then its file fails after this many
        // milliseconds. With `--test-force-exit` files end before all of their tests have been
        // reported.
        ...[...preload("--import"), "--test", "--test-timeout=120000"],
        ...["--test-reporter=dot", "--test-reporter-destination=stdout"],
        ...["--test-reporter=junit", `--test-reporter-destination=${junit}`],
        ...files,
      ];
  }
}

async function run({ runner, part, files }: Step, found: Found): Promise<Report> {
  const step = runner === "doc" ? "doc examples" : [runner, part].filter(Boolean).join(", ");
  console.log(`${step} ${found.version}: ${files.length} files`);
  const junit = `${CACHE}reports/${[runner, part].filter(Boolean).join("-")}.xml`;
  // A runner that stops early writes none: what is there would be an older one's.
  await Deno.remove(junit).catch(() => {});
  const from = performance.now();
  const env: Record<string, string> = {
    ...!Deno.stdout.isTerminal() && { NO_COLOR: "1" },
    // Node strips types of every program that a test starts: half of its start, without this.
    ...runner === "node" && { NODE_COMPILE_CACHE: `${CACHE}node-compile` },
  };
  const signal = AbortSignal.timeout(RUNNER_TIMEOUT);
  const child = new Deno.Command(found.command, {
    args: runnerArgs(runner, files, junit, part === "plain"),
    cwd: ROOT,
    env,
    stdin: "null",
    stdout: "piped",
    signal,
  }).spawn();
  // Another step runs beside it: what it says is shown at its end, in one piece.
  let output = "";
  const shown = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(dotsInRows())
    .pipeTo(new WritableStream({ write: (chunk) => void (output += chunk) }));
  const { code } = await child.status;
  // A server that a test forgot may hold the runner's output open for ever.
  const grace = Promise.withResolvers<void>();
  const timer = setTimeout(grace.resolve, OUTPUT_GRACE);
  await Promise.race([shown, grace.promise]);
  clearTimeout(timer);
  const seconds = (performance.now() - from) / 1000;
  console.log(`\n${step}, after ${seconds.toFixed(0)} s\n${output}`);
  const counts = readReport(await Deno.readTextFile(junit).catch(() => ""));
  const faults: string[] = [];
  if (signal.aborted) faults.push(`Stopped after ${RUNNER_TIMEOUT / 1000} s`);
  // An error outside any test, a file that does not load.
  else if (code !== 0 && counts.failed.length === 0) {
    faults.push(`Runner ended with exit code ${code}`);
  } // No test at all is a mistake; no example is not.
  else if (counts.passed + counts.failed.length === 0 && runner !== "doc") {
    faults.push("Executed no test");
  }
  return {
    step,
    part,
    version: found.version,
    ...counts,
    failed: [...counts.failed, ...faults],
    seconds,
  };
}

/** Deno gives each dot a line of its own unless it writes to a terminal. */
function dotsInRows(): TransformStream<string, string> {
  let rest = "";
  let column = 0;
  return new TransformStream({
    transform(chunk, controller) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        // deno-lint-ignore no-control-regex -- the escape sequences that color the dots
        const isDot = /^(?:\x1b\[[\d;]*m)*[.,!](?:\x1b\[[\d;]*m)*$/.test(line);
        if (isDot) controller.enqueue(line + (++column % 100 === 0 ? "\n" : ""));
        else controller.enqueue((column % 100 === 0 ? "" : "\n") + line + "\n"), column = 0;
      }
    },
    flush(controller) {
      controller.enqueue(rest + (column % 100 === 0 ? "" : "\n"));
    },
  });
}

/** Counts the test cases of a JUnit report; all three runners write one. */
export function readReport(xml: string): Pick<Report, "passed" | "failed" | "skipped"> {
  const counts = { passed: 0, failed: [] as string[], skipped: [] as string[] };
  const cases = /<testcase((?:\s+[\w:]+="[^"]*")*)\s*(?:\/>|>([^]*?)<\/testcase>)/g;
  for (const [, attributes = "", content = ""] of xml.matchAll(cases)) {
    // Twice: Node escapes what it has already escaped.
    const name = unescapeXml(unescapeXml(attributes.match(/\sname="([^"]*)"/)?.[1] ?? ""));
    if (/<skipped[\s/>]/.test(content)) counts.skipped.push(name);
    else if (/<(?:failure|error)[\s/>]/.test(content)) counts.failed.push(name);
    else counts.passed++;
  }
  return counts;
}

function unescapeXml(text: string): string {
  const named: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(
    /&(?:#(\d+)|(\w+));/g,
    (entity, code, name) => code ? String.fromCodePoint(Number(code)) : named[name] ?? entity,
  );
}

function printSummary(reports: Report[]): void {
  const rows = [
    ["", "version", "passed", "failed", "skipped", "seconds"],
    ...reports.map(({ step, version, passed, failed, skipped, seconds }) => [
      step,
      version,
      ...[passed, failed.length, skipped.length].map(String),
      seconds.toFixed(1),
    ]),
  ];
  const widths = [0, 1, 2, 3, 4, 5].map((i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  console.log();
  for (const row of rows) {
    const cells = row.map((cell, i) => i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!));
    console.log(cells.join("  "));
  }
  const skips = Map.groupBy(
    reports.flatMap(({ step, skipped }) => skipped.map((name) => ({ step, name }))),
    ({ name }) => name,
  );
  if (skips.size > 0) console.log("\nSkipped:");
  for (const [name, where] of skips) {
    const [, test = name, reason = "no reason given"] = name.match(/^(.*) \[skip: (.*)\]$/s) ?? [];
    console.log(`  ${test} (${where.map(({ step }) => step).join(", ")}): ${reason}`);
  }
  // Last, where one looks first.
  if (reports.some(({ failed }) => failed.length > 0)) console.log("\nFailed:");
  for (const { step, failed } of reports) {
    for (const name of failed) console.log(`  ${step}: ${name}`);
  }
}

/**
 * The same files have the same tests everywhere: a runner that reports fewer has lost some. `null`
 * if none has.
 */
function testsLost(reports: Report[]): string | null {
  for (const part of ["", "servers"]) {
    const totals = reports.filter((report) =>
      report.part === part && report.step !== "doc examples"
    )
      .map(({ step, passed, failed, skipped }) => ({
        step,
        total: passed + failed.length + skipped.length,
      }));
    if (new Set(totals.map(({ total }) => total)).size < 2) continue;
    return `Not the same tests on each: ${totals.map((t) => `${t.step} ${t.total}`).join(", ")}`;
  }
  return null;
}

/** The steps of a runtime in each lane. */
function stepsOf(runner: Runtime, files: string[], docs: string[] | null): Step[][] {
  const steps = (...all: Step[]) => all.filter(({ files }) => files.length > 0);
  return [
    steps(
      { runner, part: "servers", files: files.filter((file) => SERVERS.test(file)) },
      { runner, part: "plain", files: files.filter((file) => PLAIN.test(file)) },
    ),
    steps(
      { runner, part: "", files: files.filter((file) => !SERVERS.test(file)) },
      ...docs === null ? [] : [{ runner: "doc" as const, part: "" as const, files: docs }],
    ),
  ];
}

async function main(args: string[]): Promise<number> {
  let only: string[] = ["deno", "bun", "node"];
  const parts: string[] = [];
  for (const arg of args) {
    if (arg.startsWith("--only=")) only = arg.slice("--only=".length).split(",");
    else if (arg.startsWith("-")) throw new Error(`Unknown option: ${arg}`);
    else parts.push(arg);
  }
  const runtimes = (["deno", "bun", "node"] as const).filter((name) => only.includes(name));
  const unknown = only.filter((name) => !["deno", "bun", "node"].includes(name));
  if (unknown.length > 0) throw new Error(`Unknown runtime: ${unknown.join(", ")}`);
  const files = (await testFiles("tests"))
    .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));
  if (files.length === 0) throw new Error(`Found no test file: ${parts.join(", ")}`);

  await Deno.mkdir(`${CACHE}reports`, { recursive: true });
  const frameworks = files.some((file) => /frameworks|types_test|php_/.test(file)) &&
    installFrameworks();
  const found = await Promise.allSettled(runtimes.map(findRuntime));
  const reports: Report[] = [];
  for (const [index, runtime] of runtimes.entries()) {
    const result = found[index]!;
    if (result.status === "rejected") console.log(`${runtime}: ${result.reason}`);
    else console.log(`${runtime} ${result.value.version} ${result.value.origin}`);
  }
  const missing = await frameworks;
  if (missing !== false) console.log(missing);
  const lanes: (() => Promise<Report>)[][] = [[], []];
  for (const [index, runtime] of runtimes.entries()) {
    const result = found[index]!;
    if (result.status === "rejected") {
      const nothing = { passed: 0, failed: ["Is missing"], skipped: [], seconds: 0 };
      reports.push({ step: runtime, part: "", version: "missing", ...nothing });
      continue;
    }
    const docs = runtime === "deno" && parts.length === 0 ? await documents() : null;
    for (const [lane, steps] of stepsOf(runtime, files, docs).entries()) {
      lanes[lane]!.push(...steps.map((step) => () => run(step, result.value)));
    }
  }
  await Promise.all(lanes.map(async (lane) => {
    for (const step of lane) reports.push(await step());
  }));
  printSummary(reports);
  const lost = testsLost(reports);
  if (lost !== null) console.log(`\n${lost}`);
  const sum = (count: (report: Report) => number) => reports.reduce((n, r) => n + count(r), 0);
  const failed = sum((report) => report.failed.length) + (lost === null ? 0 : 1);
  const passed = sum((report) => report.passed);
  console.log(
    `\n${passed} passed, ${failed} failed, ${sum((report) => report.skipped.length)} skipped`,
  );
  return failed === 0 ? 0 : 1;
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    console.log("0 passed, 1 failed, 0 skipped");
    Deno.exit(1);
  }
}
