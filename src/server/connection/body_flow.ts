/**
 * Flow control of the request bodies on one connection, which share its reading: a body that its
 * handler does not read must not stop the others too soon.
 *
 * Bodies are kept up to a limit each. Where no other request can come (no FCGI_KEEP_CONN, or
 * multiplexing refused) that is one record's worth; elsewhere it is `maxBufferedBodyBytes`, and
 * from the first request on, for the second would stand unseen behind a body that is not read. Past
 * the limit the connection is not read until the handler reads on. As long as that one reads, if
 * slowly, the others wait; if it has read nothing for {@link STALL_TIMEOUT} it is given up for
 * them: never when there are none. (There may be some that are not seen, behind more of a body than
 * the limit. They wait: nobody can tell them from more of it.)
 */
import { applicationError } from "../../protocol/errors.ts";
import { reject } from "../exchange/answer.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { BODY_HIGH_WATER_MARK, STALL_TIMEOUT } from "../application/limits.ts";
import type { Output } from "./output.ts";
import type { ReadGate } from "./read_gate.ts";
import type { BodyFlow } from "../exchange/request_body.ts";

const REASON = `The body was not read for ${STALL_TIMEOUT} ms while other requests waited`;

/** The flow of all bodies on a connection. */
export class SharedBodyFlow implements BodyFlow {
  readonly #maxBufferedBytes: number;
  readonly #reading: ReadGate;
  readonly #output: Output;
  /** Whether other requests may come while one is in flight. */
  #mayBeShared = false;
  /** Bodies that wait for their handler. */
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

  /** From now on other requests may come while one is in flight. */
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

  /** Looks from now on whether handlers read, while a body is full and others wait. */
  watch(requests: { readonly all: readonly Exchange[]; readonly isShared: boolean }): void {
    if (this.#full === 0 || !requests.isShared) return;
    this.#stallTimer ??= setTimeout(() => {
      this.#stallTimer = undefined;
      // A handler cannot go on either while the peer does not read what is written.
      if (requests.isShared && !this.#output.isAwaited) requests.all.forEach(giveUpIfStalled);
      this.watch(requests);
    }, STALL_TIMEOUT);
  }

  /** Looks no longer. */
  stop(): void {
    clearTimeout(this.#stallTimer);
    this.#stallTimer = undefined;
  }
}

/**
 * Gives up a request whose handler has read nothing of a full body since this was asked last: the
 * body fails, what still comes of it is dropped, and the answer is 503, unless there is one on its
 * way, which may go on.
 */
function giveUpIfStalled(exchange: Exchange): void {
  if (!exchange.input.hasStalledBody()) return;
  exchange.log(REASON);
  reject(exchange, { status: 503, reason: REASON });
  void exchange.application.reports.report(
    applicationError("body_unread", `Cannot wait for a handler any longer: ${REASON}`),
    exchange.errorContext,
  );
}
