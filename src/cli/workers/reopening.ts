import type { ToWorker } from "./messages.ts";

// As loaded: `fcgi serve` runs applications, which replace the global.
const { Map } = globalThis;

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

  /** @param log Gets a line for each worker that is late. */
  constructor(workers: Asked, log: (line: string) => void) {
    for (const [id, { child }] of workers) {
      this.#silent.set(id, child.pid);
      child.send({ type: "reopen" });
    }
    if (this.#silent.size === 0) return;
    this.#timer = setTimeout(() => {
      for (const pid of this.#silent.values()) {
        log(`Worker ${pid} has not opened its logs again: it may still write to the old files`);
      }
    }, TIMEOUT);
  }

  /** It is done once more: that counts. */
  cancel(): void {
    clearTimeout(this.#timer);
  }

  /** A worker has done it, or has ended. */
  heard(worker: number): void {
    this.#silent.delete(worker);
    if (this.#silent.size === 0) clearTimeout(this.#timer);
  }
}
