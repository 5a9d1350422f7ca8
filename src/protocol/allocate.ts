/**
 * Size in bytes of a slab, which small allocations are cut from. A slab is used once, from front to
 * back, and never again.
 */
const SLAB_SIZE = 64 * 1024;

/**
 * Larger requests, in bytes, get memory of their own, so that a slab is not wasted on one of them.
 */
export const MAX_SLICE = 4096;

let slab: Uint8Array = new Uint8Array(SLAB_SIZE);
let used = 0;

/**
 * Allocates zeroed bytes, which belong to the caller. Small ones are slices of a larger buffer: a
 * typed array with memory of its own costs five times as much on Deno and Node, and a server makes
 * one per reply. Copy the bytes before they go to code that may transfer their `ArrayBuffer`: other
 * slices share it.
 */
export function allocate(size: number): Uint8Array {
  if (size > MAX_SLICE) return new Uint8Array(size);
  if (used + size > SLAB_SIZE) {
    slab = new Uint8Array(SLAB_SIZE);
    used = 0;
  }
  const bytes = new Uint8Array(slab.buffer, used, size);
  used += size;
  return bytes;
}
