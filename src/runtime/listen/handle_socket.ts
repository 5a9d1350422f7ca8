/**
 * Accepted sockets of `node:net`, on Deno and Node, without their streams: the handle underneath
 * reads and writes. A request on a connection of its own then costs a third less on Deno, and up to
 * half less on Node, one on a kept connection up to a tenth less (`deno task bench
 * --section=direct`, with tests/_plain.ts and without).
 *
 * It leans on what the runtimes do not promise: `server._handle`, its `onconnection`, and
 * `process.binding("stream_wrap")`. Where one is missing (Node with `--permission`), `net.Socket`
 * is used as before. To be deleted once that costs as little.
 */
import type { Server } from "node:net";
import { getSystemErrorName } from "node:util";
import type { TransportEvents } from "../../server/connection/transport.ts";
import { isDeno } from "../deno.ts";
import type { AcceptSocket, Socket } from "./listener.ts";
import { type StreamBinding, streamBinding, type StreamHandle } from "./stream_handle.ts";

/** The handle of a listener; on Deno it is told to accept, on Node it brings the socket. */
interface ListenerHandle {
  onconnection: (error: number, accepted?: StreamHandle) => void;
  accept?(handle: StreamHandle): number;
}

/** The error number of an end of input, on every system. */
const UV_EOF = -4095;

/** The type of a handle for an accepted socket. */
const SOCKET = 0;

/**
 * Has the connections of a listening server passed to `accept`. Those for which that does not work
 * still become a `net.Socket`.
 */
export function acceptHandles(server: Server, accept: AcceptSocket): void {
  const listener = (server as { _handle?: Partial<ListenerHandle> | null })._handle;
  const inherited = listener?.onconnection;
  if (streamBinding === undefined || !listener || typeof inherited !== "function") return;
  if (isDeno && typeof listener.accept !== "function") return;
  const known = streamBinding;
  listener.onconnection = function (error, accepted) {
    const handle = error === 0 && isDeno ? acceptOnDeno(listener as ListenerHandle) : accepted;
    if (error !== 0 || handle === undefined) return inherited.call(listener, error, accepted);
    new HandleSocket(handle, known).start(accept);
  };
}

/** Returns `undefined` if accept(2) fails: the same call by the runtime reports it. */
function acceptOnDeno(listener: ListenerHandle): StreamHandle | undefined {
  const handle = new (listener.constructor as new (type: number) => StreamHandle)(SOCKET);
  return listener.accept!(handle) === 0 ? handle : undefined;
}

/**
 * A handle as a {@link Socket}. One write at a time is left to the system, and the others wait
 * here: so a peer that reads slowly can be distinguished from one that does not read.
 */
class HandleSocket implements Socket {
  readonly ownsChunks = true;
  readonly #handle: StreamHandle;
  readonly #binding: StreamBinding;
  #events!: TransportEvents;
  /** Bytes of the write that the system works on. */
  #inFlight = 0;
  #waiting: (Uint8Array | Uint8Array[])[] = [];
  #onSent: (() => void) | undefined;
  #isClosed = false;

  constructor(handle: StreamHandle, binding: StreamBinding) {
    this.#handle = handle;
    this.#binding = binding;
  }

  /** Passes itself to `accept`, and its events to what that returns. */
  start(accept: AcceptSocket): void {
    const handle = this.#handle;
    handle.setNoDelay?.(true);
    this.#events = accept(this);
    handle.onread = (chunk) => this.#read(chunk);
    this.resume();
  }

  get remoteAddress(): string | undefined {
    const peer: { address?: string } = {};
    this.#handle.getpeername?.(peer);
    return peer.address;
  }

  get backlog(): number {
    return this.#waiting.reduce((length, bytes) => length + lengthOf(bytes), this.#inFlight);
  }

  write(bytes: Uint8Array): boolean {
    return this.#sendInTurn(bytes);
  }

  writeParts(parts: Uint8Array[]): boolean {
    return this.#sendInTurn(parts);
  }

  pause(): void {
    if (!this.#isClosed) this.#handle.readStop();
  }

  resume(): void {
    if (this.#isClosed) return;
    const error = this.#handle.readStart();
    if (error !== 0) this.#fail("read", error);
  }

  end(sent: () => void): void {
    if (this.#inFlight > 0) this.#onSent = sent;
    else this.#shutDown(sent);
  }

  closeIfSent(): boolean {
    if (this.#inFlight > 0) return false;
    this.destroy();
    return true;
  }

  destroy(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#waiting = [];
    this.#handle.close();
  }

  #read(chunk: ArrayBuffer | undefined): void {
    const { streamBaseState, kReadBytesOrError } = this.#binding;
    const length = streamBaseState[kReadBytesOrError]!;
    if (this.#isClosed) return;
    if (length > 0) {
      if (chunk !== undefined) this.#events.receive(new Uint8Array(chunk, 0, length));
    } else if (length === UV_EOF) {
      this.#handle.readStop();
      this.#events.receiveEnd();
    } else if (length < 0) {
      this.#fail("read", length);
    }
  }

  #sendInTurn(bytes: Uint8Array | Uint8Array[]): boolean {
    if (this.#isClosed) return false;
    if (this.#inFlight === 0) return this.#send(bytes);
    this.#waiting.push(bytes);
    return false;
  }

  /** Returns whether the system has taken all of it. */
  #send(bytes: Uint8Array | Uint8Array[]): boolean {
    const { WriteWrap, streamBaseState, kLastWriteWasAsync } = this.#binding;
    const request = new WriteWrap();
    request.handle = this.#handle;
    request.oncomplete = this.#written;
    const error = Array.isArray(bytes)
      ? this.#handle.writev(request, bytes, true)
      : this.#handle.writeBuffer(request, bytes);
    if (error !== 0) {
      this.#fail("write", error);
      return false;
    }
    if (streamBaseState[kLastWriteWasAsync] === 0) return true;
    request.buffer = bytes;
    this.#inFlight = lengthOf(bytes);
    return false;
  }

  /** The system has taken a write that went on after its call. */
  readonly #written = (error: number): void => {
    this.#inFlight = 0;
    if (this.#isClosed) return;
    if (error !== 0) return this.#fail("write", error);
    const waiting = this.#waiting;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (!this.#send(next)) return;
    }
    const sent = this.#onSent;
    this.#onSent = undefined;
    if (sent !== undefined) this.#shutDown(sent);
    else this.#events.drained();
  };

  #shutDown(sent: () => void): void {
    if (this.#isClosed) return;
    const request = new this.#binding.ShutdownWrap();
    request.handle = this.#handle;
    // An error means that the peer has gone, which is also read.
    request.oncomplete = () => sent();
    if (this.#handle.shutdown(request) !== 0) sent();
  }

  /** Closes after an error: a reset, a broken pipe, which are ordinary ends. */
  #fail(call: string, error: number): void {
    if (this.#isClosed) return;
    this.destroy();
    const code = getSystemErrorName(error);
    const reason = Object.assign(new Error(`${call} ${code}`), {
      errno: error,
      code,
      syscall: call,
    });
    // Not within a call from the connection.
    queueMicrotask(() => this.#events.closed(reason));
  }
}

function lengthOf(bytes: Uint8Array | readonly Uint8Array[]): number {
  if (bytes instanceof Uint8Array) return bytes.length;
  return bytes.reduce((length, part) => length + part.length, 0);
}
