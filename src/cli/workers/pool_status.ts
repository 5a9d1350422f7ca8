import {
  type KnownProcess,
  type ProcessStatus,
  processStatus,
  type StatusReport,
} from "../status/report.ts";
import type { PastWorkers } from "./past_workers.ts";

/** What is known of all processes together. */
export interface Pool {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly startTime: number;
  readonly phase: StatusReport["phase"];
  readonly generation: number;
  readonly restarts: number;
  /** How many connections wait to be accepted, if that is known. */
  readonly listenQueue: number | null;
  readonly past: PastWorkers;
  readonly processes: readonly KnownProcess[];
}

/** The status of a pool of processes; of one that serves alone, too. */
export function poolStatus(pool: Pool, now: number): StatusReport {
  const processes = pool.processes.map((known) => processStatus(known, now));
  const reports = pool.processes.flatMap(({ report }) => report ?? []);
  const sum = (of: (report: typeof reports[number]) => number) =>
    reports.reduce((total, report) => total + of(report), 0);
  const count = (state: ProcessStatus["state"]) =>
    processes.filter((one) => one.state === state).length;
  const { past } = pool;
  return {
    pool: pool.name,
    "process manager": "static",
    phase: pool.phase,
    "start time": Math.floor(pool.startTime / 1000),
    "start since": Math.floor((now - pool.startTime) / 1000),
    "accepted conn": past.connections + sum(({ stats }) => stats.connections.accepted),
    "refused conn": past.refused + sum(({ stats }) => stats.connections.refused),
    "listen queue": pool.listenQueue,
    "idle processes": count("Idle"),
    "active processes": count("Running"),
    "total processes": processes.length,
    "accepted requests": past.requests + sum(({ stats }) => stats.requests.accepted),
    "active requests": sum(({ stats }) => stats.requests.active),
    "rejected requests": past.rejected + sum(({ stats }) => stats.requests.rejected),
    "failed requests": past.failed + sum(({ stats }) => stats.requests.failed),
    "aborted requests": past.aborted + sum(({ stats }) => stats.requests.aborted),
    "slow requests": past.slow + sum(({ slow }) => slow),
    memory: sum(({ rss }) => rss),
    generation: pool.generation,
    "old workers": processes.filter(({ generation }) => generation < pool.generation).length,
    restarts: pool.restarts,
    processes,
  };
}
