/**
 * Code of the application runs inside callbacks of ours, and `AsyncLocalStorage.enterWith` changes
 * the context of the callback that it is called in. Whatever ran next in there would see the store
 * of somebody else's request: the other requests of the same read, and on Deno, where a socket is
 * read in a loop that keeps the context, every later one.
 */
import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";

/** Calls `action(subject)` in a context of its own, which ends with it. */
export type RunInContext = <T>(action: (subject: T) => void, subject: T) => void;

const NAME = "FastCGI";

// Nobody listens for the end of such a resource, so the garbage collector need not be asked for it.
const OPTIONS = { requireManualDestroy: true };

/**
 * Takes the context of the moment: what the returned function calls sees the stores of now, as it
 * does in a handler of `node:http` or `Bun.serve`, and what it enters is gone when it returns.
 */
export function captureContext(): RunInContext {
  const context = new AsyncResource(NAME, OPTIONS);
  if (!keepsWhatIsEntered()) {
    return (action, subject) => context.runInAsyncScope(action, undefined, subject);
  }
  return (action, subject) => {
    context.runInAsyncScope(() => {
      new AsyncResource(NAME, OPTIONS).runInAsyncScope(action, undefined, subject);
    });
  };
}

/** Whether a resource keeps what was entered in its scope: Node 22 has stores on the resource. */
function keepsWhatIsEntered(): boolean {
  const storage = new AsyncLocalStorage<boolean>();
  const context = new AsyncResource(NAME, OPTIONS);
  context.runInAsyncScope(() => storage.enterWith(true));
  const isKept = context.runInAsyncScope(() => storage.getStore()) === true;
  // Otherwise Node 22 goes on following every promise of the process.
  storage.disable();
  return isKept;
}
