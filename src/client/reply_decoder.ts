/**
 * Decodes the reply to one request into events: bytes in, method calls out, no promise and no
 * socket.
 *
 * Records of other requests and management records are ignored, as lighttpd and Caddy do.
 */
import { decodeEndRequest, type EndRequestBody, RecordType } from "../protocol/mod.ts";
import { RecordDecoder } from "../protocol/record_decoder.ts";
import { badReply } from "./errors.ts";
import { HeaderBlockParser, type ResponseHead } from "./header_block.ts";

/** Receives the events, in the order of the bytes. */
export interface ReplyEvents {
  /** The header block is complete. */
  onHead(head: ResponseHead): void;
  /** Bytes of the response body, never empty, only after the head. They are a view of the chunk. */
  onContent(content: Uint8Array): void;
  /** Bytes of STDERR, at any time. */
  onStderr(content: Uint8Array): void;
  /** The request has ended. Nothing follows. */
  onEnd(body: EndRequestBody): void;
}

/** Decodes the reply to one request. */
export class ReplyDecoder {
  readonly #records = new RecordDecoder();
  readonly #requestId: number;
  readonly #events: ReplyEvents;
  readonly #header = new HeaderBlockParser();
  #state: "head" | "body" | "stdout_ended" | "ended" = "head";

  /** `requestId` is the id of the BEGIN_REQUEST. */
  constructor(requestId: number, events: ReplyEvents) {
    this.#requestId = requestId;
    this.#events = events;
  }

  /**
   * Whether the application has closed STDOUT, so that losing the connection truncates nothing any
   * more.
   */
  get isStdoutEnded(): boolean {
    return this.#state === "stdout_ended";
  }

  /** Whether the request has ended. */
  get isEnded(): boolean {
    return this.#state === "ended";
  }

  /** Whether the bytes so far end in the middle of a record. */
  get isPartial(): boolean {
    return this.#records.isPartial;
  }

  /**
   * Takes the next bytes of the connection. Their events are all emitted before this returns.
   *
   * @throws {FastCgiError} `bad_reply`, or a fault of the record layer; nothing more can be decoded
   * then.
   */
  receive(chunk: Uint8Array): void {
    this.#records.push(chunk);
    for (let record = this.#records.next(); record !== undefined; record = this.#records.next()) {
      if (record.requestId !== this.#requestId) continue;
      if (this.#state === "ended") {
        throw badReply("it goes on behind END_REQUEST");
      }
      switch (record.type) {
        case RecordType.STDOUT:
          this.#stdout(record.content);
          break;
        case RecordType.STDERR:
          if (record.content.length > 0) this.#events.onStderr(record.content);
          break;
        case RecordType.END_REQUEST: {
          const body = decodeEndRequest(record.content);
          this.#state = "ended";
          this.#events.onEnd(body);
        }
      }
    }
  }

  #stdout(content: Uint8Array): void {
    if (content.length === 0) {
      if (this.#state === "body") this.#state = "stdout_ended";
      return;
    }
    if (this.#state === "body") return this.#events.onContent(content);
    if (this.#state !== "head") return;
    const found = this.#header.push(content);
    if (found === undefined) return;
    this.#state = "body";
    this.#events.onHead(found.head);
    if (found.rest.length > 0) this.#events.onContent(found.rest);
  }
}
