import { PROBE_INTERVAL } from "../application/limits.ts";

/**
 * The search for a peer that has gone, after it has closed its sending side: only a write can tell
 * it from one that listens on. Responses write as they go; one that is silent would keep its body
 * for ever, so its connection gets an empty STDERR record now and then.
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
