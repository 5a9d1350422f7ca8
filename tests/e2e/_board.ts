/** How tests and the routes of an application wait for each other. */
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Events with names, one set for each id; each is there for good once it was marked. */
export interface Board {
  mark(id: string, name: string): void;
  marked(id: string, name: string): Promise<void>;
}

/** The board of an application that is one process. */
export class MemoryBoard implements Board {
  readonly #events = new Map<string, PromiseWithResolvers<void>>();

  mark(id: string, name: string): void {
    this.#event(id, name).resolve();
  }

  marked(id: string, name: string): Promise<void> {
    return this.#event(id, name).promise;
  }

  #event(id: string, name: string): PromiseWithResolvers<void> {
    const key = `${id} ${name}`;
    const event = this.#events.get(key) ?? Promise.withResolvers<void>();
    this.#events.set(key, event);
    return event;
  }
}

/** How often a file is looked for, in milliseconds. */
const INTERVAL = 5;

/**
 * The board of an application that is several processes: a directory they share, with a file for
 * each event.
 */
export class FileBoard implements Board {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  mark(id: string, name: string): void {
    // A test that waits for it tells whether it went wrong.
    void writeFile(this.#file(id, name), "");
  }

  async marked(id: string, name: string): Promise<void> {
    const file = this.#file(id, name);
    // `access` would ask Deno for the user's id.
    while (!(await stat(file).then(() => true, () => false))) {
      await new Promise((resolve) => setTimeout(resolve, INTERVAL));
    }
  }

  #file(id: string, name: string): string {
    return join(this.#directory, `${id}.${name}`);
  }
}
