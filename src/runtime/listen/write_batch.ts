/**
 * Write batching: replies that are ready in one turn of the event loop are written together, at its
 * end. A reply written by itself wakes the web server for itself; of several in a row the first
 * wakes it, and the others find it awake. Under load on Node that saves a seventh of the cost of a
 * request, and a single request pays nothing; Deno and Bun gain too little or lose.
 */

/**
 * The most bytes held back, once per socket and turn: a larger or a second write goes out at once.
 */
export const MAX_HELD = 4096;

/** A socket with a write held back. */
export interface HeldWriter {
  /** Writes the bytes held back. */
  flush(): void;
}

let writers: HeldWriter[] = [];

/** Schedules a flush at the end of this turn. */
export function flushLater(writer: HeldWriter): void {
  if (writers.push(writer) === 1) setImmediate(flushAll);
}

function flushAll(): void {
  const held = writers;
  writers = [];
  for (const writer of held) writer.flush();
}
