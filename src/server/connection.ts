/**
 * One connection: records in, exchanges side by side, records out.
 *
 * The engine is pushed: whoever has the bytes calls {@link Connection.receive}, and what is to be sent goes to
 * {@link Transport.write} at once. So a socket's callbacks can drive it without a stream in between, and so can a pair
 * of Web Streams; both get the same behaviour.
 *
 * A chunk is read to its end before a handler starts: a small body that came along is then already there.
 */
import { decodeBeginRequest } from "../protocol/bodies.ts";
import { FCGI_KEEP_CONN, RecordType } from "../protocol/constants.ts";
import { fatalPeerError } from "../protocol/errors.ts";
import { answerManagement } from "../protocol/management.ts";
import { encodeRecord, type FastCgiRecord, INVALID_RECORD } from "../protocol/record.ts";
import { RecordDecoder } from "../protocol/record_decoder.ts";
import { abortError } from "./abort_error.ts";
import { Exchange } from "./exchange.ts";
import { handleRequest, reject } from "./handle_request.ts";
import { LINGER_TIMEOUT, PROBE_INTERVAL } from "./limits.ts";
import type { BodyFlow } from "./request_body.ts";
import type { Service } from "./service.ts";
import type { Transport } from "./transport.ts";
import { encodeUnknownRole } from "./unknown_role.ts";

/**
 * - `open`: records are read
 * - `draining`: the same, but the connection ends as soon as no request is left
 * - `ending`: our end is on its way, behind what was written; what still comes is dropped
 * - `lingering`: our end is out; the peer's is awaited
 * - `closed`: both sides are
 */
type ConnectionState = "open" | "draining" | "ending" | "lingering" | "closed";

/** The engine of one connection. Its methods are the events of a transport; none of them throws. */
export class Connection implements BodyFlow {
  readonly service: Service;
  readonly #transport: Transport;
  readonly #decoder = new RecordDecoder();
  readonly #exchanges = new Map<number, Exchange>();
  #state: ConnectionState = "open";
  #peerEnded = false;
  /** Exchanges whose parameters ended in the chunk at hand. */
  #ready: Exchange[] = [];
  /** Request bodies that wait for their handler. */
  #fullBodies = 0;
  #writable: PromiseWithResolvers<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(transport: Transport, service: Service) {
    this.#transport = transport;
    this.service = service;
  }

  /** Bytes have come; they belong to the connection from now on. */
  receive(chunk: Uint8Array): void {
    if (this.#peerEnded) return;
    const failure = this.#readRecords(chunk);
    if (this.#ready.length > 0) {
      const ready = this.#ready;
      this.#ready = [];
      for (const exchange of ready) handleRequest(exchange);
    }
    if (failure !== undefined) {
      // What follows cannot be understood; what came before is answered.
      this.service.report(failure);
      this.#inputEnded("The web server broke the protocol");
    }
  }

  /** The peer has closed its sending side: it has gone, or it only has no more to say. */
  receiveEnd(): void {
    this.#inputEnded("The web server closed the connection");
  }

  /** The transport takes bytes again. */
  drained(): void {
    this.#writable?.resolve();
    this.#writable = undefined;
  }

  /** The transport has closed both sides, of itself or because it was asked to. */
  closed(reason?: unknown): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#timer);
    for (const exchange of [...this.#exchanges.values()]) exchange.connectionLost(reason);
    this.#exchanges.clear();
    this.drained();
    this.#transport.destroy();
    this.service.connectionClosed(this);
  }

  /** Closes the connection as soon as no request is left on it. */
  drain(): void {
    if (this.#state === "open") this.#state = "draining";
    this.#endIfDone();
  }

  /** Sends bytes. `false` means: wait for {@link writable} before the next. */
  write(bytes: Uint8Array): boolean {
    return this.#isOpen ? this.#transport.write(bytes) : true;
  }

  /** Resolves when the transport takes bytes again, or never will. */
  writable(): Promise<void> {
    if (!this.#isOpen) return Promise.resolve();
    this.#writable ??= Promise.withResolvers();
    return this.#writable.promise;
  }

  /** Whether `exchange` is the only request of the connection, so that breaking the connection breaks no other. */
  isAlone(exchange: Exchange): boolean {
    return this.#exchanges.size === 1 && this.#exchanges.get(exchange.id) === exchange;
  }

  /** An exchange has sent its END_REQUEST, or was given up; its id may come again. */
  exchangeEnded(exchange: Exchange): void {
    if (this.#exchanges.get(exchange.id) === exchange) this.#exchanges.delete(exchange.id);
    // Without FCGI_KEEP_CONN the application closes (section 3.5), and nginx holds the response back until it does.
    if (!exchange.keepConnection && this.#state === "open") this.#state = "draining";
    this.#endIfDone();
  }

  /** Makes the web server see that the response broke off: an invalid record, then the end of the connection. */
  breakOff(): void {
    this.write(INVALID_RECORD.slice());
    this.#exchanges.clear();
    this.#end();
  }

  bodyFull(): void {
    if (this.#fullBodies++ === 0) this.#transport.pause();
  }

  bodyRoom(): void {
    if (--this.#fullBodies === 0 && this.#state !== "closed") this.#transport.resume();
  }

  /** Whether records are read and written. */
  get #isOpen(): boolean {
    return this.#state === "open" || this.#state === "draining";
  }

  #readRecords(chunk: Uint8Array): unknown {
    try {
      if (this.#isOpen) this.#decoder.push(chunk);
      while (this.#isOpen) {
        const record = this.#decoder.next();
        if (record === undefined) break;
        this.#receiveRecord(record);
      }
      return undefined;
    } catch (error) {
      return error;
    }
  }

  #receiveRecord(record: FastCgiRecord): void {
    const { type, requestId, content } = record;
    switch (type) {
      case RecordType.BEGIN_REQUEST:
        return this.#begin(requestId, content);
      case RecordType.PARAMS:
      case RecordType.STDIN:
      case RecordType.DATA:
        return this.#receiveStream(type, requestId, content);
      case RecordType.ABORT_REQUEST:
        return this.#exchanges.get(requestId)?.abort();
      default: {
        const answer = answerManagement(record, this.service.managementValues);
        if (answer !== undefined) this.write(answer);
      }
    }
  }

  #begin(requestId: number, content: Uint8Array): void {
    const { role, flags } = decodeBeginRequest(content);
    if (requestId === 0) {
      throw fatalPeerError("bad_request_id", "Cannot begin a request: its id is 0");
    }
    // An id that is in use cannot be refused: the refusal would end the request that has it.
    if (this.#exchanges.has(requestId)) return;
    const keepConnection = (flags & FCGI_KEEP_CONN) !== 0;
    const name = this.service.roles.get(role);
    if (name === undefined) {
      this.write(encodeUnknownRole(requestId, role));
      if (!keepConnection) this.drain();
      return;
    }
    const exchange = new Exchange(this, requestId, name, keepConnection);
    this.#exchanges.set(requestId, exchange);
    if (this.#exchanges.size > this.service.options.maxRequestsPerConnection) {
      reject(exchange, { status: 503, reason: "Too many requests on one connection" });
    }
  }

  /** Records of a request that has ended, or never began, are late or lost, and no reason to disturb the others. */
  #receiveStream(type: number, requestId: number, content: Uint8Array): void {
    const exchange = this.#exchanges.get(requestId);
    if (exchange === undefined) return;
    const rejection = exchange.receive(type, content);
    if (rejection !== undefined) reject(exchange, rejection);
    else if (type === RecordType.PARAMS && exchange.isReady) this.#ready.push(exchange);
  }

  #inputEnded(message: string): void {
    if (this.#peerEnded || this.#state === "closed") return;
    this.#peerEnded = true;
    if (this.#state === "lingering") return this.closed();
    if (this.#exchanges.size > 0) {
      const reason = abortError(message);
      for (const exchange of [...this.#exchanges.values()]) exchange.peerEnded(reason);
    }
    if (this.#exchanges.size > 0) this.#probeLater();
    else this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.#exchanges.size > 0 || !this.#isOpen) return;
    if (this.#state === "draining" || this.#peerEnded) this.#end();
  }

  /** Closes our side, then drops what still comes: closing both at once would reset the connection under the answer. */
  #end(): void {
    if (!this.#isOpen) return;
    this.#state = "ending";
    clearTimeout(this.#timer);
    this.#transport.end(() => {
      if (this.#state !== "ending") return;
      if (this.#peerEnded) return this.closed();
      this.#state = "lingering";
      this.#timer = setTimeout(() => this.closed(), LINGER_TIMEOUT);
    });
  }

  /**
   * After the peer's end only a write can tell a peer that listens on from one that has gone. Responses write as they
   * go; one that is silent would keep its body for ever, so its connection gets an empty STDERR record now and then.
   */
  #probeLater(): void {
    this.#timer = setTimeout(() => {
      for (const exchange of this.#exchanges.values()) {
        if (exchange.isResponding) this.write(encodeRecord(RecordType.STDERR, exchange.id));
      }
      if (this.#isOpen) this.#probeLater();
    }, PROBE_INTERVAL);
  }
}
