/**
 * One request on one connection.
 *
 * Two loops run side by side. One sends what the first write did not hold. The other reads the
 * reply, waits while the body of the response is not being read, and alone decides how the exchange
 * goes on:
 *
 *     head ──header block──▶ body ──END_REQUEST──▶ ended
 *       │                     │                      ▲
 *       └────abort, or no body is wanted──▶ discard ─┘
 */
import {
  encodeRecord,
  type EndRequestBody,
  FastCgiError,
  ProtocolStatus,
  RecordType,
} from "../protocol/mod.ts";
import { BROKEN_OFF } from "../protocol/constants.ts";
import { type Connection, connectionLost } from "./connection.ts";
import { badReply, type ResponseHead } from "./header_block.ts";
import { ReplyDecoder } from "./reply_decoder.ts";
import { type OutgoingStream, RequestSender } from "./request_sender.ts";
import { StderrLines } from "./stderr_lines.ts";

// As loaded: applications replace globals.
const { ByteLengthQueuingStrategy, ReadableStream, Response } = globalThis;

/**
 * Bytes of a response body that may wait until the connection is not read any more: one full
 * record.
 */
const BODY_HIGH_WATER_MARK = 65_536;

/**
 * How much of a reply that nobody wants is read to keep its connection, in bytes; more, and it is
 * closed.
 */
const MAX_DISCARD = 1_048_576;

/**
 * How long an aborted request may take to end until its connection is closed instead, in
 * milliseconds.
 */
const ABORT_TIMEOUT = 1_000;

/** Statuses of responses that have no body: `Response` refuses to give them one. */
const NULL_BODY_STATUSES = [204, 205, 304];

/** What to send, and how to take the reply. */
export interface ExchangeOptions {
  /** The request's id on the connection. */
  requestId: number;
  /** The first write: what begins the request. */
  start: Uint8Array;
  /** What follows it. */
  streams: OutgoingStream[];
  /** Whether the response has no body, whatever the application sends. */
  isHead: boolean;
  /** Whether the application leaves the connection open. */
  keepConnection: boolean;
  /** Hears of every line on STDERR. */
  onStderr: (line: string) => void;
  /** Called once, when the connection is not needed any more. */
  onDone: (isReusable: boolean) => void;
}

/** Runs one request, from its construction on. */
export class Exchange {
  readonly #connection: Connection;
  readonly #options: ExchangeOptions;
  readonly #sender: RequestSender;
  readonly #stderr: StderrLines;
  readonly #response: PromiseWithResolvers<Response> = Promise.withResolvers();
  #state: "head" | "body" | "discard" | "ended" = "head";
  #body: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Bytes that the body still lacks, if the application said how long it is. */
  #missing: number | undefined;
  /** Set while the reading loop waits for the body to be read. */
  #resume: (() => void) | undefined;
  #discarded = 0;
  /** Set when ABORT_REQUEST has been sent. */
  #abortTimer: ReturnType<typeof setTimeout> | undefined;
  #hasReceived = false;

  /** Begins at once. */
  constructor(connection: Connection, options: ExchangeOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#stderr = new StderrLines(options.onStderr);
    this.#sender = new RequestSender(connection, options.requestId, options.streams);
    this.#sender.send(options.start).catch((reason) => this.abort(reason));
    this.#receive().catch((error) => this.#end(false, error));
  }

  /** The response, as soon as its header block is there. */
  get response(): Promise<Response> {
    return this.#response.promise;
  }

  /** Whether the application has sent anything at all. */
  get hasReceived(): boolean {
    return this.#hasReceived;
  }

  /**
   * Gives the request up: the response rejects, or its body fails, with `reason`. A connection that
   * is to be kept is kept if the application ends the request soon (FastCGI 1.0, section 5.4); any
   * other is closed.
   */
  abort(reason: unknown): void {
    if (this.#state === "ended" || this.#abortTimer !== undefined) return;
    if (!this.#options.keepConnection) return this.#end(false, reason);
    this.#fail(reason);
    this.#sender.stop(reason);
    this.#state = "discard";
    this.#abortTimer = setTimeout(() => this.#end(false), ABORT_TIMEOUT);
    this.#connection.write(encodeRecord(RecordType.ABORT_REQUEST, this.#options.requestId))
      .catch(() => this.#end(false));
  }

  async #receive(): Promise<void> {
    const decoder = new ReplyDecoder(this.#options.requestId, {
      onHead: (head) => this.#onHead(head),
      onContent: (content) => this.#onContent(content),
      onStderr: (content) => this.#stderr.push(content),
      onEnd: (body) => this.#onEnd(body),
    });
    while (!decoder.isEnded) {
      const chunk = await this.#connection.read();
      if (this.#state === "ended") return;
      if (chunk === undefined) {
        // Some applications close STDOUT and then the connection, and all but one web server take
        // that.
        if (!decoder.isStdoutEnded) throw connectionLost();
        this.#onEnd({ appStatus: 0, protocolStatus: ProtocolStatus.REQUEST_COMPLETE });
        return this.#end(false);
      }
      this.#hasReceived = true;
      decoder.receive(chunk);
      if (this.#state === "body" && this.#body!.desiredSize! <= 0) {
        await new Promise<void>((resolve) => (this.#resume = resolve));
        this.#resume = undefined;
      }
    }
    const isSettled = this.#sender.isComplete || this.#abortTimer !== undefined;
    this.#end(this.#options.keepConnection && isSettled && !decoder.isPartial);
  }

  #onHead(head: ResponseHead): void {
    if (this.#state !== "head") return;
    if (this.#options.isHead || NULL_BODY_STATUSES.includes(head.status)) {
      this.#response.resolve(new Response(null, head));
      this.#state = "discard";
      return;
    }
    this.#missing = contentLength(head.headers);
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#body = controller),
      pull: () => this.#resume?.(),
      cancel: (reason) => this.abort(reason),
    }, new ByteLengthQueuingStrategy({ highWaterMark: BODY_HIGH_WATER_MARK }));
    this.#response.resolve(new Response(body as ReadableStream<Uint8Array<ArrayBuffer>>, head));
    this.#state = "body";
  }

  #onContent(content: Uint8Array): void {
    if (this.#state !== "body") {
      this.#discarded += content.length;
      if (this.#discarded > MAX_DISCARD) {
        throw badReply(`nobody wants its ${this.#discarded} bytes`);
      }
      return;
    }
    if (this.#missing !== undefined) {
      this.#missing -= content.length;
      if (this.#missing < 0) throw badReply("its body is longer than its Content-Length");
    }
    this.#body!.enqueue(content);
  }

  #onEnd({ appStatus, protocolStatus }: EndRequestBody): void {
    if (this.#state === "discard") return;
    if (protocolStatus !== ProtocolStatus.REQUEST_COMPLETE) throw requestRefused(protocolStatus);
    if (this.#state === "head") throw badReply("it ended before its header block did");
    // Any other status may stand behind a whole answer: PHP's does behind a fatal error's page.
    if (appStatus === BROKEN_OFF) throw badReply("it broke off");
    if (this.#missing) throw badReply("its body is shorter than its Content-Length");
    this.#body!.close();
    this.#state = "discard";
  }

  /** Tells the one who waits for the reply that it will not come, or not be complete. */
  #fail(reason: unknown): void {
    if (this.#state === "head") this.#response.reject(reason);
    if (this.#state === "body") this.#body!.error(reason);
    this.#resume?.();
  }

  #end(isReusable: boolean, reason?: unknown): void {
    if (this.#state === "ended") return;
    this.#fail(reason);
    this.#state = "ended";
    clearTimeout(this.#abortTimer);
    this.#sender.stop(reason);
    this.#stderr.end();
    this.#options.onDone(isReusable);
  }
}

function contentLength(headers: Headers): number | undefined {
  const value = headers.get("content-length");
  if (value === null) return undefined;
  if (!/^\d+$/.test(value)) throw badReply(`its Content-Length is ${JSON.stringify(value)}`);
  return Number(value);
}

function requestRefused(protocolStatus: number): FastCgiError {
  const name = Object.entries(ProtocolStatus).find(([, value]) => value === protocolStatus)?.[0];
  return new FastCgiError(
    "request_refused",
    `Application refused the request: FCGI_${name ?? `protocolStatus ${protocolStatus}`}`,
    { fault: "peer", connectionSurvives: false },
  );
}
