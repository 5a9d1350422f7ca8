/**
 * Listening in a worker of `node:cluster`: the first process of the cluster listens, once for all
 * its workers, and hands the connections on. So a worker asks it with what it was told itself, or
 * else each would ask for something of its own; and what is not the worker's alone is not the
 * worker's to remove.
 *
 * On a path that leaves no time at which the socket could be bound aside (bind_path.ts): its owner
 * and its mode come after the name. The file goes with the last worker, and a stale one is taken
 * away by whichever worker sees it first.
 */
import { resolve } from "node:path";
import process from "node:process";
import { allow, type BindPath, checkLength, takeAway } from "./bind_unix.ts";
import { ListenError } from "./listen_error.ts";
import type { AcceptSocket, Listener, PathTarget } from "./listener.ts";
import { idsOf } from "./socket_owner.ts";
import { fileAt, findStaleSocket } from "./stale_socket.ts";

/**
 * Whether this process is a worker of `node:cluster`, which nobody without a channel to another
 * process is.
 */
export async function isClusterWorker(): Promise<boolean> {
  if (process.send === undefined) return false;
  const { default: cluster } = await import("node:cluster");
  return cluster.isWorker;
}

/**
 * Has the cluster listen at a path.
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
    // Somebody listens: this cluster, or another program. Who asks to listen there, too, is told.
    if (error instanceof ListenError && error.advice === undefined) return;
    throw error;
  }
}
