import { PROBE_INTERVAL } from "../application/limits.ts";

/**
 * Detects that a peer has gone, after it has closed its sending side: only a write can distinguish
 * that from a half-close. Most responses write anyway; a silent one would keep its body open for
 * ever, so its connection gets an empty STDERR record at intervals.
 */
export class Probe {
  readonly #send: () => boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param send Writes the records; returns whether to go on. */
  constructor(send: () => boolean) {
    this.#send = send;
  }

  start(): void {
    this.stop();
    this.#timer = setTimeout(() => {
      if (this.#send()) this.start();
    }, PROBE_INTERVAL);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
