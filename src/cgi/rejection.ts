/**
 * An HTTP error response, for a request that cannot become a `Request`, or a `Response` that cannot
 * be sent.
 */
export interface Rejection {
  /** The HTTP status. */
  readonly status: number;
  /** The cause, in a few words of printable ASCII: safe to log and to show. */
  readonly reason: string;
}

/**
 * Whether a value is a rejection, not the `Request` in its place. `instanceof` would not do:
 * applications replace the global `Request` after this module is loaded.
 */
export function isRejection<Value extends object>(
  value: Value | Rejection,
): value is Rejection {
  return "reason" in value;
}
