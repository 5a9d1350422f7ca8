/** What a {@link Plan} is told, and what it wants done. */

/** Times in milliseconds; 0 is never. */
export interface PlanOptions {
  /** The number of workers. */
  readonly workers: number;
  /** The longest time until a worker is ready. */
  readonly startTimeout: number;
  /** The longest time in which a worker finishes its requests. */
  readonly stopTimeout: number;
  /** The longest time without an answer to a ping. */
  readonly hangTimeout: number;
}

/** What happens to a supervisor. */
export type PlanEvent =
  | { type: "start" }
  /** A worker has loaded the application, and listens. */
  | { type: "ready"; worker: number }
  /** A worker is there: it has answered a ping. */
  | { type: "pong"; worker: number }
  /** A worker that drains accepts no more connections. */
  | { type: "closed"; worker: number }
  /** A worker asks to be replaced. */
  | { type: "retire"; worker: number; why: string }
  /** A worker has ended. */
  | { type: "exit"; worker: number; how: Ending }
  /** Somebody wants a reload: through this worker, which answers when it is over. */
  | { type: "reload"; worker?: number }
  | { type: "stop" | "more" | "fewer" }
  /** A moment has come that {@link Plan.wakeAt} named. */
  | { type: "time" };

/** How a process has ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
}

/** What a supervisor is to do. */
export type Action =
  | { do: "spawn"; worker: number; slot: number; generation: number; replaces: boolean }
  | { do: "drain" | "kill" | "ping"; worker: number }
  /** The first worker is ready: clients may come. */
  | { do: "open" }
  /** The end has begun: clients are to go elsewhere. */
  | { do: "close" }
  /** A line for the log; about a worker, if it names one. */
  | { do: "log"; line: string; worker?: number; slot?: number }
  /** A reload has ended; with a text, if it has failed. */
  | { do: "reloaded"; failure?: string }
  /** All is over. */
  | { do: "exit"; code: "stopped" | "killed" | "not loaded" | "failed" };
