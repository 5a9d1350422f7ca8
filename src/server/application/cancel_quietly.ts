/** The part of a stream, or of its reader, that is used. An application's may be of any type. */
interface Cancellable {
  cancel(reason?: unknown): unknown;
}

/**
 * Cancels the body of a response that is not read further. The request has ended already, so a
 * failing `cancel` is ignored.
 */
export async function cancelQuietly(
  body: Cancellable | null | undefined,
  reason?: unknown,
): Promise<void> {
  try {
    await body?.cancel(reason);
  } catch {
    // Ignored.
  }
}
