/** A clean HTTP answer where no `Request` can be made, or no `Response` sent. */
export interface Rejection {
  /** The HTTP status to answer with. */
  readonly status: number;
  /** What is wrong, in a few words of printable ASCII: safe to log and to show. */
  readonly reason: string;
}
