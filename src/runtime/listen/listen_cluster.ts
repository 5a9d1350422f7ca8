/**
 * Listens in a worker of `node:cluster`: the primary process listens, once for all its workers, and
 * distributes the connections. So a worker asks for the address itself, not for a temporary name,
 * of which each worker would have a different one; and a shared socket is not for one worker to
 * unlink.
 *
 * So at a path the socket cannot be bound aside (bind_unix.ts): its owner and its mode are set
 * after it has its name. The file is unlinked with the last worker, and a stale one by the first
 * worker that sees it.
 */
import { resolve } from "node:path";
import process from "node:process";
import { allow, type BindPath, checkLength, takeAway } from "./bind_unix.ts";
import { ListenError } from "./listen_error.ts";
import type { AcceptSocket, Listener, PathTarget } from "./listener.ts";
import { idsOf } from "./socket_owner.ts";
import { fileAt, findStaleSocket } from "./stale_socket.ts";

/**
 * Whether this process is a worker of `node:cluster`. Without an IPC channel to another process it
 * is not.
 */
export async function isClusterWorker(): Promise<boolean> {
  if (process.send === undefined) return false;
  const { default: cluster } = await import("node:cluster");
  return cluster.isWorker;
}

/**
 * Makes the cluster listen at a path.
 *
 * @throws {Error} The system's error, or a {@link ListenError}.
 */
export async function listenOnClusterPath(
  { path, place = resolve(path), mode, owner, group }: PathTarget,
  accept: AcceptSocket,
  bind: BindPath,
): Promise<Listener> {
  checkLength(place);
  const access = { mode, ...idsOf({ owner, group }) };
  await removeStale(place);
  const listener = await bind(place, accept);
  allow(place, access);
  return {
    address: { transport: "unix", path },
    file: fileAt(place),
    close: () => listener.close(),
    ref: () => listener.ref(),
    unref: () => listener.unref(),
  };
}

async function removeStale(place: string): Promise<void> {
  try {
    const stale = await findStaleSocket(place);
    if (stale !== undefined) takeAway(place, stale, `${place}.${process.pid}`);
  } catch (error) {
    // The socket is in use, by this cluster or by another program. In the latter case binding
    // fails, and says so.
    if (error instanceof ListenError && error.advice === undefined) return;
    throw error;
  }
}
