/**
 * What can be seen of another process from outside: what Linux tells, and when a transfer stands
 * still.
 */
import { readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { waitUntil } from "../_runtime.ts";

/** The reason why {@link peakGrowth} cannot run here, or `false`. */
export const skipMemory: string | false = await readFile("/proc/self/clear_refs").then(
  () => false,
  (error) => error.code === "ENOENT" && "No /proc/<pid>/clear_refs on this system",
) as string | false;

/** The reason why {@link socketsOf} cannot run here, or `false`. */
export const skipSockets: string | false = await readdir("/proc/self/fd").then(
  () => false as const,
  () => "No /proc/<pid>/fd on this system",
);

/**
 * The memory (RSS) of a process, in bytes, when `work` has run three times: code is compiled, the
 * heap has found its size. It is the highest of the three, for right after a collection there may
 * be less than is needed all the time.
 */
export async function warmUp(pid: number, work: () => Promise<void>): Promise<number> {
  let level = 0;
  for (let round = 0; round < 3; round++) {
    await work();
    level = Math.max(level, await statusOf(pid, "VmRSS"));
  }
  return level;
}

/**
 * How many bytes of memory a process has at its peak while `work` goes on beyond `level`. The
 * kernel keeps the peak (VmHWM), so nothing is missed between two looks.
 *
 * Garbage that is not collected yet counts, and when it is collected is the runtime's business: so
 * work that seems to take `limit` or more gets two more chances. What is really held, or lost, is
 * there each time.
 */
export async function peakGrowth(
  pid: number,
  level: number,
  limit: number,
  work: () => Promise<void>,
): Promise<number> {
  let least = Infinity;
  for (let attempt = 0; attempt < 3 && least >= limit; attempt++) {
    // 5: sets the peak to what the process has now.
    await writeFile(`/proc/${pid}/clear_refs`, "5");
    await work();
    least = Math.min(least, await statusOf(pid, "VmHWM") - level);
  }
  return least;
}

/** The sockets of a process, by the kernel's numbers for them, sorted. */
export async function socketsOf(pid: number): Promise<string[]> {
  const directory = `/proc/${pid}/fd`;
  const links = await Promise.all(
    (await readdir(directory)).map((fd) => readlink(`${directory}/${fd}`).catch(() => "")),
  );
  return links.filter((link) => link.startsWith("socket:")).sort();
}

async function statusOf(pid: number, name: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const [, kilobytes] = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status) ?? [];
  if (kilobytes === undefined) throw new Error(`No ${name} in /proc/${pid}/status`);
  return Number(kilobytes) * 1024;
}

/** Resolves with a count that goes on no more. */
export async function heldBack(count: () => Promise<number>): Promise<number> {
  let before = -1;
  await waitUntil(async () => {
    const now = await count();
    const same = now === before;
    before = now;
    return same && now > 0;
  }, { what: "the transfer to be held back", interval: 50 });
  return before;
}
