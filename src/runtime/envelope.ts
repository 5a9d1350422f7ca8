/**
 * The application in a process has `process.send` too: what goes over the channel is put into an
 * object of this kind, and whatever else comes is the application's, for nobody.
 */

interface Envelope {
  readonly fcgi: object;
}

/** A message as it goes over the channel. */
export function enclose(message: object): Envelope {
  return { fcgi: message };
}

/** The message in what has come; `undefined` if it is none. */
export function disclose(received: unknown): object | undefined {
  const content = (received as Partial<Envelope> | null | undefined)?.fcgi;
  return typeof content === "object" && content !== null ? content : undefined;
}
