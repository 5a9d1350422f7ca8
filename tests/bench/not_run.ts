/** Why a row of the table has no numbers: a server does not do its job. */
export class NotRun extends Error {
  override name = "NotRun";
}

/** Or this machine lacks what it needs, which is nobody's fault. */
export class Missing extends NotRun {
  override name = "Missing";
}

/** The reason of any error, in one line. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s+/g, " ").trim().slice(0, 200);
}
