import { memoryUsed, processId } from "../../runtime/this_process.ts";
import type { FastCgiServer } from "../../serve/server.ts";
import { poolStatus } from "../workers/pool_status.ts";
import { PastWorkers } from "../workers/past_workers.ts";

/**
 * Answers a question to a process that serves without a supervisor.
 *
 * @param slow How many requests have taken longer than they should.
 */
export function lonelyStatus(
  pool: string,
  server: FastCgiServer,
  what: string,
  slow = 0,
): string {
  if (what.startsWith("reload")) {
    return JSON.stringify({
      error: "there is no supervisor: restart it; what is served with --workers N can be reloaded",
    });
  }
  if (what === "stop") {
    return JSON.stringify({ error: "there is no supervisor; send a SIGTERM" });
  }
  if (what !== "status") return JSON.stringify({ error: `No such command: ${what}` });
  const stats = server.stats();
  const { startTime } = stats;
  return JSON.stringify(poolStatus({
    name: pool,
    startTime,
    phase: "serving",
    generation: 1,
    restarts: 0,
    listenQueue: null,
    past: new PastWorkers(),
    processes: [{
      pid: processId,
      startTime,
      report: { stats, rss: memoryUsed(), slow },
      state: "ready",
      generation: 1,
      slot: 0,
      isStale: false,
    }],
  }, Date.now()));
}
