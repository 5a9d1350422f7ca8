/**
 * Several processes on one listening socket, as `spawn-fcgi -F` starts them, which leaves them to
 * themselves.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import type { ServeAddress } from "../../mod.ts";
import { spawnProgram, tempDir, waitUntil, which } from "../_runtime.ts";

const spawnFcgi = await which("spawn-fcgi");

/** The reason why {@link startGroup} cannot work here, or `false`. */
export const skipGroup: string | false = spawnFcgi === null
  ? "spawn-fcgi is not installed"
  : await readFile("/proc/self/cmdline").then(
    () => false as const,
    () => "No /proc on this system",
  );

/** The processes, which end when this is disposed of. */
export interface Group extends AsyncDisposable {
  pids: number[];
  address: ServeAddress;
}

/** Starts `command` so often, all on one Unix socket. */
export async function startGroup(
  count: number,
  command: string[],
  env?: Record<string, string | undefined>,
): Promise<Group> {
  const directory = await tempDir();
  const path = join(directory.path, "fcgi.sock");
  const file = join(directory.path, "pids");
  const args = ["-F", String(count), "-P", file, "-s", path, "--", ...command];
  await using program = await spawnProgram(spawnFcgi!, args, env === undefined ? {} : { env });
  const { code } = await program.exit;
  const pids = (await readFile(file, "utf8").catch(() => "")).split(/\s+/).filter((pid) =>
    pid !== ""
  )
    .map(Number);
  const kill = (signal: NodeJS.Signals) => pids.forEach((pid) => tryKill(pid, signal));
  const atExit = () => kill("SIGKILL");
  process.on("exit", atExit);
  const group = {
    pids,
    address: { transport: "unix", path } as const,
    async [Symbol.asyncDispose]() {
      kill("SIGTERM");
      const timer = setTimeout(atExit, 4_000);
      await Promise.all(pids.map(gone));
      clearTimeout(timer);
      process.off("exit", atExit);
      await directory[Symbol.asyncDispose]();
    },
  };
  if (code === 0 && pids.length === count) return group;
  await group[Symbol.asyncDispose]();
  throw new Error(`spawn-fcgi: exit code ${code}, ${pids.length} pids: ${program.stderr.text}`);
}

/** Resolves when a process has ended. */
export async function gone(pid: number): Promise<void> {
  // A process that nobody has waited for has no command line any more.
  const isGone = () =>
    readFile(`/proc/${pid}/cmdline`, "utf8").then((line) => line === "", () => true);
  await waitUntil(isGone, { what: `process ${pid} to end` });
}

function tryKill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}
