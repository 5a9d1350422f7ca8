/** The time between our end of a connection and the peer's. */
import { LINGER_TIMEOUT, QUIET_LINGER_TIMEOUT } from "../application/limits.ts";
import type { Expected } from "./pending_input.ts";

/** Decides when a connection is closed whose answers, and our end behind them, are out. */
export class Linger {
  readonly #close: () => void;
  #last: ReturnType<typeof setTimeout> | undefined;
  #quiet: ReturnType<typeof setTimeout> | undefined;

  /** @param close Closes both sides. */
  constructor(close: () => void) {
    this.#close = close;
  }

  /**
   * Our end is out, or the peer has sent something since: waits, or closes.
   *
   * - `nothing` to come: it is closed at once, for a peer owes nobody its own end
   * - `anything`: a while after the last of it
   * - `more`: until the peer ends, or has said all
   *
   * In all it takes no longer than {@link LINGER_TIMEOUT}.
   */
  wait(expected: Expected): void {
    clearTimeout(this.#quiet);
    if (expected === "nothing") return this.#close();
    this.#last ??= setTimeout(this.#close, LINGER_TIMEOUT);
    if (expected === "anything") this.#quiet = setTimeout(this.#close, QUIET_LINGER_TIMEOUT);
  }

  /** The connection is closed. */
  stop(): void {
    clearTimeout(this.#quiet);
    clearTimeout(this.#last);
  }
}
