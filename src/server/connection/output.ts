import { MAX_UNSENT_BYTES } from "../application/limits.ts";
import type { ReadGate } from "./read_gate.ts";
import type { Transport } from "./transport.ts";

/**
 * What a connection sends. Responses wait for {@link writable}, but the small answers that no
 * handler makes (to GET_VALUES, to a request too many) do not: when {@link MAX_UNSENT_BYTES} have
 * gathered, the peer is not read until it reads.
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
  /** Bytes that the peer had taken by the last tick, up to a constant offset. */
  #taken = 0;
  /** Ticks since it took the last of them. */
  #ticks = 0;

  constructor(transport: Transport, reading: ReadGate) {
    this.#transport = transport;
    this.#reading = reading;
  }

  /** Whether somebody waits for the peer to read what is written. */
  get isAwaited(): boolean {
    return this.#writable !== undefined;
  }

  /** Whether the transport holds more than it likes to, or our end has still to leave. */
  get isBlocked(): boolean {
    return this.#isFull || this.#isEnding;
  }

  /** Sends bytes. `false` means: wait for {@link writable} before the next. */
  write(bytes: Uint8Array): boolean {
    this.#written += bytes.length;
    const isTaken = this.#transport.write(bytes);
    if (isTaken && !this.#isFull) return true;
    this.#isFull = true;
    this.#unsent += bytes.length;
    if (this.#unsent > MAX_UNSENT_BYTES && !this.#isHolding) {
      this.#isHolding = true;
      this.#reading.hold();
    }
    return isTaken;
  }

  /** Resolves when the transport takes bytes again, or never will. */
  writable(): Promise<void> {
    this.#writable ??= Promise.withResolvers();
    return this.#writable.promise;
  }

  /** The transport takes bytes again, or never will. */
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

  /** Closes the sending side behind what was written. */
  end(sent: () => void): void {
    this.#isEnding = true;
    this.#transport.end(() => {
      this.#isEnding = false;
      // There is no other event behind the end.
      this.drained();
      sent();
    });
  }

  /** Counts a tick; returns how many in a row have passed without progress of what is written. */
  tick(): number {
    if (!this.isBlocked) return this.#ticks = 0;
    const taken = this.#written - this.#transport.backlog;
    this.#ticks = taken === this.#taken ? this.#ticks + 1 : 0;
    this.#taken = taken;
    return this.#ticks;
  }
}
