/** What applications and operators do to a pool of workers that they should not. */
import { writeFile } from "node:fs/promises";
import { assertEquals, assertMatch } from "../../_assert.ts";
import { describe } from "../../_harness.ts";
import { waitUntil } from "../../_runtime.ts";
import { sideBySide } from "../_side_by_side.ts";
import { APP, skipPools, TestPool } from "./_pool.ts";

/** An application that uses the channel of its process as its own. */
const SENDER =
  APP.replace("count++;", `count++; send(); if (query.has("leave")) process.disconnect();`) + `
const messages = [null, 0, "ready", [], {}, { type: "pong" }, { type: "pong", report: {} },
  { type: "ready" }, { type: "closed" }, { type: "retire" }, { type: "ask", id: 1, what: "status" },
  { fcgi: null }, { fcgi: "ready" }];
const send = () => messages.forEach((message) => process.send(message, undefined, undefined, () => {}));
send();
`;

describe("fcgi serve --workers, an application", { skip: skipPools }, () => {
  sideBySide({
    "may send messages of its own, which mean nothing": async () => {
      await using pool = await TestPool.start({ app: SENDER });
      const pids = await pool.pids();
      for (let i = 0; i < 5; i++) await pool.ask();
      const { processes } = await pool.status();
      assertEquals(processes.map(({ pid }) => pid), pids);
      pool.program.kill("SIGTERM");
      assertEquals(await pool.program.exit, { code: 0, signal: null });
    },

    "that closes the channel ends its worker, which is replaced": async () => {
      await using pool = await TestPool.start({ app: SENDER, workers: 1 });
      const { pid } = await pool.ask("leave");
      await waitUntil(async () => (await pool.ask()).pid !== pid, { timeout: 20_000 });
      pool.program.kill("SIGTERM");
      assertEquals(await pool.program.exit, { code: 0, signal: null });
    },
  });
});

describe("fcgi serve --workers, an operator", { skip: skipPools }, () => {
  sideBySide({
    "may wait for reloads with others, though there is one worker": async () => {
      await using pool = await TestPool.start({ workers: 1 });
      const asked = [1, 2, 3].map(() => pool.request({ params: { FCGI_COMMAND: "reload" } }));
      for (const { text } of await Promise.all(asked)) assertEquals(text, `{"failure":null}`);
    },

    "who waits for a reload is told when all is stopped": async () => {
      await using pool = await TestPool.start({ workers: 1 });
      await writeFile(pool.app, "await new Promise((resolve) => setTimeout(resolve, 60_000));");
      const lines = pool.lines;
      const asked = [1, 2].map(() => pool.request({ params: { FCGI_COMMAND: "reload" } }));
      await pool.line(/reload to generation 2/, lines);
      await waitUntil(async () => (await pool.status())["active requests"] === 3);
      pool.program.kill("SIGTERM");
      for (const { text } of await Promise.all(asked)) assertMatch(text, /"failure":"stopped"/);
    },
  });
});
