/** The pauses of a worker that fails again and again. */

/** The pause after the first failure, in milliseconds; each further one doubles it. */
const FIRST = 100;
const LONGEST = 30_000;
/** How far a pause is off, at most, so that workers that fail together do not start together. */
const SPREAD = 0.2;

/**
 * The pause before the next start, in milliseconds.
 *
 * @param failures How many pauses there have been.
 * @param random From 0 to 1.
 */
export function backOff(failures: number, random: number): number {
  return Math.round(Math.min(LONGEST, FIRST * 2 ** failures) * (1 - SPREAD + 2 * SPREAD * random));
}
