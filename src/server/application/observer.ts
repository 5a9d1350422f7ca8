import type { ParamsView } from "../../cgi/params.ts";

/** A request that has ended, as it was answered: what a log says of it. */
export interface EndedRequest {
  /** The parameters; none if it was answered before they were complete. */
  readonly params: ParamsView;
  /** The method, normalized as in `Request`; `""` without parameters. */
  readonly method: string;
  /** The header block as it was sent, Latin-1; `""` if there was no answer. */
  readonly head: string;
  /** The bytes of the body that were sent. */
  readonly bytes: number;
  /** Whether the answer was sent to its end. */
  readonly isComplete: boolean;
}

/** Is told of every request, also of those that no handler has seen. */
export interface RequestObserver {
  /** A request has begun; what is returned is called once, when it has ended. */
  begin(): (request: EndedRequest) => void;
}
