/** What a supervisor has outside of itself, and how it ends. */
import type { ToSupervisor, ToWorker } from "./messages.ts";
import type { Ending } from "./plan_events.ts";

/** A worker's process, as the supervisor needs it. */
export interface ChildHandle {
  readonly pid: number | undefined;
  send(message: ToWorker): void;
  kill(): void;
}

/** What a process says to the supervisor. */
export interface ChildEvents {
  message(message: ToSupervisor): void;
  exit(how: Ending): void;
}

/** What a supervisor has outside of itself. */
export interface SupervisorHost {
  /** Milliseconds, from any beginning. */
  now(): number;
  random(): number;
  /** Starts a worker, for this slot. */
  spawn(slot: number, events: ChildEvents): ChildHandle;
  /**
   * Lets clients in: the first worker is ready.
   *
   * @throws {Error} If that is impossible.
   */
  open(): Promise<void>;
  /** Lets nobody in any more: whoever comes now must not wait until the last answer is given. */
  close(): void;
  /** How many connections wait to be accepted, if that is known. */
  listenQueue(): number | null;
  log(line: string): void;
}

/** How all ended. */
export type Outcome = "stopped" | "killed" | "not loaded" | "failed";
