/** Why a row of the table has no numbers: something is missing, or a server does not do its job. */
export class NotRun extends Error {
  override name = "NotRun";
}

/** The reason of any error, in one line. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s+/g, " ").trim().slice(0, 200);
}
