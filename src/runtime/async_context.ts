/**
 * Isolates async contexts. Application code runs inside the library's callbacks, and
 * `AsyncLocalStorage.enterWith` changes the context of the callback that it is called in. Code that
 * runs after it in that callback would see the store of another request: the other requests of the
 * same read, and on Deno, where a socket is read in a loop that keeps the context, every later one.
 */
import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import type { RunInContext } from "../server/application/run_in_context.ts";

const NAME = "FastCGI";

// There is no `destroy` hook for these resources, so the garbage collector need not track them.
const OPTIONS = { requireManualDestroy: true };

/**
 * Captures the current async context. Code called through the returned function sees the current
 * stores, as in a handler of `node:http` or `Bun.serve`, and stores that it enters are left when it
 * returns.
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

/**
 * Whether a resource keeps a store entered in its scope: Node 22 has the stores on the resource.
 */
function keepsWhatIsEntered(): boolean {
  const storage = new AsyncLocalStorage<boolean>();
  const context = new AsyncResource(NAME, OPTIONS);
  context.runInAsyncScope(() => storage.enterWith(true));
  const isKept = context.runInAsyncScope(() => storage.getStore()) === true;
  // Otherwise Node 22 keeps tracking every promise of the process.
  storage.disable();
  return isKept;
}
