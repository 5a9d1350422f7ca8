import type { Worker } from "./worker_list.ts";

/** The place of one worker, and of those that follow it. */
export class Slot {
  readonly index: number;
  /** The worker that serves, or is about to if it is the first one here. */
  current: Worker | undefined;
  /** Its successor, which is starting. */
  next: Worker | undefined;
  /** Whether a worker has been here. */
  isUsed = false;
  /** How often in a row a worker has failed here. */
  failures = 0;
  /** When the next attempt is made, after a failure; 0 if none is due. */
  retryAt = 0;

  constructor(index: number) {
    this.index = index;
  }
}
