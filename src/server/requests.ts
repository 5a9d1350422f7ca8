/**
 * The requests of one connection: records go to the one that has their id.
 *
 * They share the connection's reading, so a body that its handler does not read must not stop it too soon. Bodies are
 * kept up to a limit each. Where no other request can come (no FCGI_KEEP_CONN, or multiplexing refused) that is one
 * record's worth; elsewhere it is `maxBufferedBodyBytes`, and from the first request on, for the second would stand
 * unseen behind a body that is not read. Past the limit the connection is not read until the handler reads on, or has
 * read nothing for so long that it is given up for the others: never when there are none. (There may be some that are not
 * seen, behind more of a body than the limit. They wait: nobody can tell them from more of it.)
 */
import { decodeBeginRequest } from "../protocol/bodies.ts";
import { FCGI_KEEP_CONN, RecordType } from "../protocol/constants.ts";
import { fatalPeerError } from "../protocol/errors.ts";
import type { FastCgiRecord } from "../protocol/record.ts";
import type { Connection } from "./connection.ts";
import { Exchange } from "./exchange.ts";
import { handleRequest, reject } from "./handle_request.ts";
import { BODY_HIGH_WATER_MARK, STALL_TIMEOUT } from "./limits.ts";
import { refusalOf } from "./refusal.ts";
import type { RunInContext } from "./run_in_context.ts";
import { encodeUnknownRole } from "./unknown_role.ts";
import { type Expected, PendingInput } from "./pending_input.ts";
import type { BodyFlow } from "./request_body.ts";
import { giveUpStalled } from "./stalled.ts";

/** The requests in flight on a connection, by id. */
export class Requests implements BodyFlow {
  readonly #connection: Connection;
  readonly #exchanges = new Map<number, Exchange>();
  /** How to call what the application wrote. */
  readonly run: RunInContext;
  readonly #pendingInput = new PendingInput();
  /** Exchanges whose parameters ended in the chunk at hand. */
  #ready: Exchange[] = [];
  /** Whether other requests may come while one is in flight. */
  #mayBeShared = false;
  /** Requests that have ended while their handlers run on: nobody else may take their place yet. */
  #leftBehind = 0;
  /** Request bodies that wait for their handler. */
  #fullBodies = 0;
  #stallTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.run = connection.service.runInContext;
  }

  /** How many there are. */
  get size(): number {
    return this.#exchanges.size;
  }

  /** All of them, whatever becomes of them meanwhile. */
  get all(): readonly Exchange[] {
    return [...this.#exchanges.values()];
  }

  get isShared(): boolean {
    return this.#exchanges.size > 1;
  }

  get bodyLimit(): number {
    const { maxBufferedBodyBytes } = this.#connection.service.options;
    return this.#mayBeShared
      ? maxBufferedBodyBytes
      : Math.min(maxBufferedBodyBytes, BODY_HIGH_WATER_MARK);
  }

  /** Whether `exchange` is the only one, so that breaking the connection breaks no other. */
  isAlone(exchange: Exchange): boolean {
    return this.#exchanges.size === 1 && this.#exchanges.get(exchange.id) === exchange;
  }

  /** What may still come of the peer. */
  get expected(): Expected {
    return this.#pendingInput.expected;
  }

  /**
   * Takes a record; `false` if it is none of a request. Those of a request that has ended, or never began, are late or
   * lost, and no reason to disturb the others.
   *
   * @throws {FastCgiError} If it is a BEGIN_REQUEST that cannot be one.
   */
  receive(record: FastCgiRecord): boolean {
    const { type, requestId, content } = record;
    switch (type) {
      case RecordType.BEGIN_REQUEST:
        this.#begin(requestId, content);
        return true;
      case RecordType.PARAMS:
      case RecordType.STDIN:
      case RecordType.DATA:
        this.#receiveStream(record);
        return true;
      case RecordType.ABORT_REQUEST:
        this.#exchanges.get(requestId)?.abort();
        return true;
      default:
        return false;
    }
  }

  /** Takes a record that comes too late to be answered. */
  drop(record: FastCgiRecord): void {
    this.#pendingInput.drop(record);
  }

  /** A chunk has been read to its end: handlers may start. */
  chunkEnded(): void {
    if (this.#ready.length > 0) {
      const ready = this.#ready;
      this.#ready = [];
      for (const exchange of ready) this.run(handleRequest, exchange);
    }
    if (this.#fullBodies > 0) this.#watchStalled();
  }

  /** Forgets one that has ended; its id may come again. */
  delete(exchange: Exchange): void {
    if (this.#exchanges.get(exchange.id) !== exchange) return;
    this.#exchanges.delete(exchange.id);
    this.#pendingInput.end(exchange);
    this.#leave(exchange);
  }

  /** Forgets all. */
  clear(): void {
    for (const exchange of this.all) {
      this.#pendingInput.end(exchange);
      this.#leave(exchange);
    }
    this.#exchanges.clear();
    clearTimeout(this.#stallTimer);
  }

  /** The code of the application that is to answer is under way, or has settled. */
  setHandled(exchange: Exchange, isHandled: boolean): void {
    if (exchange.isHandled === isHandled) return;
    exchange.isHandled = isHandled;
    if (!exchange.isEnded) return;
    const change = isHandled ? 1 : -1;
    this.#leftBehind += change;
    this.#connection.service.requestsInFlight += change;
  }

  bodyFull(): void {
    if (this.#fullBodies++ === 0) this.#connection.reading.hold();
  }

  bodyRoom(): void {
    if (--this.#fullBodies > 0) return;
    clearTimeout(this.#stallTimer);
    this.#stallTimer = undefined;
    this.#connection.reading.release();
  }

  #begin(requestId: number, content: Uint8Array): void {
    const connection = this.#connection;
    const { role, flags } = decodeBeginRequest(content);
    if (requestId === 0) {
      throw fatalPeerError("bad_request_id", "Cannot begin a request: its id is 0");
    }
    // An id that is in use cannot be refused: the refusal would end the request that has it.
    if (this.#exchanges.has(requestId)) return;
    connection.requestBegins();
    const isKept = (flags & FCGI_KEEP_CONN) !== 0;
    this.#pendingInput.begin(requestId, isKept);
    const keepConnection = isKept && !connection.isRefused;
    const { roles, options } = connection.service;
    const name = roles.get(role);
    if (name === undefined) {
      connection.write(encodeUnknownRole(requestId));
      this.#pendingInput.refuse(requestId);
      if (!keepConnection) connection.endWhenDone();
      return;
    }
    const exchange = new Exchange(connection, requestId, name, keepConnection);
    this.#exchanges.set(requestId, exchange);
    connection.service.requestsInFlight++;
    this.#mayBeShared ||= options.maxRequestsPerConnection > 1 && (keepConnection || this.isShared);
    const refusal = refusalOf(exchange, this.#exchanges.size, this.#leftBehind);
    if (refusal !== undefined) reject(exchange, refusal);
  }

  /** One has ended. Whoever resets or aborts what they ask must not have more handlers for it. */
  #leave(exchange: Exchange): void {
    if (exchange.isHandled) this.#leftBehind++;
    else this.#connection.service.requestsInFlight--;
  }

  #receiveStream(record: FastCgiRecord): void {
    const { type, requestId, content } = record;
    const exchange = this.#exchanges.get(requestId);
    if (exchange === undefined) return this.drop(record);
    const rejection = exchange.receive(type, content);
    if (rejection !== undefined) reject(exchange, rejection);
    else if (type === RecordType.PARAMS && exchange.state === "ready") this.#ready.push(exchange);
  }

  /** While a body is full nobody is read: looks whether its handler reads, if others wait. */
  #watchStalled(): void {
    if (!this.isShared) return;
    this.#stallTimer ??= setTimeout(() => {
      this.#stallTimer = undefined;
      // A handler cannot go on either while the peer does not read what is written.
      if (this.isShared && !this.#connection.output.isAwaited) giveUpStalled(this.all);
      if (this.#fullBodies > 0) this.#watchStalled();
    }, STALL_TIMEOUT);
  }
}
