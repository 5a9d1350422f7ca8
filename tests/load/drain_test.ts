/**
 * That a process goes without a loss while requests come: on SIGTERM, and while others take over
 * its socket.
 */
import process from "node:process";
import { assertEquals, assertGreater, assertLessOrEqual } from "../_assert.ts";
import { afterEach, beforeEach, describe, it } from "../_harness.ts";
import { tempDir, waitUntil } from "../_runtime.ts";
import { runLane, type Task, TASKS } from "./_fastcgi_load.ts";
import { Holder, skipHolder } from "./_holder.ts";
import { startServer } from "./_server.ts";
import { Tally } from "./_tally.ts";

const LANES = 16;
/** Answers before something happens: the load is under way. */
const UNDER_WAY = 100;
const RESTARTS = 5;
const KINDS = [TASKS.small, TASKS.post, TASKS.later, TASKS.small, TASKS.large, TASKS.small];

let directory: Awaited<ReturnType<typeof tempDir>>;

describe("shutdown under load", { timeout: 60_000 }, () => {
  beforeEach(async () => void (directory = await tempDir()));
  afterEach(async () => await directory[Symbol.asyncDispose]());

  it("answers every request that got a connection of its own, and waits for what was promised", async () => {
    const path = `${directory.path}/fcgi.sock`;
    await using server = await startServer([`path=${path}`]);
    const tally = new Tally();
    const lanes = runLanes(path, { tally, keep: false, endsWhenRefused: true });
    await waitUntil(() => tally.right > UNDER_WAY);
    server.kill("SIGTERM");
    assertEquals(await server.exit, { code: 0, signal: null });
    await lanes;
    assertEquals(tally.failures, {});
    const [, counts] = await server.waitForLine("stdout", /^counts (.*)$/);
    const { requests, later, laterDone } = JSON.parse(counts!);
    assertEquals(requests, tally.sent);
    assertGreater(later, 0);
    assertEquals(laterDone, later);
  });

  it("cuts no answer on a kept connection, and carries out no request that crosses its end", async () => {
    const path = `${directory.path}/fcgi.sock`;
    await using server = await startServer([`path=${path}`]);
    const tally = new Tally();
    const lanes = runLanes(path, { tally, keep: true, endsWhenRefused: true });
    await waitUntil(() => tally.right > UNDER_WAY);
    server.kill("SIGTERM");
    assertEquals(await server.exit, { code: 0, signal: null });
    await lanes;
    // A request that was sent before its peer saw the end finds nobody. A web server sends it
    // again, so nobody may have carried it out.
    const { "unanswered on a kept connection": crossed = 0, ...others } = tally.failures;
    assertEquals(others, {});
    assertLessOrEqual(crossed, LANES);
    const [, counts] = await server.waitForLine("stdout", /^counts (.*)$/);
    assertEquals(JSON.parse(counts!).requests, tally.sent - crossed);
  });

  it("loses nothing when others take over its socket", { skip: skipHolder }, async () => {
    await using holder = await Holder.start(directory.path);
    let pid = await holder.startApp();
    const tally = new Tally();
    let isOver = false;
    const lanes = runLanes(`${directory.path}/fcgi.sock`, {
      tally,
      keep: false,
      isOver: () => isOver,
    });
    for (let restart = 1; restart <= RESTARTS; restart++) {
      const level = tally.right + UNDER_WAY;
      await waitUntil(() => tally.right > level);
      const next = await holder.startApp();
      process.kill(pid, "SIGTERM");
      await waitUntil(() => holder.exitCodes.length === restart);
      pid = next;
    }
    isOver = true;
    await lanes;
    assertEquals(tally.failures, {});
    process.kill(pid, "SIGTERM");
    await waitUntil(() => holder.exitCodes.length === RESTARTS + 1);
    assertEquals(holder.exitCodes, Array(RESTARTS + 1).fill(0));
    assertEquals(holder.counts.reduce((sum, { requests }) => sum + requests, 0), tally.sent);
  });
});

async function runLanes(
  path: string,
  options: { tally: Tally; keep: boolean; endsWhenRefused?: boolean; isOver?: () => boolean },
): Promise<void> {
  let index = 0;
  const next = (): Task | undefined => {
    return options.isOver?.() ? undefined : KINDS[index++ % KINDS.length]!();
  };
  const address = { transport: "unix", path } as const;
  await Promise.all(Array.from({ length: LANES }, () => runLane(address, { ...options, next })));
}
