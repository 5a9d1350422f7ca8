/**
 * The interface of a runtime's sockets for `serve()`, as structural types: a listener that accepts
 * connections, which are driven by callbacks.
 */
import type { Transport, TransportEvents } from "../../server/connection/transport.ts";

/**
 * The address of a listener, in the shape of `Deno.serve`'s. The path of an inherited Unix socket
 * is `""`: it is not known.
 */
export type ListenAddress =
  | { readonly transport: "tcp"; readonly hostname: string; readonly port: number }
  | { readonly transport: "unix"; readonly path: string };

/** The owner of a socket file, by name or number; fields that are absent stay unchanged. */
export interface SocketOwner {
  readonly owner?: string | number;
  readonly group?: string | number;
}

/** The permissions of a socket file, which decide who may connect. */
export interface SocketFile {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** A path to listen at, and the mode and owner of the socket file. */
export interface PathTarget extends SocketOwner {
  readonly path: string;
  readonly mode?: number;
  readonly place?: string;
}

/**
 * Where to listen: at a path, on a TCP port, or on an inherited listening socket. `place` is the
 * absolute path, so that a later change of the working directory does not matter.
 */
export type ListenTarget =
  | PathTarget
  | { readonly hostname: string; readonly port: number }
  | { readonly fd: number };

/** A short name of a target, for people. */
export function nameOfTarget(target: ListenTarget): string {
  if ("fd" in target) return `descriptor ${target.fd}`;
  if ("path" in target) return target.path;
  const { hostname, port } = target;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** One accepted socket. */
export interface Socket extends Transport {
  /** The IP address of the peer; `undefined` for a Unix socket. */
  readonly remoteAddress: string | undefined;
}

/** Takes an accepted socket and returns the receiver of its events. */
export type AcceptSocket = (socket: Socket) => TransportEvents;

/** The receiver for a refused socket. */
export const IGNORE_EVENTS: TransportEvents = {
  receive() {},
  receiveEnd() {},
  drained() {},
  closed() {},
};

/** Closes a socket that has just been accepted. */
export const refuse: AcceptSocket = (socket) => {
  // Not before the events have a receiver: Bun's `terminate` emits them synchronously.
  queueMicrotask(() => socket.destroy());
  return IGNORE_EVENTS;
};

/** An open listening socket. */
export interface Listener {
  /** The address, with the port that the system chose. */
  readonly address: ListenAddress;
  /** The socket's own file, as it was before the first connection. */
  readonly file?: SocketFile | undefined;
  /** Stops accepting and closes the listening socket; accepted sockets go on. */
  close(): Promise<void>;
  /** Keeps the process running while it listens. This is the default. */
  ref(): void;
  /** Lets the process end while it listens. */
  unref(): void;
}
