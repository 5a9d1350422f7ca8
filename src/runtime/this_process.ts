import process from "node:process";

/** The number of this process. */
export const processId: number = process.pid;

/** The number of the process that has started this one, or of what has taken it over. */
export function parentProcessId(): number {
  return process.ppid;
}

/** The processor time of this process so far, in microseconds. */
export function processorTime(): { user: number; system: number } {
  return process.cpuUsage();
}

/** The resident memory of this process, in bytes. */
export function memoryUsed(): number {
  return process.memoryUsage.rss();
}
