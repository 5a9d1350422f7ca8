/**
 * The end of a shutdown that does not end by itself.
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
import { SHUTDOWN_GRACE } from "./application/limits.ts";
import type { PendingWork } from "./application/pending_work.ts";

/** What `setTimeout` takes; it elapses at once for more. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Forces an end upon connections and work, `timeout` milliseconds from now. */
export class ShutdownDeadline {
  readonly #timeout: number;
  readonly #connections: ReadonlySet<Connection>;
  readonly #pending: PendingWork;
  readonly #onExpired: (lost?: FastCgiError) => void;
  readonly #reason: DOMException;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param connections What is to be closed then.
   * @param pending What is not waited for any longer then.
   * @param onExpired Hears when nothing is waited for any longer, and what was lost with that, if
   * anything.
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

  /** Everything has ended in time. */
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
 * Ends what is left on a connection, in this order, for each step is about what the one before it
 * leaves: requests without an answer get 503; those that have begun one are lost, each for its
 * handler; if there was any, the web server is shown that answers broke off.
 */
function forceEnd(connection: Connection, reason: DOMException): void {
  for (const exchange of connection.requests.all) {
    if (!exchange.isResponding) reject(exchange, { status: 503, reason: reason.message });
  }
  const broken = connection.requests.all;
  for (const exchange of broken) exchange.connectionLost(reason);
  if (broken.length > 0) connection.abortWire();
}
