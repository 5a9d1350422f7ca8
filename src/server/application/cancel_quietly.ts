/** As much of a stream, or of its reader, as is used. Those of an application may be anything. */
interface Cancellable {
  cancel(reason?: unknown): unknown;
}

/**
 * Cancels the body of a response that nobody reads on. The request has an end already, so a
 * `cancel` that fails is no failure of it.
 */
export async function cancelQuietly(
  body: Cancellable | null | undefined,
  reason?: unknown,
): Promise<void> {
  try {
    await body?.cancel(reason);
  } catch {
    // Told to nobody.
  }
}
