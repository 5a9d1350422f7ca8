/**
 * Connections to an application, as Web Streams over `node:net`, which all three runtimes have. On
 * Deno `--allow-net` is enough for TCP; a Unix socket needs `--allow-read` and `--allow-write` for
 * its path, too.
 */
import { messageOf, textOf } from "../log/describe.ts";
import { connect as connectSocket, type Socket } from "node:net";

// As loaded: applications replace globals.
// Another name for what public types say, too: `deno doc --lint` takes it for a type of ours.
const { Promise: StandardPromise, ReadableStream: Readable, WritableStream: Writable } = globalThis;

/** The address of an application: a Unix socket or a TCP port. `hostname` defaults to 127.0.0.1. */
export type ConnectAddress = { path: string } | { hostname?: string; port: number };

/** A connection as Web Streams. Closing `writable` half-closes it: only the sending side ends. */
export interface SocketStreams {
  /** The bytes from the peer. The socket is read only on demand: the high-water mark is 0. */
  readonly readable: ReadableStream<Uint8Array>;
  /** The bytes to the peer. A write settles when the socket accepts more. */
  readonly writable: WritableStream<Uint8Array>;
  /** Closes both sides at once. */
  close(): void;
}

/**
 * Connects to a Unix socket or a TCP port.
 *
 * @throws {Error} If the connection fails. The message has a remedy; `code` is the system's, such
 * as `"ECONNREFUSED"`, and `cause` the runtime's own error.
 */
export function connect(address: ConnectAddress): Promise<SocketStreams> {
  return new StandardPromise((resolve, reject) => {
    const fail = (error: unknown): void => reject(connectError(address, error));
    try {
      const socket = "path" in address
        ? connectSocket({ path: address.path, allowHalfOpen: true })
        : connectSocket({
          host: address.hostname ?? LOOPBACK,
          port: address.port,
          allowHalfOpen: true,
          // Every write is to be sent at once: coalescing it with later ones (Nagle's algorithm)
          // only delays it.
          noDelay: true,
        });
      // Never removed: an `error` event without a listener would end the program.
      socket.on("error", fail);
      socket.once("connect", () => {
        resolve({
          readable: readableOf(socket),
          writable: writableOf(socket),
          close: () => void socket.destroy(closedError()),
        });
      });
    } catch (error) {
      fail(error);
    }
  });
}

const LOOPBACK = "127.0.0.1";

function readableOf(socket: Socket): ReadableStream<Uint8Array> {
  // A socket still emits events after `destroy()`; a stream must not be closed twice.
  let isOver = false;
  return new Readable({
    start(controller) {
      const finish = (settle: () => void): void => {
        if (!isOver) settle();
        isOver = true;
      };
      socket.pause();
      socket.on("data", (chunk: Uint8Array) => {
        socket.pause();
        if (!isOver) controller.enqueue(chunk);
      });
      socket.on("end", () => finish(() => controller.close()));
      socket.on("error", (error) => finish(() => controller.error(error)));
      socket.on("close", () => finish(() => controller.error(closedError())));
    },
    pull: () => void socket.resume(),
    cancel: () => {
      isOver = true;
      socket.destroy();
    },
  }, { highWaterMark: 0 });
}

function writableOf(socket: Socket): WritableStream<Uint8Array> {
  /** Resumes a pending write; set while that waits for `drain`. */
  let resume: (() => void) | undefined;
  return new Writable({
    start(controller) {
      socket.on("drain", () => resume?.());
      socket.on("error", (error) => controller.error(error));
      socket.on("close", () => {
        controller.error(closedError());
        resume?.();
      });
    },
    write(chunk) {
      if (socket.write(chunk)) return;
      return new StandardPromise((resolve) => (resume = resolve));
    },
    close: () => new StandardPromise((resolve) => socket.end(() => resolve())),
    abort: () => void socket.destroy(),
  });
}

function closedError(): Error {
  return new Error("Cannot use the connection: it is closed");
}

/** Remedies for the common errors, by the system's code. */
const ADVICE: Record<string, string> = {
  ECONNREFUSED: "Nothing is listening there; start the application, or look at its address again",
  ENOENT: "There is no such socket; start the application, or look at its path again",
  EACCES: "This user may not write to the socket; give it a wider mode, or run as its group",
  ENOTFOUND: "The host name is not known; look at it again",
  ETIMEDOUT: "The host does not answer; look at its address, and at the firewall",
  EHOSTUNREACH: "The host cannot be reached; look at its address, and at the network",
  EAGAIN: "The application's queue is full; it does not accept connections fast enough",
};

/** Creates an error that names the address, the cause and the remedy. */
function connectError(address: ConnectAddress, cause: unknown): Error {
  const place = "path" in address
    ? address.path
    : `${address.hostname ?? LOOPBACK}:${address.port}`;
  const code = textOf(cause, "code");
  let advice = code === undefined ? undefined : ADVICE[code];
  if (textOf(cause, "name") === "NotCapable") {
    advice = "path" in address
      ? `Run deno with --allow-read=${place} --allow-write=${place}`
      : `Run deno with --allow-net=${place}`;
  }
  const reason = code ?? messageOf(cause);
  const text = `Cannot connect to ${place}: ${reason}${advice ? `. ${advice}` : ""}`;
  return Object.assign(new Error(text, { cause }), { code });
}
