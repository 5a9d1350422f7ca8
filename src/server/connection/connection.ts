/**
 * One connection: records in, exchanges side by side, records out.
 *
 * The engine is push-based: the owner of the bytes calls {@link Connection.receive}, and output
 * goes to {@link Transport.write} at once. So a socket's callbacks can drive it without a stream in
 * between, and so can a pair of Web Streams; both get the same behaviour.
 *
 * A chunk is read to its end before a handler starts: a small body in the same chunk is complete by
 * then.
 */
import { RecordType } from "../../protocol/constants.ts";
import { answerManagement } from "../../protocol/management.ts";
import { encodeRecord, type FastCgiRecord, INVALID_RECORD } from "../../protocol/record.ts";
import { RecordDecoder } from "../../protocol/record_decoder.ts";
import { abortError } from "../exchange/abort_error.ts";
import type { Application } from "../application/application.ts";
import { SharedBodyFlow } from "./body_flow.ts";
import type { ConnectionState, InputState } from "./connection_state.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { LastLook } from "./last_look.ts";
import { FIRST_REQUEST_TIMEOUT } from "../application/limits.ts";
import { Linger } from "./linger.ts";
import { Output } from "./output.ts";
import type { Expected } from "./pending_input.ts";
import { Probe } from "./probe.ts";
import { ReadGate } from "./read_gate.ts";
import { Requests, type RequestsConnection } from "./requests.ts";
import type { Transport } from "./transport.ts";

// As loaded: applications replace the global.
const { Promise } = globalThis;

/** Bodies are passed on as they come: a large record is not copied to become whole. */
const IN_PARTS = [RecordType.STDIN, RecordType.DATA];

/** The owner of several connections. */
export interface ConnectionOwner {
  /** Starts the clock: the connection may have a timeout from now on. */
  startTicking(): void;
  /** The connection is closed on both sides. */
  connectionClosed(connection: Connection): void;
}

/**
 * The engine of one connection.
 *
 * Its methods are of four kinds, in this order: events of the transport, of which none throws;
 * commands of its owner; queries; and callbacks of its requests.
 */
export class Connection implements RequestsConnection {
  readonly application: Application;
  readonly #owner: ConnectionOwner;
  readonly #transport: Transport;
  #decoder: RecordDecoder;
  readonly reading: ReadGate;
  readonly output: Output;
  readonly bodies: SharedBodyFlow;
  readonly requests: Requests;
  /** Whether the connection exceeds `maxConnections`: its requests are refused. */
  isRefused = false;
  #state: ConnectionState = "open";
  #input: InputState = "open";
  /** Whether nothing has begun yet. */
  #isFresh = true;
  /** Consecutive ticks for which a request has been awaited. */
  #ticks = 0;
  readonly #lastLook = new LastLook(() => this.#decoder.isPartial, () => this.#endIfDone());
  #linger: Linger | undefined;
  readonly #probe = new Probe(() => this.#sendProbe());

  constructor(transport: Transport, application: Application, owner: ConnectionOwner) {
    this.#transport = transport;
    this.#decoder = new RecordDecoder(IN_PARTS, transport.ownsChunks);
    this.application = application;
    this.#owner = owner;
    this.reading = new ReadGate(transport);
    this.output = new Output(transport, this.reading);
    const { maxBufferedBodyBytes } = application.options;
    this.bodies = new SharedBodyFlow(maxBufferedBodyBytes, this.reading, this.output);
    this.requests = new Requests(this);
  }

  // Events of the transport.

  /** Bytes have arrived; they belong to the connection from now on. */
  receive(chunk: Uint8Array): void {
    if (this.#input !== "open" || this.#state === "closed") return;
    this.#owner.startTicking();
    const failure = this.#readRecords(chunk);
    this.requests.chunkEnded();
    if (failure !== undefined) {
      // The rest of the input cannot be decoded; requests before it are answered.
      if (this.#isOpen) this.application.reportPeerFault(failure);
      this.#inputEnded("unreadable", "The web server broke the protocol");
    }
    if (this.#state === "lingering") this.#linger?.wait(this.#expected);
  }

  /** The peer has closed its sending side: it has gone, or it has half-closed the connection. */
  receiveEnd(): void {
    this.#inputEnded("ended", "The web server closed the connection");
    if (this.#state === "lingering") this.#linger?.wait(this.#expected);
  }

  /** The transport accepts bytes again. */
  drained(): void {
    this.output.drained();
  }

  /** The transport has closed both sides; `reason` is its error, if any. */
  closed(reason?: unknown): void {
    this.destroy(reason);
  }

  // Commands of its owner.

  /**
   * Drains the connection: closes it when no request is in flight or on its way. Input that has
   * arrived is read before, and a first request or the rest of a record is waited for, `patience`
   * milliseconds at most. Returns `false` if it is draining or ending already.
   */
  drain(patience = FIRST_REQUEST_TIMEOUT): boolean {
    if (this.#state !== "open") return false;
    this.#state = "draining";
    if (this.requests.size === 0) this.#lastLook.start(this.#isFresh ? patience : 0, patience);
    return true;
  }

  /** Answers 503 to the first request, then closes; closes after a while if none comes. */
  refuse(): void {
    this.isRefused = true;
    this.drain();
  }

  /** Closes the connection as soon as no request is left on it. */
  endWhenDone(): void {
    if (this.#state === "open") this.#state = "draining";
    this.#endIfDone();
  }

  /** Closes both sides at once; requests in flight fail with `reason`. */
  destroy(reason?: unknown): void {
    if (this.#state === "closed") return;
    this.#leave();
    for (const exchange of this.requests.all) exchange.connectionLost(reason);
    this.requests.clear();
    // Handlers that still run keep the connection alive in memory, but none of its buffered input.
    this.#decoder = new RecordDecoder();
    this.output.drained();
    this.#transport.destroy();
    this.#owner.connectionClosed(this);
  }

  // Queries.

  /** Whether requests are accepted, so that the connection counts towards `maxConnections`. */
  get isServing(): boolean {
    return this.#isOpen && !this.isRefused;
  }

  /**
   * Whether nothing is awaited except a next request, which may never come, or events with timers
   * of their own.
   */
  get isIdle(): boolean {
    return this.requests.size === 0 && !this.#awaitsRequest && !this.output.isBlocked;
  }

  /**
   * Counts a tick; returns the number of consecutive ticks for which a request has been awaited.
   */
  tick(): number {
    return this.#ticks = this.#awaitsRequest && !this.reading.isHeld ? this.#ticks + 1 : 0;
  }

  // Callbacks of its requests.

  /** A request has begun on this connection. */
  requestBegins(): void {
    this.#isFresh = false;
  }

  isAlone(exchange: Exchange): boolean {
    return this.requests.isAlone(exchange);
  }

  handlerLeftBehind(isAtWork: boolean): void {
    this.requests.handlerLeftBehind(isAtWork);
  }

  /**
   * Writes bytes, or several parts as one. `false` means: wait for {@link writable} before the
   * next.
   */
  write(bytes: Uint8Array | Uint8Array[]): boolean {
    return this.#isOpen ? this.output.write(bytes) : true;
  }

  /** Resolves when the transport accepts bytes again, or never will. */
  writable(): Promise<void> {
    return this.#isOpen ? this.output.writable() : Promise.resolve();
  }

  /** An exchange has sent its END_REQUEST, or was given up; its id may be reused. */
  exchangeEnded(exchange: Exchange): void {
    this.requests.delete(exchange);
    // Without FCGI_KEEP_CONN the application closes (section 3.5), and nginx delays the response
    // until it does.
    if (!exchange.keepConnection) this.endWhenDone();
    else this.#endIfDone();
  }

  /** Signals a truncated response to the web server: an invalid record, then the end. */
  abortWire(): void {
    this.write(INVALID_RECORD.slice());
    this.requests.clear();
    this.#end();
  }

  /** Whether `paramsTimeout` runs: nothing has begun yet, or a record is incomplete. */
  get #awaitsRequest(): boolean {
    if (this.#state !== "open" || this.requests.size > 0) return false;
    return this.#isFresh || this.#decoder.isPartial;
  }

  /** Whether records are still read and written. */
  get #isOpen(): boolean {
    return this.#state === "open" || this.#state === "draining";
  }

  /**
   * The input that the peer may still send: if it is nothing, a close does not reset the
   * connection.
   */
  get #expected(): Expected {
    if (this.#input === "ended") return "nothing";
    if (this.#input === "unreadable") return "anything";
    if (this.#decoder.isPartial) return "more";
    return this.requests.expected;
  }

  #readRecords(chunk: Uint8Array): unknown {
    try {
      this.#decoder.push(chunk);
      for (let record = this.#decoder.next(); record !== undefined; record = this.#decoder.next()) {
        if (!this.#isOpen) this.requests.drop(record);
        else if (!this.requests.receive(record)) this.#answer(record);
      }
      return undefined;
    } catch (error) {
      return error;
    }
  }

  #answer(record: FastCgiRecord): void {
    const answer = answerManagement(record, this.application.managementValues);
    if (answer !== undefined) this.write(answer);
  }

  #inputEnded(input: InputState, message: string): void {
    if (this.#state === "closed" || this.#input === "ended") return;
    const isKnown = this.#input !== "open";
    this.#input = input;
    if (isKnown || !this.#isOpen) return;
    if (this.requests.size > 0) {
      const reason = abortError(message);
      for (const exchange of this.requests.all) exchange.peerEnded(reason);
    }
    if (this.requests.size > 0) this.#probe.start();
    else this.#endIfDone();
  }

  /**
   * Probes the peer with an empty STDERR record for each response under way; returns whether the
   * connection is still open.
   */
  #sendProbe(): boolean {
    for (const exchange of this.requests.all) {
      if (exchange.isResponding) this.write(encodeRecord(RecordType.STDERR, exchange.id));
    }
    return this.#isOpen;
  }

  #endIfDone(): void {
    if (this.requests.size > 0 || !this.#isOpen) return;
    if (this.#state === "draining" || this.#input !== "open") this.#end();
  }

  /**
   * Closes the connection if nothing more can come. Else half-closes it, then lingers and discards
   * input: closing both sides at once would reset the connection, and the response with it.
   */
  #end(): void {
    if (!this.#isOpen) return;
    if (this.#expected === "nothing" && this.#transport.closeIfSent?.()) {
      this.#leave();
      this.#owner.connectionClosed(this);
      return;
    }
    this.#state = "ending";
    this.#lastLook.stop();
    this.#probe.stop();
    this.#owner.startTicking();
    this.output.end(() => {
      if (this.#state !== "ending") return;
      this.#state = "lingering";
      this.#linger = new Linger(() => this.destroy());
      this.#linger.wait(this.#expected);
    });
  }

  /** The transport is closed, or about to be: nothing is awaited any more. */
  #leave(): void {
    this.#state = "closed";
    this.reading.end();
    this.#lastLook.stop();
    this.#probe.stop();
    this.#linger?.stop();
  }
}
