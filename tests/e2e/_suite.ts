/**
 * Runs the checks over every way of a set-up, with the applications on the runtime that runs the
 * test.
 */
import { chmod, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "../_harness.ts";
import { type Program, waitUntil } from "../_runtime.ts";
import { startTcpApp, startUnixApp, writeApp } from "./_apps.ts";
import { CHECKS, type Said, visit } from "./_checks.ts";
import type { Setup, Way } from "./_servers.ts";
import { type RunningServer, skipReason, startServer } from "./_web_server.ts";

/** What runs while the tests of a set-up do. */
export interface Running {
  server: RunningServer;
  apps: Partial<Record<Way["app"], Program>>;
  /**
   * Waits for text in the error log: a line of an application, as that server writes it, or one of
   * its own.
   */
  logged(line: string, whose?: "application" | "server"): Promise<void>;
}

export interface SuiteOptions {
  /** How many bytes an upload or a download has. @default 5 MB */
  large?: number;
}

/** The tests of a set-up; `more` adds some that only it has. */
export async function testSetup(
  setup: Setup,
  { large = 5 * 1024 * 1024 }: SuiteOptions = {},
  more?: (running: () => Running) => void,
): Promise<void> {
  const skip = await skipReason(setup.server);
  describe(setup.title, { skip, timeout: 30_000 }, () => {
    let running: Running;
    beforeAll(async () => {
      running = await start(setup);
    });
    afterAll(async () => {
      // First the server: an application waits a while for those that keep connections to close
      // them.
      await running?.server[Symbol.asyncDispose]();
      for (const app of Object.values(running?.apps ?? {})) await app[Symbol.asyncDispose]();
    });
    for (const way of setup.ways) {
      describe(way.name, () => {
        for (const check of CHECKS) {
          it(check.name, () => check.run(visit(way, saidOn(setup, way, running), large)));
        }
      });
    }
    more?.(() => running);
  });
}

async function start(setup: Setup): Promise<Running> {
  let board: string | undefined;
  const server = await startServer(setup.server, async (directory) => {
    if (setup.isShared) {
      board = join(directory, "board");
      await mkdir(board);
      // The server's user may be another.
      await chmod(board, 0o777);
    }
    if (setup.spawned !== undefined) await writeApp(join(directory, setup.spawned.script), board);
  });
  const apps: Running["apps"] = {};
  if (setup.ways.some(({ app }) => app === "unix")) {
    apps.unix = await startUnixApp(server.directory, board);
  }
  if (setup.tcp !== undefined) apps.tcp = await startTcpApp(setup.tcp, board);
  return {
    server,
    apps,
    async logged(line, whose = "application") {
      const text = whose === "server" ? line : setup.logged?.(line) ?? line;
      await waitUntil(async () => (await server.errorLog()).includes(text), {
        what: `"${text}" in the error log`,
      });
    },
  };
}

function saidOn(setup: Setup, way: Way, running: Running): Said {
  return {
    logged: (line) => running.logged(line),
    async application() {
      const app = running.apps[way.app];
      if (app !== undefined) return { stdout: app.stdout.text, stderr: app.stderr.lines };
      const { log, others } = setup.spawned!;
      const lines = (await readFile(join(running.server.directory, log), "utf8")).split("\n");
      return { stdout: "", stderr: lines.filter((line) => !others?.test(line)) };
    },
  };
}
