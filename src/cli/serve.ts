/** `fcgi serve`: serves the application that a module exports. */
import { messageOf } from "../log/describe.ts";
import { isDeno } from "../runtime/deno.ts";
import { checkFile, NoFileError } from "../runtime/load_module.ts";
import { canShareSockets } from "../runtime/worker_process.ts";
import { checkLineFile } from "../runtime/line_file.ts";
import { forget, reopenOnSignal, shutDownOnSignals } from "../runtime/termination.ts";
import { optionsIn, targetOf } from "../serve/options.ts";
import type { FastCgiServer } from "../serve/server.ts";
import type { ServeApplication } from "../server/application/handler.ts";
import { loadApplication, NotLoadedError } from "./application.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";
import { ExitCode } from "./exit_code.ts";
import { type AccessLog, type LogSettings, startLog } from "./log/access_log.ts";
import { LOG_OPTIONS, logSettingsIn } from "./log_options.ts";
import { OWN_PATH_OPTIONS, type OwnPaths, ownPathsIn } from "./own_paths.ts";
import { optionsOf, PLACE_OPTIONS, placeIn, SERVE_OPTIONS } from "./serve_options.ts";
import { serveWithCommands } from "./serve_with_commands.ts";
import { lonelyStatus } from "./status/lonely.ts";
import type { Terminal } from "./terminal.ts";
import { POOL_OPTIONS, poolSettings } from "./workers/pool_options.ts";
import { type PoolCommand, startPool, superviseLent } from "./workers/run_pool.ts";

export const serve: Command = {
  name: "serve",
  summary: "serve the application that a module exports",
  operands: [{ name: "APP" }],
  options: Object.entries({
    "Where to listen": PLACE_OPTIONS,
    "Workers": POOL_OPTIONS,
    "Logs": LOG_OPTIONS,
    "Health checks and monitors": OWN_PATH_OPTIONS,
    "The application and its limits": SERVE_OPTIONS,
  }).flatMap(([group, options]) => options.map((option) => ({ ...option, group }))),
  // What a worker may do is what the user says; without it, everything.
  passes: isDeno ? /^--(?:allow|deny|ignore)-[a-z-]+$|^--permission-set$|^-P$/ : undefined,
  examples: [
    ["fcgi serve app.ts --socket /run/app/fcgi.sock --mode 660", "on a Unix socket"],
    ["fcgi serve app.ts --listen 9000 --workers 4", "on port 9000, with four processes"],
    ["fcgi serve app.ts", "where the one who starts it says"],
  ],
  run: runServe,
};

/** The supervisor in a process of its own; `serve` starts it. */
export const supervise: Command = {
  ...serve,
  name: "supervise",
  operands: [{ name: "SOCKET" }, { name: "APP" }],
  run: (args, terminal) =>
    superviseLent(poolCommand(args, args.operands[1]!, terminal)!, args.operands[0]!),
};

async function runServe(args: Arguments, terminal: Terminal): Promise<number> {
  const place = placeIn(args);
  const options = optionsOf(args);
  const app = args.operands[0]!;
  const log = logSettingsIn(args, terminal);
  const paths = ownPathsIn(args);
  const pool = poolCommand(args, app, terminal);
  if (pool?.settings.isSocketPerWorker && place.path === undefined) {
    throw new UsageError("--socket-per-worker is for Unix sockets: add --socket PATH");
  }
  try {
    if (log.file !== undefined) checkLineFile(log.file);
    if (pool !== undefined) checkFile(app);
    return pool === undefined
      ? await serveHere(app, { ...place, ...options }, { log, paths }, terminal)
      : await startPool(pool, targetOf(place), args.raw);
  } catch (error) {
    terminal.err(`fcgi serve: ${messageOf(error)}${adviceOn(error)}`);
    return error instanceof NotLoadedError || error instanceof NoFileError
      ? ExitCode.NOT_LOADED
      : ExitCode.FAILED;
  }
}

/** On Deno one process has one import map: here that of `fcgi`, not of the application. */
function adviceOn(error: unknown): string {
  const isUnmapped = isDeno && error instanceof NotLoadedError &&
    /not in import map|not prefixed with/.test(error.message);
  return isUnmapped ? "\n    Add --workers 1: a worker has the deno.json of the application" : "";
}

/** Serves in this process. */
async function serveHere(
  app: string,
  options: Record<string, unknown>,
  { log: settings, paths }: { log: LogSettings; paths: OwnPaths },
  terminal: Terminal,
): Promise<number> {
  const log = startLog(settings, app);
  if (settings.file !== undefined) reopenOnSignal(() => void log?.reopen());
  const application = await loadApplication(app, () => terminal.load(app));
  const answer = async (what: string) => {
    if (what !== "reopen") return lonelyStatus(app, server, what, log?.slowRequests);
    await log?.reopen();
    return "{}";
  };
  const server: FastCgiServer = serveWithCommands(application, options, { answer, log, paths });
  await server.ready;
  await (log === undefined ? server.finished : finish(server, log, application));
  return ExitCode.SUCCESS;
}

/** Waits for the end of a server; the last lines of its log are written before the program ends. */
async function finish(
  server: FastCgiServer,
  log: AccessLog,
  application: ServeApplication,
): Promise<void> {
  const ending = { shutdown: () => server.finished.then(() => log.close()) };
  // Signals are the application's if it says so.
  const handlesSignals = optionsIn(application).handleSignals ?? true;
  if (handlesSignals) shutDownOnSignals(ending);
  await ending.shutdown();
  forget(ending);
}

/** What a supervisor is to do; `undefined` if there is to be none. */
function poolCommand(args: Arguments, app: string, terminal: Terminal): PoolCommand | undefined {
  const { passed } = args;
  const workers = args.value("workers") ?? terminal.variable("WEB_CONCURRENCY") ??
    (passed.length > 0 ? "1" : undefined);
  const settings = poolSettings(args, workers, terminal.processors);
  if (settings === undefined) return undefined;
  if (!canShareSockets) {
    throw new UsageError("--workers needs a system whose processes share a socket: not Windows");
  }
  const options = { ...optionsOf(args), shutdownTimeout: settings.plan.stopTimeout };
  const flags = passed.length > 0 || !isDeno ? passed : ["-A"];
  const log = logSettingsIn(args, terminal);
  return { app, options, flags, log, paths: ownPathsIn(args), settings };
}
