/** A clean HTTP answer where no `Request` can be made, or no `Response` sent. */
export interface Rejection {
  /** The HTTP status to answer with. */
  readonly status: number;
  /** What is wrong, in a few words of printable ASCII: safe to log and to show. */
  readonly reason: string;
}

/**
 * Tells a rejection from the `Request` there would have been. Not by `instanceof`: applications
 * replace the global `Request` after this module was loaded.
 */
export function isRejection<Value extends object>(
  value: Value | Rejection,
): value is Rejection {
  return "reason" in value;
}
