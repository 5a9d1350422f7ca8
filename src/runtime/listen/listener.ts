/**
 * What `serve()` needs of a runtime's sockets, as structural types: a listener that hands out
 * connections, whose bytes come and go by callbacks.
 */
import type { Transport, TransportEvents } from "../../server/connection/transport.ts";

/**
 * Where a listener listens, in `Deno.serve`'s words. The path of an inherited Unix socket is `""`:
 * the system does not tell.
 */
export type ListenAddress =
  | { readonly transport: "tcp"; readonly hostname: string; readonly port: number }
  | { readonly transport: "unix"; readonly path: string };

/** Who owns a socket file, by name or number; what is absent stays as it is. */
export interface SocketOwner {
  readonly owner?: string | number;
  readonly group?: string | number;
}

/** What decides who may connect to a socket. */
export interface SocketFile {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** A path to listen at, and whose the socket file is to be. */
export interface PathTarget extends SocketOwner {
  readonly path: string;
  readonly mode?: number;
  readonly place?: string;
}

/**
 * Where to listen: at a path, on a TCP port, or on a listening socket that the program was started
 * with. `place` is the path for good, whatever the program does with its working directory later.
 */
export type ListenTarget =
  | PathTarget
  | { readonly hostname: string; readonly port: number }
  | { readonly fd: number };

/** A target in a few words, for people. */
export function nameOfTarget(target: ListenTarget): string {
  if ("fd" in target) return `descriptor ${target.fd}`;
  if ("path" in target) return target.path;
  const { hostname, port } = target;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** One accepted socket. */
export interface Socket extends Transport {
  /** The IP address of the other end; `undefined` for a Unix socket. */
  readonly remoteAddress: string | undefined;
}

/** Takes an accepted socket and returns who hears of its events. */
export type AcceptSocket = (socket: Socket) => TransportEvents;

/** Hears of a socket that was turned away. */
export const IGNORE_EVENTS: TransportEvents = {
  receive() {},
  receiveEnd() {},
  drained() {},
  closed() {},
};

/** Closes a socket that has just been accepted. */
export const refuse: AcceptSocket = (socket) => {
  // Not before somebody hears of its events, which Bun's `terminate` has at once.
  queueMicrotask(() => socket.destroy());
  return IGNORE_EVENTS;
};

/** An open listening socket. */
export interface Listener {
  /** Where it listens, with the port the system chose. */
  readonly address: ListenAddress;
  /** The socket's own file, as it was when the first could connect. */
  readonly file?: SocketFile | undefined;
  /** Stops accepting and closes the listening socket; accepted sockets go on. */
  close(): Promise<void>;
  /** Keeps the process running while it listens, which is the default. */
  ref(): void;
  /** Lets the process end although it listens. */
  unref(): void;
}
