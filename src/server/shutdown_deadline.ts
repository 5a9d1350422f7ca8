/**
 * Forces the end of a shutdown that takes longer than `shutdownTimeout`.
 *
 * ```text
 * shutdown ── timeout ──► request.signal aborts
 *                              └── grace ──► 503, or the answer breaks off
 *                                                └── grace ──► connections destroyed
 * ```
 */
import { FastCgiError } from "../protocol/errors.ts";
import { abortError } from "./exchange/abort_error.ts";
import { reject } from "./exchange/answer.ts";
import type { Connection } from "./connection/connection.ts";
import type { PendingWork } from "./application/pending_work.ts";

/**
 * Grace period after that, in milliseconds, used twice: handlers whose `request.signal` has aborted
 * may still answer, then the ends of responses that break off may still be sent.
 */
const SHUTDOWN_GRACE = 400;

/** The longest delay of `setTimeout`; a longer one fires at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Ends connections and pending work by force, `timeout` milliseconds from now. */
export class ShutdownDeadline {
  readonly #timeout: number;
  readonly #connections: ReadonlySet<Connection>;
  readonly #pending: PendingWork;
  readonly #onExpired: (lost?: FastCgiError) => void;
  readonly #reason: DOMException;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param connections The connections to close then.
   * @param pending The work that is no longer waited for then.
   * @param onExpired Called when nothing is waited for any longer, with an error if requests or
   * promises were lost.
   */
  constructor(
    timeout: number,
    connections: ReadonlySet<Connection>,
    pending: PendingWork,
    onExpired: (lost?: FastCgiError) => void,
  ) {
    this.#timeout = timeout;
    this.#connections = connections;
    this.#pending = pending;
    this.#onExpired = onExpired;
    this.#reason = abortError(`The server shuts down and has waited for ${timeout} ms`);
    if (timeout > 0 && timeout <= LONGEST_TIMER) this.#next(timeout, () => this.#abort());
  }

  /** Cancels the deadline: everything has ended in time. */
  clear(): void {
    clearTimeout(this.#timer);
  }

  #abort(): void {
    for (const { requests } of [...this.#connections]) {
      for (const exchange of requests.all) exchange.abortSignal(this.#reason);
    }
    this.#next(SHUTDOWN_GRACE, () => this.#forceEnd());
  }

  #forceEnd(): void {
    const connections = [...this.#connections];
    const requests = connections.reduce((count, { requests: { size } }) => count + size, 0);
    for (const connection of connections) forceEnd(connection, this.#reason);
    this.#next(SHUTDOWN_GRACE, () => this.#destroy());
    const promises = this.#pending.size;
    this.#pending.clear();
    this.#onExpired(requests + promises > 0 ? this.#lost(requests, promises) : undefined);
  }

  #destroy(): void {
    for (const connection of [...this.#connections]) connection.destroy(this.#reason);
  }

  #lost(requests: number, promises: number): FastCgiError {
    const what = `${requests} requests and ${promises} promises of waitUntil`;
    const message = `Cannot wait any longer for ${what}: ${this.#reason.message}`;
    return new FastCgiError("timed_out", message, {
      fault: "application",
      connectionSurvives: false,
    });
  }

  #next(delay: number, step: () => void): void {
    this.#timer = setTimeout(step, delay);
  }
}

/**
 * Ends the requests on a connection. The order matters, since each step takes the requests that the
 * previous one leaves: requests without a response get 503; responses that have begun are lost, and
 * each handler is told; if there was any, the truncation is signalled to the web server.
 */
function forceEnd(connection: Connection, reason: DOMException): void {
  for (const exchange of connection.requests.all) {
    if (!exchange.isResponding) reject(exchange, { status: 503, reason: reason.message });
  }
  const broken = connection.requests.all;
  for (const exchange of broken) exchange.connectionLost(reason);
  if (broken.length > 0) connection.abortWire();
}
