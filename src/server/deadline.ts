/**
 * The end of a shutdown that does not end by itself.
 *
 * ```text
 * shutdown ──► timeout: request.signal aborts ──► grace: 503, or the answer breaks off ──► grace: connections destroyed
 * ```
 */
import { FastCgiError } from "../protocol/errors.ts";
import { abortError } from "./abort_error.ts";
import type { Connection } from "./connection.ts";
import { reject } from "./handle_request.ts";
import { SHUTDOWN_GRACE } from "./limits.ts";

/** What `setTimeout` takes; it elapses at once for more. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Forces an end upon connections and work, `timeout` milliseconds from now. */
export class Deadline {
  readonly #timeout: number;
  readonly #connections: ReadonlySet<Connection>;
  readonly #pending: ReadonlySet<unknown>;
  readonly #over: (error: FastCgiError) => void;
  readonly #reason: DOMException;
  #requests = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param connections What is to be closed then.
   * @param pending What is not waited for any longer then.
   * @param over Hears when all that is done, and what it was.
   */
  constructor(
    timeout: number,
    connections: ReadonlySet<Connection>,
    pending: ReadonlySet<unknown>,
    over: (error: FastCgiError) => void,
  ) {
    this.#timeout = timeout;
    this.#connections = connections;
    this.#pending = pending;
    this.#over = over;
    this.#reason = abortError(`The server shuts down and has waited for ${timeout} ms`);
    if (timeout > 0 && timeout <= LONGEST_TIMER) this.#next(timeout, () => this.#abort());
  }

  /** Everything has ended in time. */
  clear(): void {
    clearTimeout(this.#timer);
  }

  #abort(): void {
    for (const { requests } of this.#connections) {
      for (const exchange of requests.all) exchange.abortSignal(this.#reason);
    }
    this.#next(SHUTDOWN_GRACE, () => this.#breakOff());
  }

  #breakOff(): void {
    for (const connection of [...this.#connections]) {
      this.#requests += connection.requests.size;
      breakOff(connection, this.#reason);
    }
    this.#next(SHUTDOWN_GRACE, () => this.#destroy());
  }

  #destroy(): void {
    for (const connection of [...this.#connections]) connection.closed(this.#reason);
    const what = `${this.#requests} requests and ${this.#pending.size} promises of waitUntil`;
    this.#over(
      new FastCgiError("timed_out", `Cannot wait any longer for ${what}: ${this.#reason.message}`, {
        fault: "application",
        connectionSurvives: false,
      }),
    );
  }

  #next(delay: number, step: () => void): void {
    this.#timer = setTimeout(step, delay);
  }
}

/** Requests without an answer get 503, answers that have begun break off, and the connection ends. */
function breakOff(connection: Connection, reason: DOMException): void {
  for (const exchange of connection.requests.all) {
    if (!exchange.isResponding) reject(exchange, { status: 503, reason: reason.message });
  }
  const broken = connection.requests.all;
  for (const exchange of broken) exchange.connectionLost(reason);
  if (broken.length > 0) connection.breakOff();
  else connection.endWhenDone();
}
