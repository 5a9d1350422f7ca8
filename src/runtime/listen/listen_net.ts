/** Listens over `node:net`, on Deno and Node: on Deno its own sockets cost the same. */
import { createServer, type Server, type Socket as NetSocket } from "node:net";
import { DescriptorWatch } from "./descriptor_watch.ts";
import { acceptHandles } from "./handle_socket.ts";
import { keepNonBlocking } from "./keep_non_blocking.ts";
import type { AcceptSocket, Listener, ListenTarget, Socket } from "./listener.ts";
import type { TransportEvents } from "../../server/connection/transport.ts";
import { resumeOnDeno } from "./resume_on_deno.ts";
import { flushLater, type HeldWriter, MAX_HELD } from "./write_batch.ts";

// As loaded: applications replace the global.
const { Promise } = globalThis;

/**
 * Opens a listening socket; `bound` is called before anything else runs.
 *
 * @throws {Error} The system's error, with its `code`.
 */
export function listenOnNet(
  target: ListenTarget,
  accept: AcceptSocket,
  onError: (error: unknown) => void,
  bound?: () => void,
): Promise<Listener> {
  const { promise, resolve, reject } = Promise.withResolvers<Listener>();
  // A half-closed peer, which has sent its request, still gets the response.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    connect(socket, accept);
  });
  server.once("error", reject);
  try {
    server.listen(placeOf(target), () => {
      server.off("error", reject).on("error", onError);
      acceptHandles(server, accept);
      if ("fd" in target) keepNonBlocking(target.fd);
      resolve(new NetListener(server, target, onError));
    });
    if (server.listening) bound?.();
  } catch (error) {
    // Deno throws synchronously for a missing permission.
    if (server.listening) server.close();
    reject(error);
  }
  return promise;
}

function placeOf(
  target: ListenTarget,
): { path: string } | { fd: number } | { host: string; port: number } {
  if ("path" in target) return { path: target.path };
  if ("fd" in target) return { fd: target.fd };
  return { host: target.hostname, port: target.port };
}

/** Whether small writes are batched: on Node; on Deno `setImmediate` costs more than it saves. */
const HOLDS_WRITES = !("Deno" in globalThis);

class NetListener implements Listener {
  readonly address: Listener["address"];
  readonly #server: Server;
  readonly #watch: DescriptorWatch;

  constructor(server: Server, target: ListenTarget, onError: (error: unknown) => void) {
    this.#server = server;
    this.#watch = new DescriptorWatch(onError, { resume: resumeOnDeno(server) });
    const bound = server.address();
    if (bound !== null && typeof bound === "object") {
      this.address = { transport: "tcp", hostname: bound.address, port: bound.port };
    } else {
      this.address = { transport: "unix", path: "path" in target ? target.path : "" };
    }
  }

  close(): Promise<void> {
    this.#watch.stop();
    // Without its callback, which would wait for the accepted sockets.
    this.#server.close();
    return Promise.resolve();
  }

  ref(): void {
    this.#server.ref();
  }

  unref(): void {
    this.#server.unref();
  }
}

/** Connects a socket's events to the receiver that `accept` returns. */
function connect(socket: NetSocket, accept: AcceptSocket): void {
  let reason: unknown;
  const transport = new NetTransport(socket);
  const events: TransportEvents = accept(transport);
  socket.on("data", (chunk: Uint8Array) => events.receive(chunk));
  socket.on("end", () => events.receiveEnd());
  socket.on("drain", () => transport.drained() && events.drained());
  // A reset, a broken pipe: ordinary ends, reported with the `close` that follows.
  socket.on("error", (error) => reason = error);
  socket.on("close", () => events.closed(reason));
}

/**
 * A socket of `node:net` as a {@link Socket}. Bytes beyond its high-water mark are queued here: it
 * would pass all of them to the system as one write, and report no progress before the last byte is
 * sent. So a peer that reads slowly can be distinguished from one that does not read.
 */
class NetTransport implements Socket, HeldWriter {
  readonly ownsChunks = true;
  readonly #socket: NetSocket;
  /** Bytes held back until the end of this turn of the event loop. */
  #held: Uint8Array | undefined;
  /** Whether the socket accepts no more before its `drain`. */
  #isFull = false;
  #waiting: Uint8Array[] = [];
  #onSent: (() => void) | undefined;

  constructor(socket: NetSocket) {
    this.#socket = socket;
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  get backlog(): number {
    return this.#waiting.reduce(
      (length, bytes) => length + bytes.length,
      this.#socket.writableLength,
    );
  }

  write(bytes: Uint8Array): boolean {
    const isHeld = HOLDS_WRITES && this.#held === undefined && bytes.length <= MAX_HELD &&
      !this.#isFull && this.#socket.writableLength === 0;
    if (isHeld) {
      this.#held = bytes;
      flushLater(this);
      return true;
    }
    this.flush();
    if (this.#isFull) this.#waiting.push(bytes);
    else this.#isFull = !this.#socket.write(bytes);
    return !this.#isFull;
  }

  flush(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined && !this.#socket.destroyed) this.#isFull = !this.#socket.write(held);
  }

  /** The socket accepts bytes again; returns whether the queue is empty and more may be written. */
  drained(): boolean {
    this.#isFull = false;
    const waiting = this.#waiting;
    let taken = 0;
    while (taken < waiting.length && !this.#isFull) {
      this.#isFull = !this.#socket.write(waiting[taken++]!);
    }
    waiting.splice(0, taken);
    if (waiting.length > 0) return false;
    if (this.#onSent === undefined) return !this.#isFull;
    this.#socket.end(this.#onSent);
    this.#onSent = undefined;
    return false;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(sent: () => void): void {
    this.flush();
    if (this.#waiting.length > 0) this.#onSent = sent;
    else this.#socket.end(sent);
  }

  closeIfSent(): boolean {
    this.flush();
    if (this.backlog > 0) return false;
    this.destroy();
    return true;
  }

  destroy(): void {
    this.#waiting = [];
    this.#socket.destroy();
  }
}
