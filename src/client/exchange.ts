/**
 * One request on one connection.
 *
 * Two loops run concurrently. One sends the streams that did not fit the first write. The other
 * reads the reply, applies back-pressure while the body of the response is not being read, and
 * alone changes the state of the exchange:
 *
 *     head ──header block──▶ body ──END_REQUEST──▶ ended
 *       │                     │                      ▲
 *       └────abort, or no body is wanted──▶ discard ─┘
 */
import { encodeRecord, type EndRequestBody, ProtocolStatus, RecordType } from "../protocol/mod.ts";
import { BROKEN_OFF } from "../protocol/constants.ts";
import type { Lane } from "./carrier.ts";
import {
  badReply,
  bodyTooShort,
  brokenOff,
  connectionLost,
  headMissing,
  isBreakMark,
  isBrokenPipe,
  noReply,
  requestRefused,
} from "./errors.ts";
import { contentLength, type ResponseHead } from "./header_block.ts";
import { ReplyDecoder } from "./reply_decoder.ts";
import { type OutgoingStream, RequestSender } from "./request_sender.ts";
import { StderrLines } from "./stderr_lines.ts";

// As loaded: applications replace globals.
const { ByteLengthQueuingStrategy, Promise, ReadableStream, Response } = globalThis;

/**
 * High-water mark of a response body, in bytes: beyond it the connection is not read. One full
 * record.
 */
const BODY_HIGH_WATER_MARK = 65_536;

/**
 * The most bytes of an unwanted reply that are discarded to keep its connection; beyond that it is
 * closed.
 */
const MAX_DISCARD = 1_048_576;

/** How long an aborted request may take to end, in milliseconds; then its connection is closed. */
const ABORT_TIMEOUT = 1_000;

/**
 * The null body statuses of the Fetch standard that can come: `Response` refuses a body for them.
 */
const NULL_BODY_STATUSES = [204, 205, 304];

/** The request to send, and the callbacks of its reply. */
export interface ExchangeOptions {
  /** The first write: the beginning of the request. */
  start: Uint8Array;
  /** The streams that follow it. */
  streams: OutgoingStream[];
  /** Whether the response has no body, whatever the application sends. */
  isHead: boolean;
  /** Whether the application keeps the connection open. */
  keepConnection: boolean;
  /** How long the first bytes of the reply may take, in milliseconds; 0 is for ever. */
  responseTimeout: number;
  /** Called with every line of STDERR. */
  onStderr: (line: string) => void;
  /** Called if the reply breaks off in its body. */
  onBreak?: ((error: unknown) => void) | undefined;
  /** Called with the application's exit status when it has ended a complete reply. */
  onEnd?: ((appStatus: number) => void) | undefined;
  /** Called once, when the connection is no longer needed. */
  onDone: (isReusable: boolean) => void;
}

/** One request in flight, from construction on. */
export class Exchange {
  readonly #lane: Lane;
  readonly #options: ExchangeOptions;
  readonly #sender: RequestSender;
  readonly #stderr: StderrLines;
  readonly #response: PromiseWithResolvers<Response> = Promise.withResolvers();
  #state: "head" | "body" | "discard" | "ended" = "head";
  #body: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Bytes of the body still to come, if there is a Content-Length. */
  #missing: number | undefined;
  /** Resumes the reading loop; set while that waits for the body to be read (back-pressure). */
  #resume: (() => void) | undefined;
  #discarded = 0;
  /** Set once ABORT_REQUEST has been sent. */
  #abortTimer: ReturnType<typeof setTimeout> | undefined;
  #responseTimer: ReturnType<typeof setTimeout> | undefined;
  #hasReceived = false;

  /** Starts the request at once. */
  constructor(lane: Lane, options: ExchangeOptions) {
    this.#lane = lane;
    this.#options = options;
    this.#stderr = new StderrLines(options.onStderr);
    this.#sender = new RequestSender(lane, options.streams);
    this.#sender.send(options.start).catch((reason) => this.abort(reason));
    this.#receive().catch((error) => {
      if (this.#state === "body") options.onBreak?.(error);
      this.#end(false, error);
    });
    const { responseTimeout: time } = options;
    if (time > 0) this.#responseTimer = setTimeout(() => this.#end(false, noReply(time)), time);
  }

  /** Resolves with the response as soon as its header block is complete. */
  get response(): Promise<Response> {
    return this.#response.promise;
  }

  /** Whether the application has sent any bytes. */
  get hasReceived(): boolean {
    return this.#hasReceived;
  }

  /** Whether nothing of the request can have reached the application, as this error says. */
  isUnsent(error: unknown): boolean {
    // Of several writes any may have failed.
    return this.#sender.writes === 1 && !this.#hasReceived && isBrokenPipe(error);
  }

  /**
   * Aborts the request: the response rejects, or its body errors, with `reason`. Its connection is
   * closed (FastCGI 1.0, section 5.4), which php-fpm does itself in answer to an ABORT_REQUEST, at
   * a moment of its own. Only one that is shared is kept, if the application ends the request soon.
   */
  abort(reason: unknown): void {
    if (this.#state === "ended" || this.#abortTimer !== undefined) return;
    if (!this.#lane.isShared) return this.#end(false, reason);
    this.#fail(reason);
    this.#sender.stop(reason);
    this.#state = "discard";
    this.#abortTimer = setTimeout(() => this.#end(false), ABORT_TIMEOUT);
    this.#lane.write(encodeRecord(RecordType.ABORT_REQUEST, this.#lane.requestId))
      .catch(() => this.#end(false));
  }

  async #receive(): Promise<void> {
    const decoder = new ReplyDecoder(this.#lane.requestId, {
      onHead: (head) => this.#onHead(head),
      onContent: (content) => this.#onContent(content),
      onStderr: (content) => this.#stderr.push(content),
      onEnd: (body) => this.#onEnd(body),
    });
    while (!decoder.isEnded) {
      const chunk = await this.#lane.read();
      if (this.#state === "ended") return;
      if (chunk === undefined) {
        // Some applications close STDOUT and then the connection, without END_REQUEST; all web
        // servers but one accept that.
        if (!decoder.isStdoutEnded) throw connectionLost();
        this.#onEnd({ appStatus: 0, protocolStatus: ProtocolStatus.REQUEST_COMPLETE });
        return this.#end(false);
      }
      this.#hasReceived = true;
      clearTimeout(this.#responseTimer);
      this.#decode(decoder, chunk);
      if (this.#state === "body" && this.#body!.desiredSize! <= 0) {
        await new Promise<void>((resolve) => (this.#resume = resolve));
        this.#resume = undefined;
      }
    }
    const isSettled = this.#sender.isComplete || this.#abortTimer !== undefined;
    this.#end(this.#options.keepConnection && isSettled && !decoder.isPartial);
  }

  #decode(decoder: ReplyDecoder, chunk: Uint8Array): void {
    try {
      decoder.receive(chunk);
    } catch (error) {
      const isBroken = this.#state !== "head" && isBreakMark(error);
      throw isBroken ? brokenOff(error) : error;
    }
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
    if (this.#missing === undefined) return this.#body!.enqueue(content);
    // More than its Content-Length is left out, as by nginx: a line feed behind PHP's `?>`.
    const part = content.subarray(0, this.#missing);
    this.#missing -= part.length;
    if (part.length > 0) this.#body!.enqueue(part);
  }

  #onEnd(body: EndRequestBody): void {
    if (this.#state !== "discard") this.#complete(body);
    // The end of an aborted request is that of no reply.
    if (this.#abortTimer === undefined) this.#options.onEnd?.(body.appStatus);
  }

  /** Ends the response, if that is complete. */
  #complete({ appStatus, protocolStatus }: EndRequestBody): void {
    if (protocolStatus !== ProtocolStatus.REQUEST_COMPLETE) throw requestRefused(protocolStatus);
    if (this.#state === "head") throw headMissing(appStatus);
    // Any other status may follow a complete response: PHP's does, after the page of a fatal error.
    if (appStatus === BROKEN_OFF) throw brokenOff();
    if (this.#missing) throw bodyTooShort(this.#missing, appStatus);
    this.#body!.close();
    this.#state = "discard";
  }

  /** Rejects the response, or errors its body: the reply will not come, or not be complete. */
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
    clearTimeout(this.#responseTimer);
    this.#sender.stop(reason);
    this.#stderr.end();
    this.#options.onDone(isReusable);
  }
}
