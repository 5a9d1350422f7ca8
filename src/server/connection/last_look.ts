/**
 * Waits for a request that may be on its way when a connection is to end.
 *
 * It ends with a last read of the socket: the second timer fires in a later turn of the event loop
 * than the first, and in between pending input is read. In the middle of a record the rest is
 * waited for.
 */
export class LastLook {
  readonly #isPartial: () => boolean;
  readonly #end: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param isPartial Returns whether a record is incomplete.
   * @param end Ends the connection, if nothing has arrived.
   */
  constructor(isPartial: () => boolean, end: () => void) {
    this.#isPartial = isPartial;
    this.#end = end;
  }

  /**
   * Ends the connection after `delay` milliseconds, or after `patience` if a record is incomplete
   * by then.
   */
  start(delay: number, patience: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = setTimeout(() => {
        if (patience > delay && this.#isPartial()) this.start(patience, patience);
        else this.#end();
      }, 0);
    }, delay);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
