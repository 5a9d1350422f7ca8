/** Opens the listening sockets of a server: decides which ones, and records why. */
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

// As loaded: applications replace the global.
const { Promise } = globalThis;

/** The open listening sockets of a server, with one listener for all of them. */
export interface Opened extends Found {
  /** All listeners as one, with the address of the first. */
  readonly listener: Listener;
}

/** The open listening sockets of a server, and the reason for them. */
interface Found {
  /** All listeners: a program may have inherited several. */
  readonly listeners: readonly [Listener, ...Listener[]];
  /** The reason for the address, unless the program named it; for people. */
  readonly reason?: string;
  /** The reason why the address may be wrong; for people. */
  readonly doubt?: string;
}

/** Options of {@link open}. */
export interface OpenOptions {
  /** Takes the accepted sockets. */
  accept: AcceptSocket;
  /** Called with errors that stop nothing. */
  onError(error: unknown): void;
  /**
   * The hosts that may connect over TCP. The default is `FCGI_WEB_SERVER_ADDRS`, else every host
   * may.
   */
  webServerAddrs?: readonly string[];
  /**
   * Shuts the server down after another one has taken over its listeners; only with `bun --hot`.
   */
  shutDown(): void;
}

/** The default address: loopback, never all interfaces. */
export const DEFAULT_TARGET = { hostname: "127.0.0.1", port: 9000 } as const;

/**
 * Opens the listening sockets: the one at the target; without a target the inherited ones, or else
 * 127.0.0.1:9000.
 *
 * A web server that has started the program connects to the socket that it has passed on, and to no
 * other, whatever address the program names (lighttpd's `bin-path` beside a `path` in the script).
 * So a program with a target listens on the inherited socket, too, and on that one alone if its own
 * address is in use, for example by the first of several processes.
 *
 * @throws {Error} If it cannot: the message names the cause, the address and the remedy; the
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

/**
 * @throws {Error} If it cannot, or if systemd passed a socket that the program does not get, where
 * clients would wait in vain.
 */
async function openDefault(listen: Listen): Promise<Found> {
  const missed = socketsOfAnother() ?? await hiddenSocket(listen);
  // In an interactive shell such variables may be left from something else.
  if (missed !== undefined && !isatty(0)) {
    throw new Error(`Cannot listen: ${missed}; or name an address with { path } or { port }`);
  }
  const doubt = missed ?? hiddenRequest();
  try {
    return { listeners: [await listen(DEFAULT_TARGET)], reason: "the default", doubt };
  } catch (error) {
    // A program that was started for CGI by mistake holds the port when the next one starts.
    const { message, cause } = error as Error;
    throw doubt === undefined ? error : new Error(`${message}; ${doubt}`, { cause });
  }
}

/** Detects a listening socket of systemd's whose variables Deno has no permission to read. */
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
 * Explains that this may be a CGI program whose environment Deno has no permission to read; CGI
 * programs are not started on a terminal.
 */
function hiddenRequest(): string | undefined {
  if (isatty(0) || ["GATEWAY_INTERFACE", "REQUEST_METHOD"].every(mayRead)) return undefined;
  return "deno may not read the environment: a CGI program needs --allow-env";
}

/** Joins several listeners to one, with the address of the first. */
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
