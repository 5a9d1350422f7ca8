/**
 * One connection: records in, exchanges side by side, records out.
 *
 * The engine is pushed: whoever has the bytes calls {@link Connection.receive}, and what is to be
 * sent goes to {@link Transport.write} at once. So a socket's callbacks can drive it without a
 * stream in between, and so can a pair of Web Streams; both get the same behaviour.
 *
 * A chunk is read to its end before a handler starts: a small body that came along is then already
 * there.
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

/** Who keeps a connection among others. */
export interface ConnectionOwner {
  /** Something happens, after which the connection may have to be waited for. */
  startTicking(): void;
  /** The connection is closed on both sides. */
  connectionClosed(connection: Connection): void;
}

/**
 * The engine of one connection.
 *
 * Its methods are of four kinds, in this order: events of the transport, of which none throws;
 * commands of whoever keeps it; questions; and what its requests call.
 */
export class Connection implements RequestsConnection {
  readonly application: Application;
  readonly #owner: ConnectionOwner;
  readonly #transport: Transport;
  #decoder: RecordDecoder = new RecordDecoder();
  readonly reading: ReadGate;
  readonly output: Output;
  readonly bodies: SharedBodyFlow;
  readonly requests: Requests;
  /** Whether this is a connection too many: its requests are refused. */
  isRefused = false;
  #state: ConnectionState = "open";
  #input: InputState = "open";
  /** Whether nothing has begun yet. */
  #isFresh = true;
  /** Ticks that have passed without the request that is to come. */
  #ticks = 0;
  readonly #lastLook = new LastLook(() => this.#decoder.isPartial, () => this.#endIfDone());
  #linger: Linger | undefined;
  readonly #probe = new Probe(() => this.#sendProbe());

  constructor(transport: Transport, application: Application, owner: ConnectionOwner) {
    this.#transport = transport;
    this.application = application;
    this.#owner = owner;
    this.reading = new ReadGate(transport);
    this.output = new Output(transport, this.reading);
    const { maxBufferedBodyBytes } = application.options;
    this.bodies = new SharedBodyFlow(maxBufferedBodyBytes, this.reading, this.output);
    this.requests = new Requests(this);
  }

  // Events of the transport.

  /** Bytes have come; they belong to the connection from now on. */
  receive(chunk: Uint8Array): void {
    if (this.#input !== "open" || this.#state === "closed") return;
    this.#owner.startTicking();
    const failure = this.#readRecords(chunk);
    this.requests.chunkEnded();
    if (failure !== undefined) {
      // What follows cannot be understood; what came before is answered.
      if (this.#isOpen) {
        const { reports, run } = this.application;
        run((failure) => reports.reportPeerFault(failure), failure);
      }
      this.#inputEnded("unreadable", "The web server broke the protocol");
    }
    if (this.#state === "lingering") this.#linger?.wait(this.#expected);
  }

  /** The peer has closed its sending side: it has gone, or it only has no more to say. */
  receiveEnd(): void {
    this.#inputEnded("ended", "The web server closed the connection");
    if (this.#state === "lingering") this.#linger?.wait(this.#expected);
  }

  /** The transport takes bytes again. */
  drained(): void {
    this.output.drained();
  }

  /** The transport has closed both sides; `reason` is the error that it has met, if any. */
  closed(reason?: unknown): void {
    this.destroy(reason);
  }

  // Commands of whoever keeps it.

  /**
   * Closes the connection when no request is left on it, nor on its way: what has come is read
   * before, and a first request or the rest of a record is waited for, `patience` milliseconds at
   * most. Returns `false` if it is on its way to that.
   */
  drain(patience = FIRST_REQUEST_TIMEOUT): boolean {
    if (this.#state !== "open") return false;
    this.#state = "draining";
    if (this.requests.size === 0) this.#lastLook.start(this.#isFresh ? patience : 0, patience);
    return true;
  }

  /** Answers 503 to the first request, then closes; the same happens without one after a while. */
  refuse(): void {
    this.isRefused = true;
    this.drain();
  }

  /** Closes the connection as soon as no request is left on it. */
  endWhenDone(): void {
    if (this.#state === "open") this.#state = "draining";
    this.#endIfDone();
  }

  /** Closes both sides at once; requests in flight are lost for `reason`. */
  destroy(reason?: unknown): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.reading.end();
    this.#lastLook.stop();
    this.#probe.stop();
    this.#linger?.stop();
    for (const exchange of this.requests.all) exchange.connectionLost(reason);
    this.requests.clear();
    // Handlers that still run hold on to their connection, and to nothing that it had read.
    this.#decoder = new RecordDecoder();
    this.output.drained();
    this.#transport.destroy();
    this.#owner.connectionClosed(this);
  }

  // Questions.

  /** Whether requests are taken, so that the connection counts against the limit of them. */
  get isServing(): boolean {
    return this.#isOpen && !this.isRefused;
  }

  /**
   * Whether nothing is waited for but a next request, which may never come, or what has a timer of
   * its own.
   */
  get isIdle(): boolean {
    return this.requests.size === 0 && !this.#awaitsRequest && !this.output.isBlocked;
  }

  /** Counts a tick; returns how many have passed without the request that is due. */
  tick(): number {
    return this.#ticks = this.#awaitsRequest && !this.reading.isHeld ? this.#ticks + 1 : 0;
  }

  // What its requests call.

  /** Something has been asked on this connection. */
  requestBegins(): void {
    this.#isFresh = false;
  }

  isAlone(exchange: Exchange): boolean {
    return this.requests.isAlone(exchange);
  }

  handlerLeftBehind(isAtWork: boolean): void {
    this.requests.handlerLeftBehind(isAtWork);
  }

  /** Sends bytes. `false` means: wait for {@link writable} before the next. */
  write(bytes: Uint8Array): boolean {
    return this.#isOpen ? this.output.write(bytes) : true;
  }

  /** Resolves when the transport takes bytes again, or never will. */
  writable(): Promise<void> {
    return this.#isOpen ? this.output.writable() : Promise.resolve();
  }

  /** An exchange has sent its END_REQUEST, or was given up; its id may come again. */
  exchangeEnded(exchange: Exchange): void {
    this.requests.delete(exchange);
    // Without FCGI_KEEP_CONN the application closes (section 3.5), and nginx holds the response
    // back until it does.
    if (!exchange.keepConnection) this.endWhenDone();
    else this.#endIfDone();
  }

  /** Shows the web server that a response broke off: an invalid record, then the end. */
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

  /** Whether records are read and written. */
  get #isOpen(): boolean {
    return this.#state === "open" || this.#state === "draining";
  }

  /** What may still come of the peer: where that is nothing, a close resets nothing. */
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
   * Writes nothing to those who wait for a response; returns whether there is anybody to write to.
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
   * Closes our side, then drops what still comes, if anything may: closing both at once would reset
   * the connection under the answer.
   */
  #end(): void {
    if (!this.#isOpen) return;
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
}
