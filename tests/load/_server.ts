/** The application under load as a process on any runtime, and what the system tells of it. */
import { readdir, readFile } from "node:fs/promises";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type Program, type Runtime, runtime, spawnProgram, which } from "../_runtime.ts";

const APP = fileURLToPath(new URL("./apps/load.ts", import.meta.url));

/** The reason why the system cannot be asked about a process, or `false`. */
export const skipProc: string | false = await readdir("/proc/self/fd").then(
  () => false as const,
  () => "No /proc/<pid>/fd on this system",
);

/**
 * Lets this process hold so many descriptors, and so those that it starts; returns the reason why
 * it cannot, or `false`.
 */
export async function skipDescriptors(count: number): Promise<string | false> {
  if (skipProc !== false) return skipProc;
  const limits = await readFile("/proc/self/limits", "utf8");
  const [, soft, hard] = /^Max open files\s+(\d+)\s+(\d+)/m.exec(limits) ?? [];
  if (Number(soft) >= count) return false;
  if (await which("prlimit") === null) return "prlimit is not installed";
  const most = Math.max(count, Number(hard));
  const nofile = `--nofile=${count}:${most}`;
  const { exit } = await spawnProgram("prlimit", ["--pid", String(process.pid), nofile]);
  return (await exit).code !== 0 && `May not hold ${count} descriptors here`;
}

/** What the application is started with. */
export interface ServerOptions {
  /** @default the runtime of the test */
  on?: Runtime;
  /** The limit of open descriptors, hard and soft. @default the test's own */
  descriptors?: number;
  /** The working directory. */
  cwd?: string;
}

/** How a program is started that uses the application: the runtime, its flags, the file. */
export function commandLine(on: Runtime = runtime): string[] {
  const program = on === runtime ? process.execPath : on;
  const flags = {
    deno: ["run", "--quiet", "--no-prompt", "-A", "--v8-flags=--expose-gc"],
    bun: ["run"],
    node: ["--expose-gc"],
  };
  return [program, ...flags[on], APP];
}

/** Starts the application; it listens when this resolves. */
export async function startServer(args: string[], options: ServerOptions = {}): Promise<Program> {
  const { on, descriptors, cwd } = options;
  const command = [...commandLine(on), ...args];
  if (descriptors !== undefined) {
    command.unshift("prlimit", `--nofile=${descriptors}:${descriptors}`);
  }
  const program = await spawnProgram(command[0]!, command.slice(1), {
    cwd,
    env: { NO_COLOR: "1", DENO_TLS_CA_STORE: undefined, DENO_CERT: undefined },
  });
  await program.waitForLine("stdout", /^pid \d+$/);
  return program;
}

/** Memory (RSS) of a process, in bytes. */
export async function memoryOf(pid: number): Promise<number> {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))!;
  return Number(kilobytes) * 1024;
}

/** How many descriptors a process has open. */
export async function descriptorsOf(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}

/** CPU time that a process has used, in milliseconds; it is counted in ticks of 10. */
export async function cpuOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
