/** The requests of one connection: dispatches records by request id, and starts the handlers. */
import { decodeBeginRequest } from "../../protocol/bodies.ts";
import { FCGI_KEEP_CONN, RecordType } from "../../protocol/constants.ts";
import { fatalPeerError } from "../../protocol/errors.ts";
import type { FastCgiRecord } from "../../protocol/record.ts";
import { admit } from "./admission.ts";
import { reject } from "../exchange/answer.ts";
import type { SharedBodyFlow } from "./body_flow.ts";
import { Exchange, type ExchangeConnection } from "../exchange/exchange.ts";
import { handleRequest } from "../exchange/handle_request.ts";
import { type Expected, PendingInput } from "./pending_input.ts";
import { encodeUnknownRole } from "./unknown_role.ts";

// As loaded: applications replace the global.
const { Map } = globalThis;

/** The connection as its requests need it. */
export interface RequestsConnection extends ExchangeConnection {
  readonly bodies: SharedBodyFlow;
  /** Whether the connection exceeds `maxConnections`: its requests are refused. */
  readonly isRefused: boolean;
  /** A request has begun on this connection. */
  requestBegins(): void;
  /** Closes the connection as soon as no request is left on it. */
  endWhenDone(): void;
}

/** The requests in flight on a connection, by id. */
export class Requests {
  readonly #connection: RequestsConnection;
  readonly #exchanges = new Map<number, Exchange>();
  readonly #pendingInput = new PendingInput();
  /** Exchanges whose parameters ended in the current chunk. */
  #ready: Exchange[] = [];
  /**
   * Ended requests whose handlers still run: they still count, so no other may take their place.
   */
  #leftBehind = 0;

  constructor(connection: RequestsConnection) {
    this.#connection = connection;
  }

  /** The number of requests in flight. */
  get size(): number {
    return this.#exchanges.size;
  }

  /** A snapshot of all requests in flight, safe to iterate while they end. */
  get all(): readonly Exchange[] {
    return [...this.#exchanges.values()];
  }

  /** Whether there are several requests in flight. */
  get isShared(): boolean {
    return this.#exchanges.size > 1;
  }

  /** Whether `exchange` is the only one, so that breaking the connection breaks no other. */
  isAlone(exchange: Exchange): boolean {
    return this.#exchanges.size === 1 && this.#exchanges.get(exchange.id) === exchange;
  }

  /** The input that the peer may still send for ended requests. */
  get expected(): Expected {
    return this.#pendingInput.expected;
  }

  /**
   * Takes a record; returns `false` if its type is not one of a request's. Records of a request
   * that has ended or never began are late or lost; they are ignored, for the sake of the other
   * requests.
   *
   * @throws {FastCgiError} If it is an invalid BEGIN_REQUEST.
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

  /** Takes a record that comes too late for an answer. */
  drop(record: FastCgiRecord): void {
    this.#pendingInput.drop(record);
  }

  /** Starts the handlers, after a chunk has been read to its end. */
  chunkEnded(): void {
    if (this.#ready.length > 0) {
      const ready = this.#ready;
      this.#ready = [];
      const { run } = this.#connection.application;
      for (const exchange of ready) run(handleRequest, exchange);
    }
    this.#connection.bodies.watch(this);
  }

  /** Removes a request that has ended; its id may be reused. */
  delete(exchange: Exchange): void {
    if (this.#exchanges.get(exchange.id) !== exchange) return;
    this.#exchanges.delete(exchange.id);
    this.#pendingInput.end(exchange);
    this.#leave(exchange);
  }

  /** Removes all requests. */
  clear(): void {
    for (const exchange of this.all) {
      this.#pendingInput.end(exchange);
      this.#leave(exchange);
    }
    this.#exchanges.clear();
    this.#connection.bodies.stop();
  }

  /** The handler of an ended request has started, or has settled; until then the request counts. */
  handlerLeftBehind(isAtWork: boolean): void {
    const change = isAtWork ? 1 : -1;
    this.#leftBehind += change;
    this.#connection.application.requestsInFlight += change;
  }

  #begin(requestId: number, content: Uint8Array): void {
    const connection = this.#connection;
    const { role, flags } = decodeBeginRequest(content);
    if (requestId === 0) {
      throw fatalPeerError("bad_request_id", "Cannot begin a request: its id is 0");
    }
    // A BEGIN_REQUEST with an id in use cannot be refused: the refusal would end the request that
    // has the id.
    if (this.#exchanges.has(requestId)) return;
    connection.requestBegins();
    const isKept = (flags & FCGI_KEEP_CONN) !== 0;
    this.#pendingInput.begin(requestId, isKept);
    const keepConnection = isKept && !connection.isRefused;
    const { application } = connection;
    const name = application.roles.get(role);
    if (name === undefined) {
      connection.write(encodeUnknownRole(requestId));
      this.#pendingInput.refuse(requestId);
      if (!keepConnection) connection.endWhenDone();
      return;
    }
    const exchange = new Exchange(connection, requestId, name, keepConnection);
    this.#exchanges.set(requestId, exchange);
    application.requestBegins();
    if (application.options.maxRequestsPerConnection > 1 && (keepConnection || this.isShared)) {
      connection.bodies.share();
    }
    const refusal = admit(application, {
      isRefused: connection.isRefused,
      inFlight: this.#exchanges.size,
      leftBehind: this.#leftBehind,
    });
    if (refusal !== undefined) reject(exchange, refusal.rejection, refusal.endRequest);
  }

  /**
   * Updates the counts after a request has ended. While its handler runs it still counts: a peer
   * that resets or aborts requests must not get more handlers by that.
   */
  #leave(exchange: Exchange): void {
    if (exchange.isHandled) this.#leftBehind++;
    else this.#connection.application.requestsInFlight--;
  }

  #receiveStream(record: FastCgiRecord): void {
    const { type, requestId, content } = record;
    const exchange = this.#exchanges.get(requestId);
    if (exchange === undefined) return this.drop(record);
    const rejection = exchange.receive(type, content);
    if (rejection !== undefined) reject(exchange, rejection);
    else if (type === RecordType.PARAMS && exchange.state === "ready") this.#ready.push(exchange);
  }
}
