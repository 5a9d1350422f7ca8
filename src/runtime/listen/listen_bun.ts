/**
 * Listens on Bun's own sockets. `node:net` does the same there through streams that cost a tenth of
 * a request; here the socket's callbacks drive the engine.
 */
import { DescriptorWatch } from "./descriptor_watch.ts";
import {
  type AcceptSocket,
  type Listener,
  type ListenTarget,
  refuse,
  type Socket,
} from "./listener.ts";
import type { TransportEvents } from "../../server/connection/transport.ts";

// As loaded: applications replace the global.
const { Promise } = globalThis;

/** The part of a Bun socket that is used. */
interface BunSocket {
  data: BunTransport;
  readonly remoteAddress?: string;
  write(bytes: Uint8Array): number;
  pause(): void;
  resume(): void;
  shutdown(): void;
  end(): void;
  terminate(): void;
  setNoDelay?(noDelay: boolean): boolean;
}

/** The part of a Bun listener that is used. */
interface BunListener {
  readonly hostname: string;
  readonly port: number;
  /** Fills in the address of a TCP socket; does nothing for a Unix one. */
  getsockname?(address: { address?: string; port?: number }): void;
  stop(closeActiveConnections?: boolean): void;
  ref(): void;
  unref(): void;
}

interface BunGlobal {
  listen(options: {
    unix?: string;
    fd?: number;
    hostname?: string;
    port?: number;
    exclusive: boolean;
    allowHalfOpen: boolean;
    socket: {
      open(socket: BunSocket): void;
      data(socket: BunSocket, chunk: Uint8Array): void;
      drain(socket: BunSocket): void;
      end(socket: BunSocket): void;
      error(socket: BunSocket, error: Error): void;
      close(socket: BunSocket, error?: Error): void;
    };
  }): BunListener;
}

/**
 * Opens a listening socket; `bound` is called before anything else runs.
 *
 * @throws {Error} The system's error, with its `code`.
 */
export function listenOnBun(
  target: ListenTarget,
  accept: AcceptSocket,
  onError: (error: unknown) => void,
  bound?: () => void,
): Listener {
  const { Bun } = globalThis as unknown as { Bun: BunGlobal };
  const listener = Bun.listen({
    ...("path" in target ? { unix: target.path } : target),
    // Otherwise Bun would share a port that another program listens on.
    exclusive: true,
    // A half-closed peer, which has sent its request, still gets the response.
    allowHalfOpen: true,
    socket: {
      open(socket) {
        // A Unix socket would refuse it.
        if (!("path" in target)) socket.setNoDelay?.(true);
        socket.data = new BunTransport(socket, watch.refuses() ? refuse : accept);
      },
      data: (socket, chunk) => socket.data.events.receive(chunk),
      drain: (socket) => socket.data.drained(),
      end: (socket) => socket.data.events.receiveEnd(),
      // A reset, a broken pipe: ordinary ends, reported with the `close` that follows.
      error: (socket, error) => socket.data.failed(error),
      close: (socket, error) => socket.data.closed(error),
    },
  });
  try {
    bound?.();
  } catch (error) {
    listener.stop();
    throw error;
  }
  const watch = new DescriptorWatch(onError, { refuses: true });
  return {
    address: addressOf(listener, target),
    close() {
      watch.stop();
      listener.stop();
      return Promise.resolve();
    },
    ref: () => listener.ref(),
    unref: () => listener.unref(),
  };
}

function addressOf(listener: BunListener, target: ListenTarget): Listener["address"] {
  if ("path" in target) return { transport: "unix", path: target.path };
  if ("port" in target) {
    return { transport: "tcp", hostname: listener.hostname, port: listener.port };
  }
  const bound: { address?: string; port?: number } = {};
  listener.getsockname?.(bound);
  const { address, port } = bound;
  return address && port
    ? { transport: "tcp", hostname: address, port }
    : { transport: "unix", path: "" };
}

/** Where parts are joined: twice what a write has, but for its log lines. */
const JOINED = new Uint8Array(128 * 1024);

/** Joins parts, in memory that the next call uses again. */
function join(parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((length, part) => length + part.length, 0);
  const joined = length > JOINED.length ? new Uint8Array(length) : JOINED;
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined.subarray(0, length);
}

/** A Bun socket as a {@link Socket}: bytes that a partial write leaves are queued here. */
class BunTransport implements Socket {
  readonly ownsChunks = true;
  readonly events: TransportEvents;
  readonly #socket: BunSocket;
  #waiting: Uint8Array[] = [];
  #onSent: (() => void) | undefined;
  #hasEnded = false;
  #reason: unknown;

  constructor(socket: BunSocket, accept: AcceptSocket) {
    this.#socket = socket;
    this.events = accept(this);
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  get backlog(): number {
    return this.#waiting.reduce((length, bytes) => length + bytes.length, 0);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#waiting.length === 0) {
      const written = this.#socket.write(bytes);
      if (written === bytes.length) return true;
      bytes = bytes.subarray(Math.max(written, 0));
    }
    this.#waiting.push(bytes);
    return false;
  }

  /** Joined where the next joins them, too: what the system does not take at once is copied. */
  writeParts(parts: Uint8Array[]): boolean {
    const bytes = join(parts);
    const written = this.#waiting.length === 0 ? this.#socket.write(bytes) : 0;
    if (written === bytes.length) return true;
    this.#waiting.push(bytes.slice(Math.max(written, 0)));
    return false;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(sent: () => void): void {
    this.#onSent = sent;
    if (this.#waiting.length === 0) this.#shutdown();
  }

  closeIfSent(): boolean {
    if (this.#waiting.length > 0) return false;
    this.#socket.end();
    return true;
  }

  destroy(): void {
    // `terminate` resets a TCP connection, and the peer loses the bytes that it has not read yet.
    if (this.#hasEnded) this.#socket.end();
    else this.#socket.terminate();
  }

  /** The socket accepts bytes again. */
  drained(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const [index, bytes] of waiting.entries()) {
      if (!this.write(bytes)) {
        this.#waiting.push(...waiting.slice(index + 1));
        return;
      }
    }
    if (this.#onSent !== undefined) this.#shutdown();
    else this.events.drained();
  }

  failed(error: Error): void {
    this.#reason = error;
  }

  closed(error: Error | undefined): void {
    this.#waiting = [];
    this.events.closed(error ?? this.#reason);
  }

  #shutdown(): void {
    const sent = this.#onSent;
    this.#onSent = undefined;
    this.#hasEnded = true;
    this.#socket.shutdown();
    sent?.();
  }
}
