/** Workers that are to open their logs again. */
import { Reopening } from "../../../src/cli/workers/reopening.ts";
import type { ToWorker } from "../../../src/cli/workers/messages.ts";
import { assertEquals } from "../../_assert.ts";
import { describe, it } from "../../_harness.ts";
import { LongTimers } from "../../server/_long_timers.ts";

/** Two workers, what they are sent, and what is logged. */
function pool() {
  const sent: [pid: number, type: string][] = [];
  const child = (pid: number) => ({
    child: { pid, send: ({ type }: ToWorker) => void sent.push([pid, type]) },
  });
  const logged: string[] = [];
  const workers = new Map([[1, child(101)], [2, child(102)]]);
  return { workers, sent, logged, log: (line: string) => void logged.push(line) };
}

describe("Reopening", () => {
  it("asks every worker, and names those that have not said after two seconds", async () => {
    using timers = new LongTimers();
    const { workers, sent, logged, log } = pool();
    const reopening = new Reopening(workers, log);
    assertEquals(sent, [[101, "reopen"], [102, "reopen"]]);
    reopening.heard(1);
    assertEquals(await timers.elapse(), 2000);
    assertEquals(await reopening.done, false);
    assertEquals(logged, [
      "Worker 102 has not opened its logs again: it may still write to the old files",
    ]);
  });

  it("waits no longer when all have said it, or have ended", async () => {
    using timers = new LongTimers();
    const { workers, log } = pool();
    const reopening = new Reopening(workers, log);
    reopening.heard(1);
    assertEquals(timers.delays, [2000]);
    reopening.heard(2);
    assertEquals(timers.delays, []);
    assertEquals(await reopening.done, true);
  });

  it("does not wait for what is asked for once more, nor where nobody is", async () => {
    using timers = new LongTimers();
    const { workers, log } = pool();
    const first = new Reopening(workers, log);
    const second = new Reopening(new Map(), log);
    first.supersede(second);
    assertEquals(timers.delays, []);
    assertEquals([await first.done, await second.done], [true, true]);
  });
});
