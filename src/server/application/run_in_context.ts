/**
 * Calls `action(subject)`, which is application code, so that an async context that it enters does
 * not leak into the rest of the engine. `runtime/` implements it.
 */
export type RunInContext = <T>(action: (subject: T) => void, subject: T) => void;

/** A plain call, where there is one request and nothing to leak into. */
export const runHere: RunInContext = (action, subject) => action(subject);
