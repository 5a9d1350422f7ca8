/**
 * Opens listening sockets for other processes. A port is bound, passed on and closed here in one
 * turn of the event loop: nothing is accepted here, and no connection is lost.
 *
 * A Unix socket is bound aside, in a directory that no other user can enter, and has no name that
 * clients know: {@link SocketName} gives it one when somebody serves it.
 */
import { linkSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { allow, checkLength, makeAside } from "./bind_unix.ts";
import { descriptorOf } from "./descriptor_of.ts";
import { explainListenError } from "./listen_error.ts";
import type { ListenTarget, PathTarget } from "./listener.ts";
import { resolvePlace } from "./listen_unix.ts";
import type { SocketLink } from "./socket_name.ts";
import { idsOf } from "./socket_owner.ts";
import { findStaleSocket } from "./stale_socket.ts";

// As loaded: applications replace the global.
const { Promise } = globalThis;

/** How long workers of a supervisor that was killed may take to leave a port, in milliseconds. */
const PATIENCE = 2_000;
const STEP = 50;

/** A socket that others serve: its port, or where its file is. */
export type Lent = { readonly hostname: string; readonly port: number } | SocketLink;

/** Where a socket is to be opened. */
export type LendTarget = Exclude<ListenTarget, { fd: number }>;

interface Opened {
  readonly fd: number;
  readonly lent: Lent;
  close(): void;
}

/**
 * Opens one socket, or several that have paths; `pass` passes their descriptors on.
 *
 * @throws {Error} If it cannot: the message names the cause, the address and the remedy.
 */
export async function lendSockets(
  targets: readonly LendTarget[],
  pass: (fds: readonly number[], lent: readonly Lent[]) => void,
): Promise<void> {
  const opened: Opened[] = [];
  try {
    for (const target of targets) opened.push(await lend(target));
    pass(opened.map(({ fd }) => fd), opened.map(({ lent }) => lent));
  } catch (error) {
    for (const { lent } of opened) if ("spare" in lent) discard(dirname(lent.spare));
    throw error;
  } finally {
    for (const socket of opened) socket.close();
  }
}

async function lend(target: LendTarget): Promise<Opened> {
  try {
    return "path" in target ? await lendPath(resolvePlace(target)) : await lendPort(target);
  } catch (error) {
    throw explainListenError(error, target);
  }
}

async function lendPath(target: PathTarget): Promise<Opened> {
  const place = target.place!;
  checkLength(place);
  await findStaleSocket(place);
  const directory = makeAside(place);
  const [name, spare] = [join(directory, "s"), join(directory, "l")];
  try {
    checkLength(name);
    return await listen({ path: name }, () => {
      const { mode, owner, group } = target;
      allow(name, { mode, ...idsOf({ owner, group }) });
      // Every runtime unlinks the name that it has bound when it closes a listener.
      linkSync(name, spare);
      return { path: target.path, place, spare };
    });
  } catch (error) {
    discard(directory);
    throw error;
  }
}

function discard(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}

async function lendPort(
  { hostname, port }: { hostname: string; port: number },
): Promise<Opened> {
  for (let waited = 0;; waited += STEP) {
    try {
      return await listen({ host: hostname, port }, (server) => ({
        hostname,
        // Of a port 0, the one that the system has chosen.
        port: (server.address() as AddressInfo).port,
      }));
    } catch (error) {
      const { code } = error as { code?: string };
      if (code !== "EADDRINUSE" || waited >= PATIENCE) throw error;
      await setTimeout(STEP);
    }
  }
}

/** Listens; `describe` says what there is to know of the socket. */
function listen(
  place: { path: string } | { host: string; port: number },
  describe: (server: Server) => Lent,
): Promise<Opened> {
  const { promise, resolve, reject } = Promise.withResolvers<Opened>();
  const server = createServer((socket) => socket.destroy());
  const close = () => void server.close();
  server.once("error", reject);
  server.listen(place, () => {
    try {
      resolve({ fd: descriptorOf(server), lent: describe(server), close });
    } catch (error) {
      close();
      reject(error);
    }
  });
  return promise;
}
