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

/** What an exchange needs of the connection that it is on. */
export interface ExchangeConnection {
  readonly application: Application;
  /** The flow control that its bodies share. */
  readonly bodies: BodyFlow;
  /** Whether no other exchange is in flight, so that to break the connection breaks none. */
  isAlone(exchange: Exchange): boolean;
  /** Sends bytes. `false` means: wait for {@link writable} before the next. */
  write(bytes: Uint8Array): boolean;
  /** Resolves when bytes are taken again, or never will be. */
  writable(): Promise<void>;
  /** Breaks the connection off, so that the web server sees a broken answer. */
  abortWire(): void;
  /** An exchange has sent its END_REQUEST, or was given up; its id may come again. */
  exchangeEnded(exchange: Exchange): void;
  /** The handler of one that has ended is at work, or has settled. */
  handlerLeftBehind(isAtWork: boolean): void;
}

/** `ready` is when PARAMS end, `responding` begins with the first byte of the header block. */
type ExchangeState = "params" | "ready" | "handling" | "responding" | "ended";

const NO_PARAMS = new CgiParams();

/** One request on its way from records to records. */
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
  #state: ExchangeState = "params";
  #params: CgiParams = NO_PARAMS;
  #method = "";
  #request: Request | undefined;
  #info: ServeHandlerInfo | undefined;
  #isHandled = false;
  /** Ticks since its state changed or something was sent. */
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
  }

  // What is known of it.

  /** The parameters; none until they are complete. */
  get params(): CgiParams {
    return this.#params;
  }

  /** The method as `Request` spells it; `""` until the parameters have told. */
  get method(): string {
    return this.#method;
  }

  /** Where it stands; `handling` is while the handler is awaited. */
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

  /** Whether a handler is under way: until it has settled this counts, be the peer long gone. */
  get isHandled(): boolean {
    return this.#isHandled;
  }

  /** Why the exchange was aborted, if it was. */
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

  /** What `onError` is told of this request, once its handler was called. */
  get errorContext(): ErrorContext {
    return this.#request === undefined ? {} : { request: this.#request, info: this.#info };
  }

  /** Counts a tick; returns how many have passed since its state changed or something was sent. */
  tick(): number {
    return ++this.#ticks;
  }

  // The way in, to a handler.

  /**
   * Takes the content of a PARAMS, STDIN or DATA record; returns what to answer instead of going
   * on, if anything.
   */
  receive(type: number, content: Uint8Array): Rejection | undefined {
    const rejection = this.input.receive(type, content);
    if (this.#state === "params" && this.input.hasParams) this.#state = "ready";
    return rejection;
  }

  /** Turns from the parameters to an answer; returns whether there is none on its way yet. */
  beginHandling(): boolean {
    if (this.#state !== "params" && this.#state !== "ready") return false;
    this.#state = "handling";
    this.#ticks = 0;
    return true;
  }

  /** Reads the parameters, which are complete; returns what is wrong with them, if anything. */
  readParams(): Rejection | undefined {
    const params = this.input.readParams();
    if (!(params instanceof CgiParams)) return params;
    this.#params = params;
    this.#method = requestMethod(params);
    return undefined;
  }

  /** The handler is called, with these arguments. */
  handlerCalled(request: Request, info: ServeHandlerInfo): void {
    this.#request = request;
    this.#info = info;
  }

  /** The code of the application that is to answer is under way, or has settled. */
  setHandled(isHandled: boolean): void {
    if (this.#isHandled === isHandled) return;
    this.#isHandled = isHandled;
    if (this.isEnded) this.#connection.handlerLeftBehind(isHandled);
  }

  // The way out, from an answer.

  /** `info.log`: one line to FCGI_STDERR, with or after the first STDOUT write. */
  log(message: unknown): void {
    if (this.#state === "ended") return printLine(message);
    this.#reply.log(message);
    if (this.#state === "responding") this.send("", [], false);
  }

  /** The body of the response is read by `reader`: {@link dropBody} is its other end. */
  bodyOpened(reader: BodyReader): void {
    this.#reply.bodyOpened(reader);
  }

  /** The body of the response has been read to its end. */
  bodyEnded(): void {
    this.#reply.bodyEnded();
  }

  /**
   * Sends a part of the response; with `end`, its end, of which END_REQUEST says `endRequest`.
   * Content fills at most one record.
   *
   * @returns Whether more may be sent at once; `false`: wait for {@link writable}.
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
    const isWritable = this.#connection.write(this.#reply.encode(head, body, end, endRequest));
    if (end) {
      this.#close();
      this.#connection.exchangeEnded(this);
    }
    return isWritable;
  }

  /** Resolves when more may be sent, or nothing ever will be. */
  writable(): Promise<void> {
    return this.#connection.writable();
  }

  // The ends that are no whole answer, from the mildest on.

  /** The peer says no more. What it has not said is missing; what it asked is still answered. */
  peerEnded(reason: DOMException): void {
    if (this.#state === "ended") return;
    if (this.#state === "params") {
      this.#giveUp(reason);
      return this.#connection.exchangeEnded(this);
    }
    this.input.failBodies(reason);
    this.abortSignal(reason);
  }

  /** Tells the handler that its answer is not wanted, or not for long; it may still give one. */
  abortSignal(reason: DOMException): void {
    if (this.#state !== "ended") this.#lifecycle.abort(reason, this.application.run);
  }

  /** The handler missed its turn: its request is aborted, and its response will be ignored. */
  rejectLate(reason: DOMException): void {
    this.#lifecycle.fail(reason);
    this.dropBody(reason);
    this.abortSignal(reason);
  }

  /** ABORT_REQUEST: the request ends at once, whatever the handler still does. */
  abort(): void {
    if (this.#state === "ended") return;
    this.input.abort();
    this.#connection.write(encodeEndRequest(this.id, COMPLETE));
    this.#giveUp(abortError("The web server aborted the request"));
    this.#connection.exchangeEnded(this);
  }

  /**
   * The response broke off after its header block, so its status cannot change. An invalid record
   * and the end of the connection are what makes web servers cut the client's connection; with
   * other requests on it, only this one ends.
   */
  breakOff(error: unknown): void {
    if (this.#state === "ended") return;
    const isAlone = this.#connection.isAlone(this);
    if (!isAlone) this.#connection.write(encodeEndRequest(this.id, INCOMPLETE));
    this.#giveUp(error);
    if (isAlone) this.#connection.abortWire();
    else this.#connection.exchangeEnded(this);
  }

  /** The connection is gone in both directions; `reason` is the transport's, if it has one. */
  connectionLost(reason?: unknown): void {
    if (this.#state === "ended") return;
    this.#giveUp(reason ?? abortError("The connection was closed"));
  }

  /**
   * Cancels the response's body, if there is one that has not ended. Every way in which an exchange
   * ends leads here, and so does every answer that another takes the place of.
   */
  dropBody(reason?: unknown): void {
    this.#reply.dropBody(reason, this.application.run);
  }

  #giveUp(reason: unknown): void {
    this.#lifecycle.fail(reason);
    // A handler that still runs holds on to this, and to nothing that only an answer needs.
    this.#reply.dropLog();
    const abortReason = asAbortError(reason);
    this.#close(abortReason, reason);
    this.#lifecycle.abort(abortReason, this.application.run);
  }

  /** Nothing more is sent; whoever still reads what the peer has not sent gets a reason. */
  #close(reason?: DOMException, cause: unknown = reason): void {
    this.#state = "ended";
    this.input.dropParams();
    this.input.failBodies(reason);
    this.dropBody(cause);
    this.#lifecycle.end();
  }
}
