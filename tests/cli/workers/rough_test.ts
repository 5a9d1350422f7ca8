/** What applications and operators do to a pool of workers that they should not. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { assertEquals, assertMatch } from "../../_assert.ts";
import { describe } from "../../_harness.ts";
import { spawnScript, tempDir, waitUntil } from "../../_runtime.ts";
import { sideBySide } from "../_side_by_side.ts";
import { ALL, APP, childrenOf, kill, MAIN, skipPools, TestPool } from "./_pool.ts";

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

    "may signal all processes as if they were on a terminal": async () => {
      await using pool = await TestPool.start({ workers: 1 });
      const [pid] = await pool.pids();
      for (const signal of ["SIGTTIN", "SIGTTOU", "SIGWINCH"] as const) kill(pid!, signal);
      pool.program.kill("SIGTTIN");
      await pool.waitForWorkers(2);
      assertMatch(await readFile(`/proc/${pid}/status`, "utf8"), /^State:\t[SR]/m);
    },

    "may signal a supervisor that has just been started": async () => {
      await using pool = await TestPool.start({ workers: 1, isReady: false });
      await waitUntil(async () => (await childrenOf(pool.program.pid)).length === 1);
      pool.program.kill("SIGHUP");
      await pool.line(/reloaded, generation 2/);
    },

    "who starts two pools at once on one socket is told so by exit code 1": async () => {
      const app = `await new Promise((resolve) => setTimeout(resolve, 1_000));\n${APP}`;
      await using pool = await TestPool.start({ app, workers: 1, isReady: false });
      const args = ["serve", pool.app, "--socket", pool.path, "--workers", "1"];
      await using other = await spawnScript(MAIN, args, ALL);
      const { code } = await Promise.race([pool.program.exit, other.exit]);
      assertEquals(code, 1);
      await waitUntil(() => /EADDRINUSE/.test(pool.program.stderr.text + other.stderr.text));
    },

    "who deletes the working directory is told what is missing": async () => {
      await using cwd = await tempDir();
      await using pool = await TestPool.start({ workers: 1, cwd: cwd.path });
      const [pid] = await pool.pids();
      await rm(cwd.path, { recursive: true });
      kill(pid!, "SIGKILL");
      await pool.line(/Cannot start a worker: the working directory .* is gone/);
      await pool.line(/ended by itself: it could not be started/);
      pool.program.kill("SIGTERM");
      assertEquals(await pool.program.exit, { code: 0, signal: null });
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
