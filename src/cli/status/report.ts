/**
 * The status of an application, as `fcgi status` gets it: JSON with php-fpm's names where the
 * meaning is the same, so that monitors of php-fpm read it.
 */
import type { WorkerReport } from "../workers/messages.ts";

/** One process that serves, has served or is about to. */
export interface ProcessStatus {
  readonly pid: number | null;
  /** `Running` if it has a request in progress. */
  readonly state: "Starting" | "Idle" | "Running" | "Draining";
  /** Seconds since the epoch. */
  readonly "start time": number;
  /** Seconds. */
  readonly "start since": number;
  /** Accepted since its start; what follows is `null` while nothing is known of it. */
  readonly requests: number | null;
  readonly "active requests": number | null;
  /** Open now. */
  readonly connections: number | null;
  /** Resident memory, in bytes. */
  readonly memory: number | null;
  /** How many reloads the supervisor had behind it, and 1. */
  readonly generation: number;
  readonly slot: number;
  /** Whether the process has not answered in time: then these are older figures. */
  readonly stale: boolean;
}

/** The whole. Counters are of all processes since the start, those that have ended too. */
export interface StatusReport {
  readonly pool: string;
  readonly "process manager": "static";
  readonly phase: "starting" | "serving" | "stopping" | "stopped";
  readonly "start time": number;
  readonly "start since": number;
  readonly "accepted conn": number;
  readonly "refused conn": number;
  /** Connections that wait to be accepted: not known for Unix sockets. */
  readonly "listen queue": number | null;
  readonly "idle processes": number;
  readonly "active processes": number;
  readonly "total processes": number;
  readonly "accepted requests": number;
  readonly "active requests": number;
  readonly "rejected requests": number;
  readonly "failed requests": number;
  readonly "aborted requests": number;
  /** Those that have taken longer than `--slow` says. */
  readonly "slow requests": number;
  /** Of all processes together, in bytes. */
  readonly memory: number;
  readonly generation: number;
  /** Workers of an earlier generation that have not ended. */
  readonly "old workers": number;
  /** How often a worker was started in place of another. */
  readonly restarts: number;
  readonly processes: readonly ProcessStatus[];
}

/** What a process is to its status. */
export interface KnownProcess {
  readonly pid: number | undefined;
  readonly startTime: number;
  readonly report: WorkerReport | undefined;
  readonly state: "starting" | "ready" | "draining";
  readonly generation: number;
  readonly slot: number;
  readonly isStale: boolean;
}

/** The status of one process. */
export function processStatus(known: KnownProcess, now: number): ProcessStatus {
  const { report, generation, slot } = known;
  return {
    pid: known.pid ?? null,
    state: stateOf(known),
    "start time": Math.floor(known.startTime / 1000),
    "start since": Math.floor((now - known.startTime) / 1000),
    requests: report?.stats.requests.accepted ?? null,
    "active requests": report?.stats.requests.active ?? null,
    connections: report?.stats.connections.active ?? null,
    memory: report?.rss ?? null,
    generation,
    slot,
    stale: known.isStale,
  };
}

function stateOf({ state, report }: KnownProcess): ProcessStatus["state"] {
  if (state === "starting") return "Starting";
  if (state === "draining") return "Draining";
  return (report?.stats.requests.active ?? 0) > 0 ? "Running" : "Idle";
}
