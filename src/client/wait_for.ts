// As loaded: applications replace the global.
const { Promise } = globalThis;

/** How a wait may end without its result. */
interface Ends<T> {
  /** Ends it: it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** How long it may last, in milliseconds; 0 is for ever. @default {0} */
  time?: number;
  /** What it rejects with when the time is over. */
  error?: () => Error;
  /** Takes a result that comes too late. */
  late?: (value: T) => void;
}

/**
 * Waits for a promise, but not for ever.
 *
 * @throws The signal's reason, the error of the time-out, or what the promise rejects with.
 */
export async function waitFor<T>(
  promise: Promise<T>,
  { signal, time = 0, error, late = () => {} }: Ends<T>,
): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>();
  const giveUp = (reason: unknown) => {
    reject(reason);
    promise.then(late, () => {});
  };
  const onAbort = () => giveUp(signal!.reason);
  const timer = time === 0 ? undefined : setTimeout(() => giveUp(error!()), time);
  signal?.addEventListener("abort", onAbort);
  if (signal?.aborted) onAbort();
  try {
    return await Promise.race([promise, over]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}
