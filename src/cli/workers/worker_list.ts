// As loaded: `fcgi serve` runs applications, which replace the global.
const { Map } = globalThis;

/** A process that serves, or is about to, or has served. */
export interface Worker {
  /** Its number; none is used twice. */
  readonly id: number;
  readonly slot: number;
  readonly generation: number;
  state: "starting" | "ready" | "draining";
  /** When it has entered its state, in milliseconds. */
  since: number;
  /** Whether clients may still get to it. */
  isAccepting: boolean;
  /** Whether it cannot end before a reload has. */
  awaitsReload: boolean;
  /** How many pings in a row it has not answered. */
  unanswered: number;
  /** When it must have left its state; 0 if it may stay. */
  deadline: number;
  /** Why it was killed here, if it was. */
  killed: string | undefined;
}

/** The workers that live. */
export class Workers {
  readonly #byId = new Map<number, Worker>();
  #last = 0;

  get size(): number {
    return this.#byId.size;
  }

  get(id: number): Worker | undefined {
    return this.#byId.get(id);
  }

  add(slot: number, generation: number, now: number): Worker {
    const worker: Worker = {
      id: ++this.#last,
      slot,
      generation,
      state: "starting",
      since: now,
      isAccepting: true,
      awaitsReload: false,
      unanswered: 0,
      deadline: 0,
      killed: undefined,
    };
    this.#byId.set(worker.id, worker);
    return worker;
  }

  remove({ id }: Worker): void {
    this.#byId.delete(id);
  }

  [Symbol.iterator](): IterableIterator<Worker> {
    return this.#byId.values();
  }
}
