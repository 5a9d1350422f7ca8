import process from "node:process";

/** The number of this process. */
export const processId: number = process.pid;

/** The resident memory of this process, in bytes. */
export function memoryUsed(): number {
  return process.memoryUsage.rss();
}
