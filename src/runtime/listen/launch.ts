/**
 * Starts a program on a listening socket that is opened for it, and stays as its parent: signals go
 * to it, and its exit code comes back.
 */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { lendSocket, type Lent } from "./lend_socket.ts";
import type { ListenTarget } from "./listener.ts";
import { forwardSignals } from "../supervisor_signals.ts";

// As loaded: applications replace the global.
const { Promise } = globalThis;

/**
 * Starts the program; resolves with its exit code.
 *
 * @param commandFor The arguments of the runtime.
 * @throws {Error} If the socket cannot be opened.
 */
export async function launch(
  target: Exclude<ListenTarget, { fd: number }>,
  commandFor: (lent: Lent) => readonly string[],
): Promise<number> {
  let ended: Promise<number> | undefined;
  await lendSocket(target, (fd, lent) => void (ended = launchOn(fd, commandFor(lent))));
  return await ended!;
}

/** Starts the program on a socket of this process; resolves with its exit code. */
export function launchOn(fd: number, command: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [...command], {
    stdio: ["ignore", "inherit", "inherit", "ipc", fd],
  });
  // Not `child.kill`: after that, Deno says that the signal has ended a program which ended by
  // itself.
  forwardSignals((signal) => kill(child.pid, signal));
  return codeOf(child);
}

function kill(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(pid, signal);
  } catch {
    // It has just ended.
  }
}

function codeOf(child: ChildProcess): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once("error", reject);
  child.once("exit", (code, signal) => resolve(code ?? statusOf(signal)));
  return promise;
}

/** The exit status that a shell reports for a signal. */
function statusOf(signal: NodeJS.Signals | null): number {
  return signal === "SIGKILL" ? 137 : 1;
}
