let release;

/** What a page waits for, until somebody else lets it come. */
export const wait = () => new Promise((resolve) => release = resolve);
export const come = () => release?.("It came late");
