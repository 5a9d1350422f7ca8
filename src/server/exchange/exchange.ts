/**
 * One request and its response, on a connection that may carry others.
 *
 * ```text
 * params ──► ready ──► handling ──► responding ──► ended
 *    └─────────┴───────────┴─────────────┴── abort, lost connection ──┘
 * ```
 *
 * However it ends, it ends once: one END_REQUEST where one is due, and nothing after it.
 */
import { CgiParams } from "../../cgi/params.ts";
import type { Rejection } from "../../cgi/rejection.ts";
import { requestMethod } from "../../cgi/request.ts";
import { printLine } from "../../log/print.ts";
import { encodeEndRequest, type EndRequestBody } from "../../protocol/bodies.ts";
import { abortError, asAbortError } from "./abort_error.ts";
import type { Application } from "../application/application.ts";
import type { BodyReader } from "./body_start.ts";
import type { ErrorContext, ServeHandlerInfo, ServeRole } from "../application/handler.ts";
import { Lifecycle } from "./lifecycle.ts";
import { Reply } from "./reply.ts";
import { COMPLETE, INCOMPLETE } from "./reply_bytes.ts";
import type { BodyFlow } from "./request_body.ts";
import { RequestInput } from "./request_input.ts";
import { RequestRecord } from "./request_record.ts";

/** The connection as an exchange needs it. */
export interface ExchangeConnection {
  readonly application: Application;
  /** The flow control that its bodies share. */
  readonly bodies: BodyFlow;
  /** Whether no other exchange is in flight, so that aborting the connection affects none. */
  isAlone(exchange: Exchange): boolean;
  /**
   * Writes bytes, or several parts as one. `false` means: wait for {@link writable} before the
   * next.
   */
  write(bytes: Uint8Array | Uint8Array[]): boolean;
  /** Resolves when bytes are accepted again, or never will be. */
  writable(): Promise<void>;
  /** Aborts the connection, so that the web server notices the truncated response. */
  abortWire(): void;
  /** An exchange has sent its END_REQUEST, or was given up; its id may be reused. */
  exchangeEnded(exchange: Exchange): void;
  /** The handler of an ended exchange has started, or has settled. */
  handlerLeftBehind(isAtWork: boolean): void;
}

/** `ready` is when PARAMS end, `responding` begins with the first byte of the header block. */
type ExchangeState = "params" | "ready" | "handling" | "responding" | "ended";

const NO_PARAMS = new CgiParams();

/** One request, from its records to the records of its response. */
export class Exchange {
  readonly application: Application;
  readonly id: number;
  readonly role: ServeRole;
  /** FCGI_KEEP_CONN of this request. */
  readonly keepConnection: boolean;
  readonly input: RequestInput;
  readonly #connection: ExchangeConnection;
  readonly #reply: Reply;
  readonly #lifecycle = new Lifecycle();
  /** For the observer, if there is one. */
  readonly #record: RequestRecord | undefined;
  #state: ExchangeState = "params";
  #params: CgiParams = NO_PARAMS;
  #method = "";
  #request: Request | undefined;
  #info: ServeHandlerInfo | undefined;
  #isHandled = false;
  /** Ticks since the last progress: a change of state, or output. */
  #ticks = 0;

  constructor(connection: ExchangeConnection, id: number, role: ServeRole, keep: boolean) {
    const { application, bodies } = connection;
    this.#connection = connection;
    this.application = application;
    this.id = id;
    this.role = role;
    this.keepConnection = keep;
    this.input = new RequestInput(role, application.options, bodies);
    this.#reply = new Reply(id);
    const { observer } = application;
    if (observer !== undefined) this.#record = new RequestRecord(observer);
  }

  // Queries.

  /** The parameters; none until they are complete. */
  get params(): CgiParams {
    return this.#params;
  }

  /** The method, normalized as in `Request`; `""` until the parameters are read. */
  get method(): string {
    return this.#method;
  }

  /** The state; `handling` while the handler is awaited. */
  get state(): ExchangeState {
    return this.#state;
  }

  /** Whether nothing more can be sent. */
  get isEnded(): boolean {
    return this.#state === "ended";
  }

  /** Whether the header block has been sent and the end has not. */
  get isResponding(): boolean {
    return this.#state === "responding";
  }

  /**
   * Whether a handler runs: until it settles the request counts, even long after the peer has gone.
   */
  get isHandled(): boolean {
    return this.#isHandled;
  }

  /** The reason of an abort, if there was one. */
  get abortReason(): DOMException | undefined {
    return this.#lifecycle.abortReason;
  }

  /** `request.signal`. */
  get signal(): AbortSignal {
    return this.#lifecycle.signal;
  }

  /** `info.completed`. */
  get completed(): Promise<void> {
    return this.#lifecycle.completed;
  }

  /** The context of this request for `onError`, once its handler has been called. */
  get errorContext(): ErrorContext {
    return this.#request === undefined ? {} : { request: this.#request, info: this.#info };
  }

  /** Counts a tick; returns the number of ticks since the last progress. */
  tick(): number {
    return ++this.#ticks;
  }

  // Input, up to the handler.

  /**
   * Takes the content of a PARAMS, STDIN or DATA record; returns a rejection if the request cannot
   * go on.
   */
  receive(type: number, content: Uint8Array): Rejection | undefined {
    const rejection = this.input.receive(type, content);
    if (this.#state === "params" && this.input.hasParams) this.#state = "ready";
    return rejection;
  }

  /** Begins to answer; returns `false` if that has begun before. */
  beginHandling(): boolean {
    if (this.#state !== "params" && this.#state !== "ready") return false;
    this.#state = "handling";
    this.#ticks = 0;
    return true;
  }

  /** Parses the complete parameters; returns a rejection if they are invalid. */
  readParams(): Rejection | undefined {
    const params = this.input.readParams();
    if (!(params instanceof CgiParams)) return params;
    this.#params = params;
    this.#method = requestMethod(params);
    return undefined;
  }

  /** Records the arguments with which the handler is called. */
  handlerCalled(request: Request, info: ServeHandlerInfo): void {
    this.#request = request;
    this.#info = info;
  }

  /** Records that application code (the handler, or `onError`) runs, or has settled. */
  setHandled(isHandled: boolean): void {
    if (this.#isHandled === isHandled) return;
    this.#isHandled = isHandled;
    if (this.isEnded) this.#connection.handlerLeftBehind(isHandled);
  }

  // Output, from the answer on.

  /** `info.log`: one line to FCGI_STDERR, with or after the first STDOUT write. */
  log(message: unknown): void {
    if (this.#state === "ended") return printLine(message);
    this.#reply.log(message);
    if (this.#state === "responding") this.send("", [], false);
  }

  /** Records the reader of the response's body, for {@link dropBody} to cancel. */
  bodyOpened(reader: BodyReader): void {
    this.#reply.bodyOpened(reader);
  }

  /** The body of the response has been read to its end. */
  bodyEnded(): void {
    this.#reply.bodyEnded();
  }

  /**
   * Sends a part of the response; with `end`, its end, with `endRequest` as the END_REQUEST body.
   * The head fits one record; the content is at most 64 kB.
   *
   * @returns Whether more may be sent at once; if not, wait for {@link writable}.
   */
  send(
    head: string,
    body: readonly Uint8Array[],
    end: boolean,
    endRequest?: EndRequestBody,
  ): boolean {
    if (this.#state === "ended") return true;
    this.#state = "responding";
    this.#ticks = 0;
    this.#record?.sent(head, body);
    const isWritable = this.#connection.write(this.#reply.encode(head, body, end, endRequest));
    if (end) {
      this.#close();
      this.#connection.exchangeEnded(this);
    }
    return isWritable;
  }

  /** Resolves when more may be sent, or never will be. */
  writable(): Promise<void> {
    return this.#connection.writable();
  }

  // The ends other than a complete response, from the mildest on.

  /**
   * The peer has closed its sending side. A request with complete parameters is still answered; the
   * rest of its bodies is missing.
   */
  peerEnded(reason: DOMException): void {
    if (this.#state === "ended") return;
    if (this.#state === "params") {
      this.application.counters.requestsAborted++;
      this.#giveUp(reason);
      return this.#connection.exchangeEnded(this);
    }
    this.input.failBodies(reason);
    this.abortSignal(reason);
  }

  /**
   * Aborts `request.signal`: the response is no longer wanted, or not for long. The handler may
   * still return one.
   */
  abortSignal(reason: DOMException): void {
    if (this.#state !== "ended") this.#lifecycle.abort(reason, this.application.run);
  }

  /** The handler missed its turn: its request is aborted and its response ignored. */
  rejectLate(reason: DOMException): void {
    this.#lifecycle.fail(reason);
    this.dropBody(reason);
    this.abortSignal(reason);
  }

  /** ABORT_REQUEST: the request ends at once, whatever the handler still does. */
  abort(): void {
    if (this.#state === "ended") return;
    this.application.counters.requestsAborted++;
    this.input.abort();
    this.#connection.write(encodeEndRequest(this.id, COMPLETE));
    this.#giveUp(abortError("The web server aborted the request"));
    this.#connection.exchangeEnded(this);
  }

  /**
   * The response broke off after its header block, so its status cannot change. An invalid record
   * and the end of the connection make web servers close the client's connection; with other
   * requests on the connection, only this one ends.
   */
  breakOff(error: unknown): void {
    if (this.#state === "ended") return;
    const isAlone = this.#connection.isAlone(this);
    if (!isAlone) this.#connection.write(encodeEndRequest(this.id, INCOMPLETE));
    this.#giveUp(error);
    if (isAlone) this.#connection.abortWire();
    else this.#connection.exchangeEnded(this);
  }

  /** The connection is closed in both directions; `reason` is the transport's error, if any. */
  connectionLost(reason?: unknown): void {
    if (this.#state === "ended") return;
    this.application.counters.requestsAborted++;
    this.#giveUp(reason ?? abortError("The connection was closed"));
  }

  /**
   * Cancels the response's body, if there is one that has not ended. Every end of an exchange leads
   * here, and so does every response that another replaces.
   */
  dropBody(reason?: unknown): void {
    this.#reply.dropBody(reason, this.application.run);
  }

  /** A request that ends before its handler may have parameters that nobody has read. */
  #readForRecord(): void {
    if (this.#params === NO_PARAMS && this.input.hasParams) this.readParams();
  }

  #giveUp(reason: unknown): void {
    this.#lifecycle.fail(reason);
    // A handler that still runs keeps the exchange alive in memory, but nothing that only a
    // response needs.
    this.#reply.dropLog();
    const abortReason = asAbortError(reason);
    this.#close(abortReason, reason);
    this.#lifecycle.abort(abortReason, this.application.run);
  }

  /** Ends the exchange: nothing more is sent, and incomplete request bodies error with `reason`. */
  #close(reason?: DOMException, cause: unknown = reason): void {
    this.#state = "ended";
    if (this.#record !== undefined) this.#readForRecord();
    this.input.dropParams();
    this.input.failBodies(reason);
    this.dropBody(cause);
    this.#lifecycle.end();
    this.#record?.ended(this.#params, this.#method, reason === undefined);
  }
}
