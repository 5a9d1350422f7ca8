import type { Transport } from "./transport.ts";

/** Pauses and resumes the input of a connection (back-pressure), counting the reasons to pause. */
export class ReadGate {
  readonly #transport: Transport;
  #holds = 0;
  #isOver = false;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Whether the input is paused. */
  get isHeld(): boolean {
    return this.#holds > 0;
  }

  /** Pauses the input, until each `hold` has been undone with {@link release}. */
  hold(): void {
    if (this.#holds++ === 0) this.#transport.pause();
  }

  /** Undoes one {@link hold}. */
  release(): void {
    if (--this.#holds === 0 && !this.#isOver) this.#transport.resume();
  }

  /** There is nothing left to read. */
  end(): void {
    this.#isOver = true;
  }
}
