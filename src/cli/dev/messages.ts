/** What `fcgi dev` and the process of the application say to each other. */
import type { ServeAddress } from "../../serve/options.ts";
import type { Failure } from "./failure.ts";

export type ToWorker =
  /** Stop accepting, answer what is in flight, and end. */
  { type: "drain" };

export type FromWorker =
  | { type: "ready"; address: ServeAddress }
  /** The application cannot be loaded; the process ends. */
  | { type: "failed"; failure: Failure };

/** Marks a response that is a {@link ReportedFailure}, as JSON. */
export const FAILURE_HEADER = "fcgi-dev-failure";

/** The error of a handler. */
export interface ReportedFailure extends Failure {
  /** The line on it in the web server's log, if the process itself has printed more. */
  readonly logLine?: string;
}
