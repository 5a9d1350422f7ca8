import type { ToWorker } from "./messages.ts";

// As loaded: `fcgi serve` runs applications, which replace the global.
const { Map, Promise } = globalThis;

/** How long a worker may take to open its logs again, in milliseconds. */
const TIMEOUT = 2_000;

/** Workers by number, as far as this needs them. */
type Asked = ReadonlyMap<number, {
  readonly child: { readonly pid: number | undefined; send(message: ToWorker): void };
}>;

/** Has workers open their logs again, and names those that have not said that it is done. */
export class Reopening {
  readonly #silent = new Map<number, number | undefined>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #done: PromiseWithResolvers<boolean> = Promise.withResolvers();

  /** @param log Gets a line for each worker that is late. */
  constructor(workers: Asked, log: (line: string) => void) {
    for (const [id, { child }] of workers) {
      this.#silent.set(id, child.pid);
      child.send({ type: "reopen" });
    }
    if (this.#silent.size === 0) this.#end(true);
    else {this.#timer = setTimeout(() => {
        for (const pid of this.#silent.values()) {
          log(`Worker ${pid} has not opened its logs again: it may still write to the old files`);
        }
        this.#end(false);
      }, TIMEOUT);}
  }

  /** Resolves with whether all of them have done it. */
  get done(): Promise<boolean> {
    return this.#done.promise;
  }

  /** It is done once more: that counts. */
  supersede(by: Reopening): void {
    clearTimeout(this.#timer);
    this.#done.resolve(by.done);
  }

  /** A worker has done it, or has ended. */
  heard(worker: number): void {
    this.#silent.delete(worker);
    if (this.#silent.size === 0) this.#end(true);
  }

  #end(isDone: boolean): void {
    clearTimeout(this.#timer);
    this.#done.resolve(isDone);
  }
}
