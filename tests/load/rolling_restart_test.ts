/**
 * That two processes behind nginx are restarted in turn under load, by a signal, and no request
 * fails.
 */
import { assertEquals, assertGreater } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { type Program, waitUntil } from "../_runtime.ts";
import { type Task, TASKS } from "./_fastcgi_load.ts";
import { runHttpLane } from "./_http_load.ts";
import { FRESH_PORT, KEPT_PORT, Nginx, skipNginx } from "./_nginx.ts";
import { startServer } from "./_server.ts";
import { Tally } from "./_tally.ts";

/** On each port. */
const LANES = 8;
/**
 * Answers before something happens: the load is under way, and both processes have a part in it.
 */
const UNDER_WAY = 100;
const RESTARTS = 3;
const KINDS = [TASKS.small, TASKS.post, TASKS.small, TASKS.slow, TASKS.post, TASKS.large];

describe("a rolling restart behind nginx", { skip: skipNginx, timeout: 90_000 }, () => {
  it("fails no request, and carries none out twice", async () => {
    await using nginx = await Nginx.start();
    const start = (name: string) => startServer([`path=${name}.sock`], { cwd: nginx.directory });
    const apps = [await start("1"), await start("2")];
    const ended: Program[] = [];
    const fresh = new Tally();
    const kept = new Tally();
    let isOver = false;
    const lanes = Promise.all([[FRESH_PORT, fresh], [KEPT_PORT, kept]].map(([port, tally]) => {
      return runLanes(port as number, tally as Tally, () => isOver);
    }));
    try {
      for (let restart = 0; restart < 2 * RESTARTS; restart++) {
        const [old] = apps.splice(0, 1);
        await goOn(fresh);
        old!.kill("SIGTERM");
        ended.push(old!);
        assertEquals(await old!.exit, { code: 0, signal: null });
        apps.push(await start(String(restart % 2 + 1)));
      }
      // The last one has its part in it, too.
      await goOn(fresh);
    } finally {
      isOver = true;
      await lanes;
      for (const app of apps) await app[Symbol.asyncDispose]();
    }
    assertEquals([fresh.failures, kept.failures], [{}, {}], await nginx.errorLog());
    const handled = await Promise.all([...ended, ...apps].map(requestsOf));
    assertEquals(handled.reduce((sum, count) => sum + count), fresh.sent + kept.sent);
    for (const count of handled) assertGreater(count, 0);
  });
});

/**
 * Waits until so much more has been answered that every process has had requests: nginx takes them
 * in turn.
 */
async function goOn(tally: Tally): Promise<void> {
  const level = tally.right + UNDER_WAY;
  await waitUntil(() => tally.right > level);
}

async function runLanes(port: number, tally: Tally, isOver: () => boolean): Promise<void> {
  let index = 0;
  const next = (): Task | undefined => isOver() ? undefined : KINDS[index++ % KINDS.length]!();
  await Promise.all(Array.from({ length: LANES }, () => runHttpLane(port, { tally, next })));
}

/** How many requests the handler of a process that has ended has had. */
async function requestsOf(app: Program): Promise<number> {
  const [, counts] = await app.waitForLine("stdout", /^counts (.*)$/);
  return JSON.parse(counts!).requests;
}
