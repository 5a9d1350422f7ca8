/**
 * Flow control of the request bodies on one connection, which share its input: a body that its
 * handler does not read must not block the others too soon (head-of-line blocking).
 *
 * Each body is buffered up to a high-water mark. Where no other request can come (no
 * FCGI_KEEP_CONN, or multiplexing refused) that is the size of one record; elsewhere it is
 * `maxBufferedBodyBytes`, and from the first request on, since the second would be stuck unseen
 * behind an unread body. Beyond the mark the connection is not read until the handler reads on.
 * While that handler reads, even slowly, the other requests wait; if it has read nothing for
 * {@link STALL_TIMEOUT}, it is given up for their sake, but never when there are none. (Some may be
 * unseen, behind more of a body than the mark. They wait: they cannot be distinguished from more of
 * that body.)
 */
import { applicationError } from "../../protocol/errors.ts";
import { reject } from "../exchange/answer.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { BODY_HIGH_WATER_MARK } from "../exchange/request_body.ts";
import type { Output } from "./output.ts";
import type { ReadGate } from "./read_gate.ts";
import type { BodyFlow } from "../exchange/request_body.ts";

/**
 * How long a handler may read nothing of a full body while other requests share the connection, in
 * milliseconds; then its request is given up. Web servers and their clients wait longer for a
 * response (HAProxy's examples: 5 to 50 s), so the other requests are still alive.
 */
const STALL_TIMEOUT = 2_000;

const REASON = `The body was not read for ${STALL_TIMEOUT} ms while other requests waited`;

/** Flow control of all bodies on a connection. */
export class SharedBodyFlow implements BodyFlow {
  readonly #maxBufferedBytes: number;
  readonly #reading: ReadGate;
  readonly #output: Output;
  /** Whether other requests may arrive while one is in flight. */
  #mayBeShared = false;
  /** Bodies at their high-water mark. */
  #full = 0;
  #stallTimer: ReturnType<typeof setTimeout> | undefined;

  /** @param maxBufferedBytes The option `maxBufferedBodyBytes`. */
  constructor(maxBufferedBytes: number, reading: ReadGate, output: Output) {
    this.#maxBufferedBytes = maxBufferedBytes;
    this.#reading = reading;
    this.#output = output;
  }

  get bodyLimit(): number {
    return this.#mayBeShared
      ? this.#maxBufferedBytes
      : Math.min(this.#maxBufferedBytes, BODY_HIGH_WATER_MARK);
  }

  /** Raises the high-water mark: from now on other requests may arrive while one is in flight. */
  share(): void {
    this.#mayBeShared = true;
  }

  bodyFull(): void {
    if (this.#full++ === 0) this.#reading.hold();
  }

  bodyRoom(): void {
    if (--this.#full > 0) return;
    this.stop();
    this.#reading.release();
  }

  /**
   * Starts the stall timer, which checks whether handlers read, while a body is full and others
   * wait.
   */
  watch(requests: { readonly all: readonly Exchange[]; readonly isShared: boolean }): void {
    if (this.#full === 0 || !requests.isShared) return;
    this.#stallTimer ??= setTimeout(() => {
      this.#stallTimer = undefined;
      // A handler makes no progress either while the peer does not read its response.
      if (requests.isShared && !this.#output.isAwaited) requests.all.forEach(giveUpIfStalled);
      this.watch(requests);
    }, STALL_TIMEOUT);
  }

  /** Stops the stall timer. */
  stop(): void {
    clearTimeout(this.#stallTimer);
    this.#stallTimer = undefined;
  }
}

/**
 * Gives up a request whose handler has read nothing of a full body since the last check: the body
 * errors, the rest of it is discarded, and the answer is 503, unless a response has begun, which
 * may go on.
 */
function giveUpIfStalled(exchange: Exchange): void {
  if (!exchange.input.hasStalledBody()) return;
  exchange.log(REASON);
  reject(exchange, { status: 503, reason: REASON });
  exchange.application.report(
    applicationError("body_unread", `Cannot wait for a handler any longer: ${REASON}`),
    exchange.errorContext,
  );
}
