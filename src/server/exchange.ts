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
import { CgiParams } from "../cgi/params.ts";
import type { Rejection } from "../cgi/rejection.ts";
import { encodeEndRequest, type EndRequestBody } from "../protocol/bodies.ts";
import { RecordType } from "../protocol/constants.ts";
import { ContentBuffer } from "../protocol/content_buffer.ts";
import { printLine } from "../log/print.ts";
import { abortError, asAbortError } from "./abort_error.ts";
import type { BodyReader } from "./body_start.ts";
import { cancelQuietly } from "./cancel_quietly.ts";
import type { Connection } from "./connection.ts";
import type { ServeHandlerInfo, ServeRole } from "./handler.ts";
import { Lifecycle } from "./lifecycle.ts";
import { BODY_HIGH_WATER_MARK } from "./limits.ts";
import { encodeLogLine } from "./log_line.ts";
import { BODY_TOO_EARLY, bodyTooLarge, PARAMS_TOO_LARGE } from "./refusal.ts";
import { RequestBody } from "./request_body.ts";
import { COMPLETE, encodeWrite, INCOMPLETE } from "./stdout_writer.ts";

/** `ready` is when PARAMS end, `responding` begins with the first byte of the header block. */
type ExchangeState = "params" | "ready" | "handling" | "responding" | "ended";

const NO_PARAMS = new CgiParams();
const NO_CONTENT = new ContentBuffer();

export class Exchange {
  readonly connection: Connection;
  readonly id: number;
  readonly role: ServeRole;
  /** FCGI_KEEP_CONN of this request. */
  readonly keepConnection: boolean;
  /** The parameters; none until they are complete. */
  params: CgiParams = NO_PARAMS;
  /** The method as `Request` spells it; `""` until the parameters have told. */
  method = "";
  /** The arguments of the handler, once it was called. */
  request: Request | undefined;
  info: ServeHandlerInfo | undefined;
  /** What END_REQUEST says behind an answer, if not that the request is complete. */
  endRequest: EndRequestBody | undefined;
  readonly stdin: RequestBody;
  readonly data: RequestBody | undefined;
  /** Ticks since its state changed or something was sent. */
  ticks = 0;
  /** The peer's part: over with the end of its last stream, perhaps without that if aborted. */
  input: "open" | "aborted" | "ended" = "open";
  /** The reader of the response body, until that has ended: {@link dropBody} is its other end. */
  responseBody: BodyReader | undefined;
  /** Whether a handler is under way: until it has settled this counts, be the peer long gone. */
  isHandled = false;
  #state: ExchangeState = "params";
  #paramsContent: ContentBuffer = new ContentBuffer();
  /** Log lines that wait for the next write, encoded. */
  #log: Uint8Array[] = [];
  #hasLogged = false;
  readonly #lifecycle = new Lifecycle();

  constructor(connection: Connection, id: number, role: ServeRole, keepConnection: boolean) {
    this.connection = connection;
    this.id = id;
    this.role = role;
    this.keepConnection = keepConnection;
    this.stdin = new RequestBody(connection.requests, connection.service.options.maxBodyBytes);
    if (role === "filter") this.data = new RequestBody(connection.requests);
  }

  /** Whether nothing more can be sent. */
  get isEnded(): boolean {
    return this.#state === "ended";
  }

  /** Where it stands; `handling` is while the handler is awaited. */
  get state(): ExchangeState {
    return this.#state;
  }

  /** Whether the header block has been sent and the end has not. */
  get isResponding(): boolean {
    return this.#state === "responding";
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

  /** Takes the content of a PARAMS, STDIN or DATA record; returns what to answer instead of going on, if anything. */
  receive(type: number, content: Uint8Array): Rejection | undefined {
    if (type === RecordType.PARAMS) return this.#receiveParams(content);
    const body = type === RecordType.STDIN ? this.stdin : this.data;
    if (content.length === 0 && body === (this.data ?? this.stdin)) this.input = "ended";
    const isTaken = body?.push(content) ?? true;
    if (!isTaken) return bodyTooLarge(this.connection.service.options.maxBodyBytes);
    // Behind the parameters a body waits for one chunk at the most; before them nothing stops it.
    return this.#state === "params" && (body?.gathered ?? 0) > BODY_HIGH_WATER_MARK
      ? BODY_TOO_EARLY
      : undefined;
  }

  /** Ends the parameters and turns to the answer; returns them, or `undefined` if the exchange is past that. */
  takeParams(): Uint8Array | undefined {
    if (this.#state !== "params" && this.#state !== "ready") return undefined;
    this.#state = "handling";
    this.ticks = 0;
    const content = this.#paramsContent.bytes();
    this.#paramsContent = NO_CONTENT;
    return content;
  }

  /** ABORT_REQUEST: the request ends at once, whatever the handler still does. */
  abort(): void {
    if (this.#state === "ended") return;
    this.input = "aborted";
    this.connection.write(encodeEndRequest(this.id, COMPLETE));
    this.#giveUp(abortError("The web server aborted the request"));
    this.connection.exchangeEnded(this);
  }

  /** The peer says no more. What it has not said is missing; what it asked is still answered. */
  peerEnded(reason: DOMException): void {
    if (this.#state === "ended") return;
    if (this.#state === "params") {
      this.#giveUp(reason);
      return this.connection.exchangeEnded(this);
    }
    this.stdin.fail(reason);
    this.data?.fail(reason);
    this.abortSignal(reason);
  }

  /** Tells the handler that its answer is not wanted, or not for long; it may still give one. */
  abortSignal(reason: DOMException): void {
    if (this.#state !== "ended") this.#lifecycle.abort(reason, this.connection.requests.run);
  }

  /** The handler's answer comes too late: it is told so, and somebody else answers. */
  overrule(reason: DOMException): void {
    this.#lifecycle.fail(reason);
    this.dropBody(reason);
    this.abortSignal(reason);
  }

  /**
   * Cancels the response's body, if there is one that has not ended. Every way in which an exchange
   * ends leads here, and so does every answer that another takes the place of.
   */
  dropBody(reason?: unknown): void {
    const { responseBody: body, connection } = this;
    this.responseBody = undefined;
    if (body) connection.requests.run((body) => void cancelQuietly(body, reason), body);
  }

  /** The connection is gone in both directions; `reason` is the transport's, if it has one. */
  connectionLost(reason?: unknown): void {
    if (this.#state === "ended") return;
    this.#giveUp(reason ?? abortError("The connection was closed"));
  }

  /** `info.log`: one line to FCGI_STDERR, with or after the first STDOUT write. */
  log(message: unknown): void {
    if (this.#state === "ended") return printLine(message);
    this.#hasLogged = true;
    this.#log.push(encodeLogLine(message));
    if (this.#state === "responding") this.send("", [], false);
  }

  /**
   * Sends a part of the response; with `end`, its end. Content fills at most one record.
   *
   * @returns Whether more may be sent at once; `false`: wait for the connection to be writable.
   */
  send(head: string, body: readonly Uint8Array[], end: boolean): boolean {
    if (this.#state === "ended") return true;
    this.#state = "responding";
    this.ticks = 0;
    const ending = end ? this.#hasLogged ? "end with stderr" : "end" : "open";
    const log = this.#log;
    if (log.length > 0) this.#log = [];
    const bytes = encodeWrite(this.id, head, body, log, ending, this.endRequest);
    const isWritable = this.connection.write(bytes);
    if (end) {
      this.#close();
      this.connection.exchangeEnded(this);
    }
    return isWritable;
  }

  /**
   * The response broke off after its header block, so its status cannot change. An invalid record and the end of the
   * connection are what makes web servers cut the client's connection; with other requests on it, only this one ends.
   */
  breakOff(error: unknown): void {
    if (this.#state === "ended") return;
    const isAlone = this.connection.requests.isAlone(this);
    if (!isAlone) this.connection.write(encodeEndRequest(this.id, INCOMPLETE));
    this.#giveUp(error);
    if (isAlone) this.connection.breakOff();
    else this.connection.exchangeEnded(this);
  }

  #receiveParams(content: Uint8Array): Rejection | undefined {
    if (this.#state !== "params") return undefined;
    if (content.length === 0) {
      this.#state = "ready";
      return undefined;
    }
    const most = this.connection.service.options.maxParamsBytes - this.#paramsContent.length;
    if (content.length > most) return PARAMS_TOO_LARGE;
    this.#paramsContent.append(content);
    return undefined;
  }

  #giveUp(reason: unknown): void {
    this.#lifecycle.fail(reason);
    // A handler that still runs holds on to this, and to nothing that only an answer needs.
    this.#paramsContent = NO_CONTENT;
    this.#log = [];
    const abortReason = asAbortError(reason);
    this.#close(abortReason, reason);
    this.#lifecycle.abort(abortReason, this.connection.requests.run);
  }

  /** Nothing more is sent; whoever still reads what the peer has not sent gets a reason. */
  #close(reason?: DOMException, cause: unknown = reason): void {
    this.#state = "ended";
    this.stdin.fail(reason);
    this.data?.fail(reason);
    this.dropBody(cause);
    this.#lifecycle.end();
  }
}
