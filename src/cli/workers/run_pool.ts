/**
 * Runs workers under a supervisor: in this process if it has the socket, else in one that gets it.
 */
import { messageOf } from "../../log/describe.ts";
import { print } from "../../log/print.ts";
import { launch, launchAgain } from "../../runtime/listen/launch.ts";
import { findInheritedSockets } from "../../runtime/listen/inherited_socket.ts";
import { DEFAULT_TARGET } from "../../runtime/listen/listen.ts";
import { listenQueue } from "../../runtime/listen/listen_queue.ts";
import type { ListenTarget } from "../../runtime/listen/listener.ts";
import { dropSocket } from "../../runtime/listen/drop_socket.ts";
import type { LendTarget, Lent } from "../../runtime/listen/lend_socket.ts";
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
import type { FastCgiServer } from "../../serve/server.ts";
import { ExitCode } from "../exit_code.ts";
import type { LogSettings } from "../log/access_log.ts";
import type { OwnPaths } from "../own_paths.ts";
import { ownSocket } from "../own_socket.ts";
import { answer } from "./answer.ts";
import { openControl } from "./control.ts";
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
  readonly paths: OwnPaths;
  readonly settings: PoolSettings;
}

const EXIT_CODES: Record<Outcome, number> = {
  "stopped": ExitCode.SUCCESS,
  "killed": ExitCode.FAILED,
  "failed": ExitCode.FAILED,
  "not loaded": ExitCode.NOT_LOADED,
};

/** The sockets of a supervisor, in the order of their descriptors. */
interface Sockets {
  /** The descriptor of the first. */
  readonly fd: number;
  /** What is known of each; of one that was not opened here, nothing. */
  readonly lent: readonly Lent[];
}

/**
 * Supervises workers on sockets of this process.
 *
 * @returns The exit code.
 */
async function supervise(command: PoolCommand, sockets: Sockets): Promise<number> {
  const names = sockets.lent.flatMap((one) => "spare" in one ? new SocketName(one) : []);
  const directory = workingDirectory();
  const supervisor: Supervisor = new Supervisor(command.app, command.settings.plan, {
    now: () => performance.now(),
    random: () => Math.random(),
    spawn: (slot, events) => {
      const fd = sockets.fd + (command.settings.isSocketPerWorker ? slot : 0);
      return spawnWorker(command, { fd, directory }, events);
    },
    async open() {
      for (const name of names) await name.open();
      print(`Serving FastCGI on ${describe(sockets, names)}, ${count(command)}`);
    },
    close() {
      watches.forEach((watch) => clearInterval(watch));
      for (const name of names) name.close();
      // A port is open as long as anybody has it.
      sockets.lent.forEach((one, index) => "port" in one && dropSocket(sockets.fd + index));
    },
    listenQueue: () => listenQueue(sockets.fd),
    log: (line) => print(`fcgi: ${line}`),
  });
  onSupervisorSignal((meaning) => obey(supervisor, command, meaning));
  // If the launcher goes, which owns the terminal or is the service's main process, all ends.
  const launcher = parentChannel();
  launcher?.listen(() => {}, () => supervisor.tell({ type: "stop" }));
  launcher?.send({ type: "handles signals" });
  const watches = names.map(watchName);
  const { control: path } = command.settings;
  let control: FastCgiServer | undefined;
  try {
    if (path !== undefined) control = await openControl(path, (what) => answer(supervisor, what));
    return EXIT_CODES[await supervisor.run()];
  } catch (error) {
    print(`fcgi serve: ${messageOf(error)}`);
    return ExitCode.FAILED;
  } finally {
    watches.forEach((watch) => clearInterval(watch));
    for (const name of names) name.close();
    await control?.shutdown();
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
  const commandFor = (sockets: Sockets) =>
    programCommand(MAIN, ["supervise", JSON.stringify(sockets), ...args]);
  if (!("fd" in place)) {
    return await launch(targetsOf(place, command), (lent) => commandFor({ fd: LENT_FD, lent }));
  }
  return socketPlace(place.fd) === undefined
    ? await launchAgain(place.fd, (fd) => commandFor({ fd, lent: [] }))
    : await supervise(command, { fd: place.fd, lent: [] });
}

/** Supervises workers on the sockets that this process was started with. */
export function superviseLent(command: PoolCommand, sockets: string): Promise<number> {
  return supervise(command, JSON.parse(sockets) as Sockets);
}

function inheritedTarget(): ListenTarget | undefined {
  const fd = findInheritedSockets()?.fds[0];
  return fd === undefined ? undefined : { fd };
}

/** What is to be opened: the target itself, or a socket for each worker. */
function targetsOf(target: LendTarget, { settings }: PoolCommand): readonly LendTarget[] {
  // Whether it is a path was looked at with the other options.
  if (!settings.isSocketPerWorker || !("path" in target)) return [target];
  return Array.from({ length: settings.plan.workers }, (_, slot) => ({
    ...target,
    path: ownSocket(target.path, slot),
  }));
}

function spawnWorker(
  { app, options, flags, log, paths, settings }: PoolCommand,
  { fd, directory }: { fd: number; directory: string },
  events: ChildEvents,
): ChildHandle {
  const limits: RetireLimits = spreadLimits(settings.limits, Math.random);
  const worker = { app, fd: socketPlace(fd) ?? LENT_FD, options, limits, log, paths };
  const args = workerCommand(WORKER_MAIN, { app, directory }, worker, flags);
  return startWorker({ args, fd, directory }, {
    message: (message) => events.message(message as ToSupervisor),
    exit(code, signal, error) {
      if (error !== undefined) print(`fcgi: Cannot start a worker: ${error.message}`);
      events.exit({ code, signal });
    },
  });
}

function obey(supervisor: Supervisor, command: PoolCommand, meaning: SignalMeaning): void {
  if (meaning === "reopen") return void supervisor.reopen();
  const isCount = meaning === "more" || meaning === "fewer";
  if (!isCount || !command.settings.isSocketPerWorker) return supervisor.tell({ type: meaning });
  print(`fcgi: There are ${count(command)}, each with its own socket: restart with another number`);
}

function watchName(name: SocketName): ReturnType<typeof setInterval> {
  let last: string | undefined;
  return setInterval(() => {
    const wrong = name.check();
    if (wrong !== undefined && wrong !== last) print(`fcgi: ${wrong}`);
    last = wrong;
  }, CHECK_INTERVAL);
}

function describe({ lent }: Sockets, names: readonly SocketName[]): string {
  const [first] = lent;
  if (first === undefined) return "an inherited socket";
  if (!("port" in first)) {
    return `${names[0]!.description}${names.length === 1 ? "" : ` and ${names.length - 1} more`}`;
  }
  const { hostname, port } = first;
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

function count({ settings: { plan } }: PoolCommand): string {
  return plan.workers === 1 ? "1 worker" : `${plan.workers} workers`;
}
