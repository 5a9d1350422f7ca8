/** What a supervisor and its workers say to each other, over the channel of `process.send`. */
import type { ServerStats } from "../../server/application/stats.ts";

/** How a worker is, for the status. */
export interface WorkerReport {
  readonly stats: ServerStats;
  /** Resident memory, in bytes. */
  readonly rss: number;
  /** Requests that have taken longer than `--slow` says. */
  readonly slow: number;
}

export type ToWorker =
  | { type: "ping" }
  /** Stop accepting, answer what is in flight, and end. */
  | { type: "drain" }
  /** Open the files of logs again. */
  | { type: "reopen" }
  /** The answer to {@link ToSupervisor} `ask`. */
  | { type: "answer"; id: number; body: string };

export type ToSupervisor =
  | { type: "ready" }
  | { type: "pong"; report: WorkerReport }
  /** It accepts no more connections. */
  | { type: "closed" }
  | { type: "retire"; why: string }
  | { type: "reopened" }
  /** A client has asked this worker what only the supervisor knows. */
  | { type: "ask"; id: number; what: string };
