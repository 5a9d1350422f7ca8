/** Lingering close: the time between our end of a connection and the peer's. */
import type { Expected } from "./pending_input.ts";

/**
 * Linger: how long a half-closed connection waits for the peer's end, in milliseconds, discarding
 * input. Closing earlier would reset the connection under an upload, and lose the response with it
 * (nginx: `lingering_timeout 5s`).
 */
export const LINGER_TIMEOUT = 5_000;

/**
 * Linger where input is possible but not certain, from the last input on: a request that crosses
 * our end arrives within one round trip, and the longest on earth take about as long as this. Peers
 * that keep their connections may close them much later (Apache with `enablereuse`: minutes).
 */
export const QUIET_LINGER_TIMEOUT = 300;

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
