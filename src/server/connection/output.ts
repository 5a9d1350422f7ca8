import { concat } from "../../protocol/concat.ts";
import type { ReadGate } from "./read_gate.ts";
import type { Transport } from "./transport.ts";

// As loaded: applications replace the global.
const { Promise } = globalThis;

/**
 * Write backlog, in bytes, beyond which the connection is not read: a peer that does not read
 * responses cannot request more of them. As much as is buffered of a request.
 */
export const MAX_UNSENT_BYTES: number = 1024 * 1024;

/**
 * The output of a connection. Responses respect back-pressure and wait for {@link writable}, but
 * the small answers that no handler makes (to GET_VALUES, to a refused request) do not: when
 * {@link MAX_UNSENT_BYTES} are queued, the peer is not read until it reads.
 */
export class Output {
  readonly #transport: Transport;
  readonly #reading: ReadGate;
  #writable: PromiseWithResolvers<void> | undefined;
  #isFull = false;
  #isEnding = false;
  #isHolding = false;
  /** Bytes written since the transport was full. */
  #unsent = 0;
  /** Bytes written in all. */
  #written = 0;
  /** Bytes that the peer had read by the last tick, up to a constant offset. */
  #taken = 0;
  /** Consecutive ticks without write progress. */
  #ticks = 0;

  constructor(transport: Transport, reading: ReadGate) {
    this.#transport = transport;
    this.#reading = reading;
  }

  /** Whether a response waits for {@link writable}, so for the peer to read. */
  get isAwaited(): boolean {
    return this.#writable !== undefined;
  }

  /** Whether the transport is above its high-water mark, or our end is still queued. */
  get isBlocked(): boolean {
    return this.#isFull || this.#isEnding;
  }

  /**
   * Writes bytes, or several parts as one. `false` means: wait for {@link writable} before the
   * next.
   */
  write(bytes: Uint8Array | Uint8Array[]): boolean {
    const length = Array.isArray(bytes) ? lengthOf(bytes) : bytes.length;
    this.#written += length;
    const isTaken = Array.isArray(bytes) ? this.#writeParts(bytes) : this.#transport.write(bytes);
    if (isTaken && !this.#isFull) return true;
    this.#isFull = true;
    this.#unsent += length;
    if (this.#unsent > MAX_UNSENT_BYTES && !this.#isHolding) {
      this.#isHolding = true;
      this.#reading.hold();
    }
    return isTaken;
  }

  /** Resolves when the transport accepts bytes again, or never will. */
  writable(): Promise<void> {
    this.#writable ??= Promise.withResolvers();
    return this.#writable.promise;
  }

  /** The transport accepts bytes again, or never will. */
  drained(): void {
    this.#isFull = false;
    this.#unsent = 0;
    if (this.#isHolding) {
      this.#isHolding = false;
      this.#reading.release();
    }
    this.#writable?.resolve();
    this.#writable = undefined;
  }

  /** Half-closes the connection: ends the sending side after the queued output. */
  end(sent: () => void): void {
    this.#isEnding = true;
    this.#transport.end(() => {
      this.#isEnding = false;
      // No `drained` event follows the end.
      this.drained();
      sent();
    });
  }

  /** Counts a tick; returns the number of consecutive ticks without write progress. */
  tick(): number {
    if (!this.isBlocked) return this.#ticks = 0;
    const taken = this.#written - this.#transport.backlog;
    this.#ticks = taken === this.#taken ? this.#ticks + 1 : 0;
    this.#taken = taken;
    return this.#ticks;
  }

  #writeParts(parts: Uint8Array[]): boolean {
    const transport = this.#transport;
    return transport.writeParts?.(parts) ?? transport.write(concat(parts));
  }
}

function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((length, part) => length + part.length, 0);
}
