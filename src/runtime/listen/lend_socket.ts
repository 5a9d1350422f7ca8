/**
 * Opens a listening socket for other processes. It is bound, passed on and closed here in one turn
 * of the event loop: nothing is accepted here, and no connection is lost.
 *
 * A Unix socket is bound aside, in a directory that no other user can enter, and has no name that
 * clients know: {@link SocketName} gives it one when somebody serves it.
 */
import { linkSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
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

/**
 * Opens the socket; `pass` passes its descriptor on.
 *
 * @throws {Error} If it cannot: the message names the cause, the address and the remedy.
 */
export async function lendSocket(
  target: Exclude<ListenTarget, { fd: number }>,
  pass: (fd: number, lent: Lent) => void,
): Promise<void> {
  try {
    if ("path" in target) await lendPath(resolvePlace(target), pass);
    else await lendPort(target, pass);
  } catch (error) {
    throw explainListenError(error, target);
  }
}

async function lendPath(
  target: PathTarget,
  pass: (fd: number, lent: Lent) => void,
): Promise<void> {
  const place = target.place!;
  checkLength(place);
  await findStaleSocket(place);
  const directory = makeAside(place);
  const [name, spare] = [join(directory, "s"), join(directory, "l")];
  checkLength(name);
  try {
    await listenFor({ path: name }, (fd) => {
      const { mode, owner, group } = target;
      allow(name, { mode, ...idsOf({ owner, group }) });
      // Every runtime unlinks the name that it has bound when it closes a listener.
      linkSync(name, spare);
      pass(fd, { path: target.path, place, spare });
    });
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

async function lendPort(
  { hostname, port }: { hostname: string; port: number },
  pass: (fd: number, lent: Lent) => void,
): Promise<void> {
  for (let waited = 0;; waited += STEP) {
    try {
      return await listenFor({ host: hostname, port }, (fd, server) => {
        // Of a port 0, the one that the system has chosen.
        pass(fd, { hostname, port: (server.address() as AddressInfo).port });
      });
    } catch (error) {
      const { code } = error as { code?: string };
      if (code !== "EADDRINUSE" || waited >= PATIENCE) throw error;
      await setTimeout(STEP);
    }
  }
}

/** Listens, calls `pass`, and closes. */
function listenFor(
  place: { path: string } | { host: string; port: number },
  pass: (fd: number, server: Server) => void,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const server = createServer((socket) => socket.destroy());
  server.once("error", reject);
  server.listen(place, () => {
    try {
      pass(descriptorOf(server), server);
      resolve();
    } catch (error) {
      reject(error);
    } finally {
      server.close();
    }
  });
  return promise;
}
