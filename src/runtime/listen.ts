/** Opening the listening socket, on whichever runtime this is. */
import type { BindPath } from "./bind_path.ts";
import { listenThroughDoor } from "./door.ts";
import { variable } from "./environment.ts";
import { findInheritedSocket } from "./inherited_socket.ts";
import { listenOnBun } from "./listen_bun.ts";
import { explainListenError } from "./listen_error.ts";
import { listenOnNet } from "./listen_net.ts";
import { listenOnPath, placed } from "./listen_path.ts";
import { refusedPermission } from "./listen_permission.ts";
import { type AcceptSocket, type Listener, type ListenTarget, refuse } from "./listener.ts";
import { WebServerAddrs } from "./web_server_addrs.ts";

/** Where a server listens, and why there. */
export interface Opened {
  readonly listener: Listener;
  /** Why there, if nobody has said so; for people. */
  readonly reason?: string;
}

/** What {@link open} takes beside the target. */
export interface OpenOptions {
  /** Takes the accepted sockets. */
  accept: AcceptSocket;
  /** Hears of what goes wrong and stops nothing. */
  onError(error: unknown): void;
  /** Who may connect over TCP; by default what `FCGI_WEB_SERVER_ADDRS` says, else everybody. */
  webServerAddrs?: readonly string[];
}

/** Where an application listens when nothing says otherwise: loopback, never all interfaces. */
export const DEFAULT_TARGET = { hostname: "127.0.0.1", port: 9000 } as const;

/**
 * Opens the listening socket: the one that `target` names; without one, the one that the program was started with, or else
 * 127.0.0.1:9000.
 *
 * A web server that has started the program connects to the socket it has handed over, and to no other, whatever the
 * program was told (lighttpd's `bin-path` beside a `path` in the script). So a program with a target listens there, too, and
 * goes on with that one alone if its own is taken, say by the first of several processes.
 *
 * @throws {Error} If it cannot: the message says what happened, to what, and what to do next; the system's error, with
 * its `code`, is the `cause`.
 */
export async function open(
  where: ListenTarget | undefined,
  { accept, onError, webServerAddrs }: OpenOptions,
): Promise<Opened> {
  const target = placed(where);
  const accepted = guarded(accept, onError, webServerAddrs);
  if (target !== undefined && "fd" in target) {
    return { listener: await listen(target, accepted, onError) };
  }
  const inherited = await listenOnInherited(accepted, onError);
  if (inherited === undefined) {
    return target === undefined
      ? { listener: await listen(DEFAULT_TARGET, accepted, onError), reason: "the default" }
      : { listener: await listen(target, accepted, onError) };
  }
  if (target === undefined) return inherited;
  try {
    return { listener: both(await listen(target, accepted, onError), inherited.listener) };
  } catch (error) {
    onError(error);
    return inherited;
  }
}

async function listen(
  target: ListenTarget,
  accept: AcceptSocket,
  onError: (error: unknown) => void,
): Promise<Listener> {
  try {
    const refused = await refusedPermission(target);
    if (refused !== undefined) throw refused;
    const bind = (target: ListenTarget, accept: AcceptSocket, bound?: () => void) =>
      "Bun" in globalThis
        ? listenOnBun(target, accept, onError, bound)
        : listenOnNet(target, accept, onError, bound);
    if (!("path" in target)) return await listenThroughDoor((door) => bind(target, door), accept);
    const bindPath: BindPath = (path, accept, bound) => bind({ path }, accept, bound);
    return await listenOnPath(target, accept, bindPath, onError);
  } catch (error) {
    throw explainListenError(error, target);
  }
}

async function listenOnInherited(
  accept: AcceptSocket,
  onError: (error: unknown) => void,
): Promise<Opened | undefined> {
  const socket = findInheritedSocket();
  if (socket === undefined) return undefined;
  const { fd, origin, isCertain } = socket;
  try {
    return { listener: await listen({ fd }, accept, onError), reason: origin };
  } catch (error) {
    if (isCertain) throw error;
    return undefined;
  }
}

/** Two listeners as one, which tells the address of the first. */
function both(first: Listener, second: Listener): Listener {
  return {
    address: first.address,
    async close() {
      await Promise.all([first.close(), second.close()]);
    },
    ref() {
      first.ref();
      second.ref();
    },
    unref() {
      first.unref();
      second.unref();
    },
  };
}

/** Lets nobody in over TCP who is not on the list; the first one who is turned away is told of. */
function guarded(
  accept: AcceptSocket,
  onError: (error: unknown) => void,
  entries: readonly string[] | undefined = variable("FCGI_WEB_SERVER_ADDRS")?.split(","),
): AcceptSocket {
  if (entries === undefined) return accept;
  const allowed = new WebServerAddrs(entries);
  let hasTold = false;
  return (socket) => {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined || allowed.has(remoteAddress)) return accept(socket);
    if (!hasTold) {
      hasTold = true;
      onError(new Error(`Refused a connection: ${remoteAddress} is not one of the web servers`));
    }
    return refuse(socket);
  };
}
