/**
 * One request and its response, on a connection that may carry others.
 *
 * ```text
 * params ──► handling ──► responding ──► ended
 *    └───────────┴─────────────┴── abort, lost connection ──┘
 * ```
 *
 * However it ends, it ends once: one END_REQUEST where one is due, and nothing after it.
 */
import { CgiParams } from "../cgi/params.ts";
import { createRequest, methodAllowsBody, type Rejection } from "../cgi/request.ts";
import { encodeEndRequest } from "../protocol/bodies.ts";
import { ProtocolStatus } from "../protocol/constants.ts";
import { ContentBuffer } from "../protocol/content_buffer.ts";
import { abortError } from "./abort_error.ts";
import type { Connection } from "./connection.ts";
import type { ServeRole } from "./handler.ts";
import { HandlerInfo } from "./handler_info.ts";
import { describeError, encodeLogLine } from "./log_line.ts";
import { readParams } from "./read_params.ts";
import { RequestBody } from "./request_body.ts";
import { sendResponse } from "./send_response.ts";
import { encodeWrite } from "./stdout_writer.ts";

/** Where an exchange stands. `responding` begins with the first byte of the header block. */
type ExchangeState = "params" | "handling" | "responding" | "ended";

/** One request id's life, from BEGIN_REQUEST to END_REQUEST. */
export class Exchange {
  readonly connection: Connection;
  readonly id: number;
  readonly role: ServeRole;
  /** FCGI_KEEP_CONN of this request. */
  readonly keepConnection: boolean;
  readonly params: CgiParams = new CgiParams();
  /** The method as `Request` spells it. */
  method = "GET";
  readonly stdin: RequestBody;
  readonly data: RequestBody | undefined;
  #state: ExchangeState = "params";
  readonly #paramsContent: ContentBuffer = new ContentBuffer();
  /** Log lines that wait for the next write, encoded. */
  #log: Uint8Array[] = [];
  #hasLogged = false;
  #abortReason: DOMException | undefined;
  #abortController: AbortController | undefined;
  #responseBody: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #completed: PromiseWithResolvers<void> | undefined;

  constructor(connection: Connection, id: number, role: ServeRole, keepConnection: boolean) {
    this.connection = connection;
    this.id = id;
    this.role = role;
    this.keepConnection = keepConnection;
    this.stdin = new RequestBody(connection);
    if (role === "filter") this.data = new RequestBody(connection);
  }

  /** Whether nothing more can be sent. */
  get isEnded(): boolean {
    return this.#state === "ended";
  }

  /** Whether the header block has been sent and the end has not. */
  get isResponding(): boolean {
    return this.#state === "responding";
  }

  /** `request.signal`, made when the handler first asks for it. */
  get signal(): AbortSignal {
    if (this.#abortController === undefined) {
      this.#abortController = new AbortController();
      if (this.#abortReason !== undefined) this.#abortController.abort(this.#abortReason);
    }
    return this.#abortController.signal;
  }

  /** `info.completed`, made when the handler first asks for it. */
  get completed(): Promise<void> {
    this.#completed ??= Promise.withResolvers();
    return this.#completed.promise;
  }

  /** Takes the content of a PARAMS record; returns whether it was the last, so that the exchange can {@link start}. */
  receiveParams(content: Uint8Array): boolean {
    if (this.#state !== "params") return false;
    if (content.length === 0) return true;
    const { maxParamsBytes } = this.connection.service.options;
    if (this.#paramsContent.length + content.length > maxParamsBytes) {
      this.reject({ status: 431, reason: "Request header fields too large" });
    } else {
      this.#paramsContent.append(content);
    }
    return false;
  }

  /** Runs the handler; its answer is sent, whatever it is. */
  start(): void {
    if (this.#state !== "params") return;
    this.#state = "handling";
    const { service } = this.connection;
    const { basePath, maxParams } = service.options;
    const rejection = readParams(this.#paramsContent.bytes(), this.params, maxParams);
    if (rejection !== undefined) return this.reject(rejection);
    this.method = this.params.get("REQUEST_METHOD") ?? "";
    // An authorizer decides without a body, and Apache's never end the STDIN of one.
    const hasBody = this.role !== "authorizer" && methodAllowsBody(this.method);
    const body = hasBody ? this.stdin.open() : this.stdin.discard();
    const request = createRequest(this.params, body ?? null, {
      basePath,
      signal: () => this.signal,
    });
    if (!(request instanceof Request)) return this.reject(request);
    this.method = request.method;
    this.#handle(request);
  }

  /** Answers without the handler: the request cannot be made one, or is over a limit. */
  reject(rejection: Rejection): void {
    this.#state = "handling";
    // Before the method is known a body may be one too many: HEAD has none.
    const body = this.params.size > 0 ? `${rejection.reason}\n` : null;
    const headers = new Headers({ "content-type": "text/plain; charset=utf-8" });
    if (rejection.status === 503) headers.set("retry-after", "1");
    void this.#respond(new Response(body, { status: rejection.status, headers }));
  }

  /** ABORT_REQUEST: the request ends at once, whatever the handler still does. */
  abort(): void {
    if (this.#state === "ended") return;
    this.#endEarly();
    this.#giveUp(abortError("The web server aborted the request"));
    this.connection.exchangeEnded(this);
  }

  /** The peer says no more. What it has not said is missing; what it asked is still answered. */
  peerEnded(reason: DOMException): void {
    if (this.#state === "ended") return;
    if (this.#state === "params") {
      this.#giveUp(reason);
      this.connection.exchangeEnded(this);
      return;
    }
    this.#abortReason = reason;
    if (!this.stdin.isComplete) this.stdin.fail(reason);
    if (this.data?.isComplete === false) this.data.fail(reason);
    this.#abortController?.abort(reason);
  }

  /** The connection is gone in both directions. */
  connectionLost(reason: unknown): void {
    if (this.#state !== "ended") this.#giveUp(reason);
  }

  /** `info.log`: one line to FCGI_STDERR, with or after the first STDOUT write. */
  log(message: string): void {
    if (this.#state === "ended") return console.error(message);
    this.#hasLogged = true;
    this.#log.push(encodeLogLine(message));
    if (this.#state === "responding") this.send("", [], false);
  }

  /** The reader of the response's body, to be cancelled if the exchange ends before it does. */
  set responseBody(reader: ReadableStreamDefaultReader<Uint8Array>) {
    this.#responseBody = reader;
  }

  /**
   * Sends a part of the response; with `end`, its end. Content fills at most one record.
   *
   * @returns Whether more may be sent at once; `false`: wait for the connection to be writable.
   */
  send(head: string, body: readonly Uint8Array[], end: boolean): boolean {
    if (this.#state === "ended") return true;
    this.#state = "responding";
    const ending = end ? this.#hasLogged ? "end with stderr" : "end" : "open";
    const log = this.#log;
    if (log.length > 0) this.#log = [];
    const isWritable = this.connection.write(encodeWrite(this.id, head, body, log, ending));
    if (end) {
      this.#close();
      this.#completed?.resolve();
      this.connection.exchangeEnded(this);
    }
    return isWritable;
  }

  #handle(request: Request): void {
    const data = this.data?.open() ?? null;
    const info = new HandlerInfo(this, data instanceof Uint8Array ? streamOf(data) : data);
    try {
      const answer = this.connection.service.handler(request, info);
      if (answer instanceof Response) {
        void this.#respond(answer);
      } else {
        Promise.resolve(answer).then(
          (response) => this.#respond(response),
          (error) => this.#handlerFailed(error),
        );
      }
    } catch (error) {
      void this.#handlerFailed(error);
    }
  }

  async #respond(response: Response): Promise<void> {
    try {
      await sendResponse(this, response);
    } catch (error) {
      if (this.#state === "handling") await this.#handlerFailed(error);
      else if (this.#state === "responding") this.#responseFailed(error);
    }
  }

  /** Nothing has been sent: the client gets an answer, the log and `onError` get the reason. */
  async #handlerFailed(error: unknown): Promise<void> {
    if (this.#state === "ended" || error === this.#abortReason) return this.#answerNobody();
    const { service } = this.connection;
    this.log(describeError(error));
    const response = await service.errorResponse(error);
    try {
      await sendResponse(this, response ?? internalServerError());
    } catch (failure) {
      if (this.#state === "handling") {
        service.report(failure);
        await sendResponse(this, internalServerError());
      } else if (this.#state === "responding") {
        this.#responseFailed(failure);
      }
    }
  }

  /** The peer had ended, and the handler gave up because of it: a half-closed peer still gets an answer. */
  #answerNobody(): void {
    if (this.#state === "handling") void this.#respond(internalServerError());
  }

  /**
   * The header block is gone, so the status cannot change. An invalid record and the end of the connection are what
   * makes web servers cut the client's connection; with other requests on it, only this one can end.
   */
  #responseFailed(error: unknown): void {
    this.log(describeError(error));
    this.connection.service.report(error);
    const isAlone = this.connection.isAlone(this);
    if (!isAlone) this.#endEarly();
    this.#giveUp(error);
    if (isAlone) this.connection.breakOff();
    else this.connection.exchangeEnded(this);
  }

  #endEarly(): void {
    this.connection.write(
      encodeEndRequest(this.id, {
        appStatus: 0,
        protocolStatus: ProtocolStatus.REQUEST_COMPLETE,
      }),
    );
  }

  #giveUp(reason: unknown): void {
    this.#close();
    const abortReason = reason instanceof DOMException ? reason : abortError(String(reason));
    this.#abortReason ??= abortReason;
    this.#responseBody?.cancel(reason).catch(() => {});
    this.#completed?.promise.catch(() => {});
    this.#completed?.reject(reason);
    this.#abortController?.abort(abortReason);
  }

  #close(): void {
    this.#state = "ended";
    this.stdin.discard();
    this.data?.discard();
  }
}

function internalServerError(): Response {
  return new Response("Internal Server Error\n", {
    status: 500,
    headers: { "content-type": "text/plain; charset=utf-8" },
  });
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
}
