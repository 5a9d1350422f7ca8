/** Opening the listening sockets of a server: which ones, and why those. */
import { isatty } from "node:tty";
import { mayRead } from "../environment.ts";
import { AllowList } from "./allow_list.ts";
import { HotListeners, isHot } from "./hot_reload.ts";
import {
  findInheritedSockets,
  mayHideSocket,
  socketsOfAnother,
  SYSTEMD_FD,
} from "./inherited_socket.ts";
import { listenOn } from "./listen_on.ts";
import { resolvePlace } from "./listen_unix.ts";
import type { AcceptSocket, Listener, ListenTarget } from "./listener.ts";

/** Where a server listens, and why there. */
export interface Opened extends Found {
  /** All listeners as one, which tells the address of the first. */
  readonly listener: Listener;
}

/** The open sockets of a server, and why those. */
interface Found {
  /** All of them: a program may have been started with several. */
  readonly listeners: readonly [Listener, ...Listener[]];
  /** Why there, if nobody has said so; for people. */
  readonly reason?: string;
  /** Why that may be wrong; for people. */
  readonly doubt?: string;
}

/** What {@link open} takes beside the target. */
export interface OpenOptions {
  /** Takes the accepted sockets. */
  accept: AcceptSocket;
  /** Hears of what goes wrong and stops nothing. */
  onError(error: unknown): void;
  /** Who may connect over TCP; by default what `FCGI_WEB_SERVER_ADDRS` says, else everybody. */
  webServerAddrs?: readonly string[];
  /**
   * Shuts the server down, when its listeners have gone to another one; only `bun --hot` brings
   * that about.
   */
  shutDown(): void;
}

/** Where an application listens when nothing says otherwise: loopback, never all interfaces. */
export const DEFAULT_TARGET = { hostname: "127.0.0.1", port: 9000 } as const;

/**
 * Opens the listening sockets: the one that `target` names; without one, those that the program was
 * started with, or else 127.0.0.1:9000.
 *
 * A web server that has started the program connects to the socket it has handed over, and to no
 * other, whatever the program was told (lighttpd's `bin-path` beside a `path` in the script). So a
 * program with a target listens there, too, and goes on with that one alone if its own is taken,
 * say by the first of several processes.
 *
 * @throws {Error} If it cannot: the message says what happened, to what, and what to do next; the
 * system's error, with its `code`, is the `cause`.
 */
export async function open(
  where: ListenTarget | undefined,
  { accept, onError, webServerAddrs, shutDown }: OpenOptions,
): Promise<Opened> {
  const allowList = new AllowList(webServerAddrs, onError);
  const hot = isHot ? new HotListeners(listenOn, onError, shutDown) : undefined;
  const found = await openAll(resolvePlace(where), (target) => {
    return allowList.open(target, accept, (target, accept) => {
      return hot?.listen(target, accept) ?? listenOn(target, accept, onError);
    });
  }, onError);
  hot?.settle();
  const [refusal] = found.listeners.flatMap((listener) => allowList.refusal(listener) ?? []);
  if (refusal === undefined) return { ...found, listener: joinListeners(found.listeners) };
  await close(found.listeners);
  throw refusal;
}

/** Opens one listening socket. */
type Listen = (target: ListenTarget) => Promise<Listener>;

async function openAll(
  target: ListenTarget | undefined,
  listen: Listen,
  onError: (error: unknown) => void,
): Promise<Found> {
  if (target !== undefined && "fd" in target) return { listeners: [await listen(target)] };
  const inherited = await openInherited(listen);
  if (target === undefined) return inherited ?? await openDefault(listen);
  if (inherited === undefined) return { listeners: [await listen(target)] };
  try {
    return { listeners: [await listen(target), ...inherited.listeners] };
  } catch (error) {
    onError(error);
    return inherited;
  }
}

async function openInherited(listen: Listen): Promise<Found | undefined> {
  const sockets = findInheritedSockets();
  if (sockets === undefined) return undefined;
  const { fds, origin, isCertain } = sockets;
  const listeners: Listener[] = [];
  try {
    for (const fd of fds) listeners.push(await listen({ fd }));
  } catch (error) {
    await close(listeners);
    if (isCertain) throw error;
  }
  const [first, ...others] = listeners;
  return first && { listeners: [first, ...others], reason: origin };
}

/** @throws {Error} Where somebody has handed over a socket and waits there in vain, too. */
async function openDefault(listen: Listen): Promise<Found> {
  const missed = socketsOfAnother() ?? await hiddenSocket(listen);
  // In a person's shell such variables may be left from something else.
  if (missed !== undefined && !isatty(0)) {
    throw new Error(`Cannot listen: ${missed}; or name an address with { path } or { port }`);
  }
  const doubt = missed ?? hiddenRequest();
  try {
    return { listeners: [await listen(DEFAULT_TARGET)], reason: "the default", doubt };
  } catch (error) {
    // A program that has been started for CGI by mistake holds the port when the next one is.
    const { message, cause } = error as Error;
    throw doubt === undefined ? error : new Error(`${message}; ${doubt}`, { cause });
  }
}

/** Finds a listening socket that is there, but that Deno does not let the program know about. */
async function hiddenSocket(listen: Listen): Promise<string | undefined> {
  if (!mayHideSocket()) return undefined;
  try {
    await close([await listen({ fd: SYSTEMD_FD })]);
  } catch {
    return undefined;
  }
  return "descriptor 3 is a listening socket, and deno may not read whether systemd passed it: " +
    "run deno with --allow-env=LISTEN_FDS,LISTEN_PID";
}

/**
 * Says that this may be a CGI program, whose request Deno does not let be seen; nobody starts one
 * on a terminal.
 */
function hiddenRequest(): string | undefined {
  if (isatty(0) || ["GATEWAY_INTERFACE", "REQUEST_METHOD"].every(mayRead)) return undefined;
  return "deno may not read the environment: a CGI program needs --allow-env";
}

/** Several listeners as one, which tells the address of the first. */
function joinListeners(listeners: Found["listeners"]): Listener {
  return {
    address: listeners[0].address,
    close: () => close(listeners),
    ref: () => listeners.forEach((listener) => listener.ref()),
    unref: () => listeners.forEach((listener) => listener.unref()),
  };
}

async function close(listeners: readonly Listener[]): Promise<void> {
  await Promise.all(listeners.map((listener) => listener.close()));
}
