/** Turns of the event loop in which everything runs that waits for no event. */
const TURNS = 5;

/** Lets everything run that is due, and waits for nothing else. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise((done) => setTimeout(done, 0));
}
