/**
 * What has become of every request of a load: nothing is counted twice, and nothing is left out.
 */

/** How far a request had come that was lost. */
export type Phase =
  /** There was no connection to be had. */
  | "refused"
  /** On a connection of its own: sent, and not a byte of an answer. */
  | "unanswered on a fresh connection"
  /** The same on a connection that has answered others before. */
  | "unanswered on a kept connection"
  /** The answer began, and broke off. */
  | "cut in the answer"
  /**
   * The whole answer came, and then a connection that should have ended did not, or the other way
   * round.
   */
  | "answered, but not closed";

/** The counts of a load. */
export class Tally {
  sent = 0;
  right = 0;
  /** Requests that the load itself gave up, as it meant to. */
  aborted = 0;
  /** Kept connections that ended between two requests: no loss. */
  letGo = 0;
  /** Answers of right form that say something else, with how many there were. */
  readonly wrong: Record<string, number> = {};
  readonly lost: Partial<Record<Phase, number>> = {};

  addWrong(what: string): void {
    this.wrong[what] = (this.wrong[what] ?? 0) + 1;
  }

  addLost(phase: Phase): void {
    this.lost[phase] = (this.lost[phase] ?? 0) + 1;
  }

  /** All that went wrong, by name; nothing, if all went well. */
  get failures(): Record<string, number> {
    return { ...this.wrong, ...this.lost };
  }

  /** How many requests went wrong. */
  get failed(): number {
    return Object.values(this.failures).reduce((sum, count) => sum + count, 0);
  }

  /** How many requests are unaccounted for; 0 once the load has ended. */
  get open(): number {
    return this.sent - this.right - this.aborted - this.failed;
  }
}
