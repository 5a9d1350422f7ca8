/**
 * Calls `action(subject)`, which is code of the application, so that no async context that it
 * enters reaches anything else of the engine. The runtime has the means for it.
 */
export type RunInContext = <T>(action: (subject: T) => void, subject: T) => void;

/** A plain call, where there is one request and nothing else to reach. */
export const runHere: RunInContext = (action, subject) => action(subject);
