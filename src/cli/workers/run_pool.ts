/**
 * Runs workers under a supervisor: in this process if it has the socket, else in one that gets it.
 */
import { print } from "../../log/print.ts";
import { launch, launchAgain } from "../../runtime/listen/launch.ts";
import { findInheritedSockets } from "../../runtime/listen/inherited_socket.ts";
import { DEFAULT_TARGET } from "../../runtime/listen/listen.ts";
import type { ListenTarget } from "../../runtime/listen/listener.ts";
import type { Lent } from "../../runtime/listen/lend_socket.ts";
import { SocketName } from "../../runtime/listen/socket_name.ts";
import { parentChannel } from "../../runtime/channel.ts";
import { programCommand, workerCommand } from "../../runtime/program_command.ts";
import { onSupervisorSignal, type SignalMeaning } from "../../runtime/supervisor_signals.ts";
import {
  LENT_FD,
  socketPlace,
  startWorker,
  workingDirectory,
} from "../../runtime/worker_process.ts";
import { ExitCode } from "../exit_code.ts";
import type { LogSettings } from "../log/access_log.ts";
import type { ToSupervisor } from "./messages.ts";
import type { PoolSettings } from "./pool_options.ts";
import { type RetireLimits, spreadLimits } from "./retire.ts";
import { Supervisor } from "./supervisor.ts";
import type { ChildEvents, ChildHandle, Outcome } from "./supervisor_host.ts";

/** How often the name of a Unix socket is looked after, in milliseconds. */
const CHECK_INTERVAL = 2_000;

const MAIN = new URL("../main.ts", import.meta.url).href;
const WORKER_MAIN = new URL("../worker_main.ts", import.meta.url).href;

/** What a supervisor serves. */
export interface PoolCommand {
  readonly app: string;
  /** Options of `serve()` for every worker. */
  readonly options: Record<string, unknown>;
  /** Flags of Deno for the workers. */
  readonly flags: readonly string[];
  readonly log: LogSettings;
  readonly settings: PoolSettings;
}

const EXIT_CODES: Record<Outcome, number> = {
  "stopped": ExitCode.SUCCESS,
  "killed": ExitCode.FAILED,
  "failed": ExitCode.FAILED,
  "not loaded": ExitCode.NOT_LOADED,
};

/**
 * Supervises workers on a socket of this process.
 *
 * @param fd The socket's descriptor.
 * @param lent What is known of the socket, if it was lent to this process.
 * @returns The exit code.
 */
async function supervise(
  command: PoolCommand,
  fd: number,
  lent: Lent | undefined,
): Promise<number> {
  const name = lent !== undefined && "spare" in lent ? new SocketName(lent) : undefined;
  const directory = workingDirectory();
  const supervisor: Supervisor = new Supervisor(command.app, command.settings.plan, {
    now: () => performance.now(),
    random: () => Math.random(),
    spawn: (events) => spawnWorker(command, { fd, directory }, events),
    async open() {
      await name?.open();
      print(`Serving FastCGI on ${describe(lent, name)}, ${count(command)}`);
    },
    log: (line) => print(`fcgi: ${line}`),
  });
  onSupervisorSignal((meaning) => obey(supervisor, meaning));
  // If the launcher goes, which owns the terminal or is the service's main process, all ends.
  const launcher = parentChannel();
  launcher?.listen(() => {}, () => supervisor.tell({ type: "stop" }));
  launcher?.send({ type: "handles signals" });
  const watch = name && watchName(name);
  try {
    return EXIT_CODES[await supervisor.run()];
  } finally {
    clearInterval(watch);
    name?.close();
    launcher?.release();
  }
}

/**
 * Supervises workers on the socket at the target, or on the one that this process has inherited:
 * here if workers can get it from here, else in a process of its own.
 *
 * @param args The arguments of `fcgi serve`.
 * @returns The exit code.
 */
export async function startPool(
  command: PoolCommand,
  target: ListenTarget | undefined,
  args: readonly string[],
): Promise<number> {
  const place = target ?? inheritedTarget() ?? DEFAULT_TARGET;
  const commandFor = (lent: Lent | { fd: number }) =>
    programCommand(MAIN, ["supervise", JSON.stringify(lent), ...args]);
  if (!("fd" in place)) return await launch(place, commandFor);
  return socketPlace(place.fd) === undefined
    ? await launchAgain(place.fd, (fd) => commandFor({ fd }))
    : await supervise(command, place.fd, undefined);
}

/** Supervises workers on the socket that this process was started with. */
export function superviseLent(command: PoolCommand, lent: string): Promise<number> {
  const known = JSON.parse(lent) as Lent | { fd: number };
  return "fd" in known
    ? supervise(command, known.fd, undefined)
    : supervise(command, LENT_FD, known);
}

function inheritedTarget(): ListenTarget | undefined {
  const fd = findInheritedSockets()?.fds[0];
  return fd === undefined ? undefined : { fd };
}

function spawnWorker(
  { app, options, flags, log, settings }: PoolCommand,
  { fd, directory }: { fd: number; directory: string },
  events: ChildEvents,
): ChildHandle {
  const limits: RetireLimits = spreadLimits(settings.limits, Math.random);
  const worker = { app, fd: socketPlace(fd) ?? LENT_FD, options, limits, log };
  const args = workerCommand(WORKER_MAIN, { app, directory }, worker, flags);
  return startWorker({ args, fd, directory }, {
    message: (message) => events.message(message as ToSupervisor),
    exit(code, signal, error) {
      if (error !== undefined) print(`fcgi: Cannot start a worker: ${error.message}`);
      events.exit({ code, signal });
    },
  });
}

function obey(supervisor: Supervisor, meaning: SignalMeaning): void {
  if (meaning === "reopen") supervisor.reopen();
  else supervisor.tell({ type: meaning });
}

function watchName(name: SocketName): ReturnType<typeof setInterval> {
  let last: string | undefined;
  return setInterval(() => {
    const wrong = name.check();
    if (wrong !== undefined && wrong !== last) print(`fcgi: ${wrong}`);
    last = wrong;
  }, CHECK_INTERVAL);
}

function describe(lent: Lent | undefined, name: SocketName | undefined): string {
  if (name !== undefined) return name.description;
  if (lent === undefined || !("port" in lent)) return "an inherited socket";
  const { hostname, port } = lent;
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

function count({ settings: { plan } }: PoolCommand): string {
  return plan.workers === 1 ? "1 worker" : `${plan.workers} workers`;
}
