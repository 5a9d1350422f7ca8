/** Lingering close: the time between our end of a connection and the peer's. */
import { LINGER_TIMEOUT, QUIET_LINGER_TIMEOUT } from "../application/limits.ts";
import type { Expected } from "./pending_input.ts";

/**
 * Decides when to close a half-closed connection, on which the responses and our end have been
 * sent.
 */
export class Linger {
  readonly #close: () => void;
  #last: ReturnType<typeof setTimeout> | undefined;
  #quiet: ReturnType<typeof setTimeout> | undefined;

  /** @param close Closes both sides. */
  constructor(close: () => void) {
    this.#close = close;
  }

  /**
   * Waits, or closes; called once our end has been sent, and after each input since.
   *
   * - `nothing` to come: closes at once, since a peer need not send its own end
   * - `anything`: closes {@link QUIET_LINGER_TIMEOUT} after the last input
   * - `more`: waits until the peer ends, or has sent everything
   *
   * In total it takes no longer than {@link LINGER_TIMEOUT}.
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
