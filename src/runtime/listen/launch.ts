/**
 * Starts a program on listening sockets that are opened for it, and stays as its parent: signals go
 * to it, as soon as it has sent a message, and its exit code comes back.
 */
import { type ChildProcess, spawn, type StdioOptions } from "node:child_process";
import process from "node:process";
import { lendSockets, type LendTarget, type Lent } from "./lend_socket.ts";
import { isDeno } from "../deno.ts";
import { SocketName } from "./socket_name.ts";
import { forwardSignals } from "../supervisor_signals.ts";
import { LENT_FD, sendSignal } from "../worker_process.ts";

// As loaded: applications replace the global.
const { Promise } = globalThis;

/**
 * Starts the program; resolves with its exit code.
 *
 * @param commandFor The arguments of the runtime. The program finds the sockets from
 *   {@link LENT_FD} on, in the order of the targets.
 * @throws {Error} If one of them cannot be opened.
 */
export async function launch(
  targets: readonly LendTarget[],
  commandFor: (lent: readonly Lent[]) => readonly string[],
): Promise<number> {
  let ended: Promise<number> | undefined;
  let names: readonly SocketName[] = [];
  await lendSockets(targets, (fds, lent) => {
    names = lent.flatMap((one) => "spare" in one ? new SocketName(one) : []);
    ended = run(process.execPath, commandFor(lent), [
      "ignore",
      "inherit",
      "inherit",
      "ipc",
      ...fds,
    ]);
  });
  try {
    return await ended!;
  } finally {
    // If it was killed, or could not be started, their directories are left behind.
    for (const name of names) name.close();
  }
}

/**
 * Starts the program on a socket that this process has inherited where workers cannot get it:
 * descriptor 3 on Deno, which would be the channel's, and 0 on Bun, which passes that on as 0 only.
 * The program finds it on the descriptor with which `commandFor` is called.
 *
 * @returns The exit code.
 */
export function launchAgain(
  fd: number,
  commandFor: (fd: number) => readonly string[],
): Promise<number> {
  if (isDeno) {
    return run(process.execPath, commandFor(0), [fd, "inherit", "inherit", "ipc"]);
  }
  const move = `exec "$0" "$@" ${LENT_FD}<&0 0</dev/null`;
  const command = ["-c", move, process.execPath, ...commandFor(LENT_FD)];
  return run("/bin/sh", command, ["inherit", "inherit", "inherit", "ipc"]);
}

/** Runs a child, which gets the signals of this process; resolves with its exit code. */
function run(file: string, args: readonly string[], stdio: StdioOptions): Promise<number> {
  // Before it has said that it handles signals, one would end it.
  let early: NodeJS.Signals[] | undefined = [];
  forwardSignals((signal) =>
    early === undefined ? sendSignal(child.pid, signal) : early.push(signal)
  );
  const child = spawn(file, [...args], { stdio });
  child.once("message", () => {
    for (const signal of early ?? []) sendSignal(child.pid, signal);
    early = undefined;
  });
  return codeOf(child);
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
