import type { WorkerReport } from "./messages.ts";

/** What the workers that have ended had counted: so no counter of the whole falls. */
export class PastWorkers {
  connections = 0;
  refused = 0;
  requests = 0;
  rejected = 0;
  failed = 0;
  aborted = 0;
  slow = 0;

  /** Adds the last report of a worker. */
  add({ stats: { connections, requests }, slow }: WorkerReport): void {
    this.connections += connections.accepted;
    this.refused += connections.refused;
    this.requests += requests.accepted;
    this.rejected += requests.rejected;
    this.failed += requests.failed;
    this.aborted += requests.aborted;
    this.slow += slow;
  }
}
