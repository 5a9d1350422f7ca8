/** Applications that write into their own source while they start. */

import type { ChangedFile } from "../../runtime/watch_files.ts";

// As loaded: applications replace the global.
const { Map } = globalThis;

/** So often in a row a file may change while the application starts. */
const MOST = 4;
/** The clock of a file system may be a little behind, in milliseconds. */
const SLACK = 20;

/**
 * Finds files that change at every start, and so would start the application for ever: what it
 * builds, or a file with its data.
 */
export class Loops {
  readonly #counts = new Map<string, number>();
  readonly #ignored = new Set<string>();
  readonly #onIgnore: (path: string) => void;

  /** @param onIgnore Is told each file that counts no more. */
  constructor(onIgnore: (path: string) => void) {
    this.#onIgnore = onIgnore;
  }

  /**
   * The files, of those that have changed, for which a new start is worth it.
   *
   * @param start The time of the last start, and that of its end.
   */
  filter(files: readonly ChangedFile[], start: { from: number; to: number }): string[] {
    return files.filter(({ path, time }) => {
      if (this.#ignored.has(path)) return false;
      const isOfStart = time >= start.from - SLACK && time <= start.to + SLACK;
      const count = isOfStart ? (this.#counts.get(path) ?? 0) + 1 : 0;
      this.#counts.set(path, count);
      if (count <= MOST) return true;
      this.#ignored.add(path);
      this.#onIgnore(path);
      return false;
    }).map(({ path }) => path);
  }
}
