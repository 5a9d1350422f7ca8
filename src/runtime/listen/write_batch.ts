/**
 * Replies that are ready in one turn of the event loop leave together, at its end. A reply that
 * leaves by itself wakes the web server for itself; of several in a row the first wakes it, and the
 * others find it awake. Under load on Node that is a seventh of what a request costs, and a lonely
 * one pays nothing; Deno and Bun win too little or lose.
 */

/**
 * The most bytes that are held back, and only once per socket and turn: what is larger, or comes
 * second, goes at once.
 */
export const MAX_HELD = 4096;

/** A socket with bytes held back. */
export interface HeldWriter {
  /** Writes them. */
  flush(): void;
}

let writers: HeldWriter[] = [];

/** Has a writer flushed at the end of this turn. */
export function flushLater(writer: HeldWriter): void {
  if (writers.push(writer) === 1) setImmediate(flushAll);
}

function flushAll(): void {
  const held = writers;
  writers = [];
  for (const writer of held) writer.flush();
}
