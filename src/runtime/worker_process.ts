/** Processes that serve on a socket which this one only holds. */
import { type ChildProcess, spawn, type StdioOptions } from "node:child_process";
import { existsSync, type Stats, statSync } from "node:fs";
import { isAbsolute } from "node:path";
import process from "node:process";
import { isDeno } from "./deno.ts";
import { disclose, enclose } from "./envelope.ts";

/** A process that has been started. */
export interface WorkerProcess {
  /** `undefined` if it could not be started. */
  readonly pid: number | undefined;
  /** Sends a message; one that cannot be delivered is lost. */
  send(message: object): void;
  /** Ends it at once: SIGKILL. */
  kill(): void;
}

/** What a process says. */
export interface WorkerEvents {
  message(message: object): void;
  /** It has ended, or could not be started: then with the reason. */
  exit(code: number | null, signal: string | null, error?: Error): void;
}

/** What is started. */
export interface WorkerCommand {
  /** The arguments of the runtime: its flags, the program, and the program's own. */
  readonly args: readonly string[];
  /**
   * The listening socket here, if it gets one; {@link socketPlace} says where the worker finds it.
   */
  readonly fd?: number;
  /** The working directory. */
  readonly directory: string;
}

/** Whether processes here can share a listening socket. */
export const canShareSockets: boolean = process.platform !== "win32";

const isBun = "Bun" in globalThis;

/** The first descriptor of sockets that were lent. Below it are the streams and the channel. */
export const LENT_FD = 4;

/**
 * An application can close the channel; on Bun, its process does not hear of that. One that ends
 * closes it too: it has so long, in milliseconds, to say why.
 */
const FAREWELL = 1_000;

/** Variables that are for this process alone (sd_listen_fds(3)). */
const OWN_VARIABLES = ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"];

/**
 * Where a worker finds the socket; `undefined` if it cannot be passed from there.
 *
 * A socket must stay non-blocking while workers start, or those that serve would wait in accept(2)
 * for connections that others have taken. Node and Bun make descriptors up to 2 of a child
 * blocking, Deno every one that is given by its number; what is inherited under its own number
 * stays as it is.
 */
export function socketPlace(fd: number): number | undefined {
  if (fd >= LENT_FD) return fd;
  if (isDeno) return fd === 0 ? 0 : undefined;
  return isBun && fd === 0 ? undefined : LENT_FD;
}

function streamsFor(fd: number | undefined): StdioOptions {
  if (fd === undefined) return ["ignore", "inherit", "inherit", "ipc"];
  if (socketPlace(fd) === 0) return ["inherit", "inherit", "inherit", "ipc"];
  if (fd < LENT_FD) return ["ignore", "inherit", "inherit", "ipc", fd];
  const others = Array<"ignore">(fd - LENT_FD).fill("ignore");
  return ["ignore", "inherit", "inherit", "ipc", ...others, "inherit"];
}

/** Starts a process on the same runtime, with the socket and a channel. */
export function startWorker(
  { args, fd, directory }: WorkerCommand,
  events: WorkerEvents,
): WorkerProcess {
  let child: ChildProcess;
  try {
    child = spawn(process.execPath, [...args], {
      cwd: directory,
      env: environment(),
      stdio: streamsFor(fd),
    });
  } catch (error) {
    // For some reasons Node and Bun throw, and for others they emit an event.
    setTimeout(() => events.exit(null, null, error as Error));
    return { pid: undefined, send: () => {}, kill: () => {} };
  }
  let isOver = false;
  let ending: ReturnType<typeof setTimeout> | undefined;
  const over = (code: number | null, signal: string | null, error?: Error) => {
    if (isOver) return;
    isOver = true;
    clearTimeout(ending);
    events.exit(code, signal, error);
  };
  child.on("message", (enclosed) => {
    const message = disclose(enclosed);
    if (message !== undefined) events.message(message);
  });
  child.on("error", (error) => {
    // Also that of a message which could not be sent: then the process lives, or its end follows.
    if (child.pid === undefined) over(null, null, explain(error, directory));
  });
  child.on("exit", (code, signal) => over(code, signal));
  child.on("disconnect", () => {
    if (!isOver) ending = setTimeout(() => sendSignal(child.pid, "SIGTERM"), FAREWELL);
  });
  return {
    pid: child.pid,
    send: (message) => {
      if (child.connected) child.send(enclose(message), () => {});
    },
    kill: () => void child.kill("SIGKILL"),
  };
}

/** The runtimes name the program if it is the directory that is missing. */
function explain(error: Error, directory: string): Error {
  if (existsSync(directory)) return error;
  return new Error(`the working directory ${directory} is gone; start again in one that stays`);
}

/**
 * Sends a signal to a process that may have ended. Not by `ChildProcess.kill`: after that, Deno
 * says that the signal has ended a program which ended by itself.
 */
export function sendSignal(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(pid, signal);
  } catch {
    // It has just ended.
  }
}

function environment(): Record<string, string | undefined> {
  const variables = { ...process.env };
  for (const name of OWN_VARIABLES) delete variables[name];
  return variables;
}

/**
 * The working directory by the name that the shell has for it: behind a symbolic link that is
 * switched, the next process starts in the new directory. To be asked for early: it may be deleted.
 */
export function workingDirectory(): string {
  const actual = process.cwd();
  const logical = process.env.PWD;
  if (logical === undefined || !isAbsolute(logical)) return actual;
  try {
    return isSamePlace(statSync(logical), statSync(actual)) ? logical : actual;
  } catch {
    return actual;
  }
}

function isSamePlace(one: Stats, other: Stats): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}
