import type { Transport } from "./transport.ts";

/** Whether a connection is read: not while anybody has a reason against it. */
export class ReadGate {
  readonly #transport: Transport;
  #holds = 0;
  #isOver = false;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Whether the peer is not read for now. */
  get isHeld(): boolean {
    return this.#holds > 0;
  }

  /** Stops reading, until everybody who does has called {@link release}. */
  hold(): void {
    if (this.#holds++ === 0) this.#transport.pause();
  }

  /** One reason less not to read. */
  release(): void {
    if (--this.#holds === 0 && !this.#isOver) this.#transport.resume();
  }

  /** There is nothing left to read. */
  end(): void {
    this.#isOver = true;
  }
}
