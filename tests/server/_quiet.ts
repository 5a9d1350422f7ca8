/** Turns of the event loop without a change before it counts as quiet. */
const QUIET_TURNS = 30;

/**
 * Lets the event loop turn until a number has stopped changing: nothing more will come by itself.
 */
export async function quiet(measure: () => number): Promise<number> {
  let last = measure();
  for (let turns = 0; turns < QUIET_TURNS; turns++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    const now = measure();
    if (now !== last) turns = 0;
    last = now;
  }
  return last;
}
