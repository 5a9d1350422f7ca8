/**
 * Interval of probes on a half-closed connection with a silent response, in milliseconds: a
 * response whose client has gone should end within a second, and over TCP that takes two probes,
 * since the first only provokes the reset.
 */
const PROBE_INTERVAL = 300;

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
