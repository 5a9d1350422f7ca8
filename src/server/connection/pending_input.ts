/**
 * Tracks the input that a peer still has to send for requests that have ended: a response may be
 * sent before its request is complete (413 during the upload). That input is discarded, but it has
 * to be read: closing the connection under it causes a reset, and the peer loses the response that
 * it has not read yet.
 */
import { RecordType } from "../../protocol/constants.ts";
import type { FastCgiRecord } from "../../protocol/record.ts";
import type { Exchange } from "../exchange/exchange.ts";

// As loaded: applications replace the global.
const { Map } = globalThis;

/**
 * The input that a peer may send when no request is left to answer:
 * - `nothing`: its only request is complete
 * - `anything`: it may send another request, or the end of an empty stream
 * - `more`: it is in the middle of a stream, or of a record
 */
export type Expected = "nothing" | "anything" | "more";

/** Marks a request of which only the end of a stream can come, no content. */
const END_ALONE = 0;

/** The pending input of one connection, beside that of requests in flight. */
export class PendingInput {
  /** Whether the peer may send another request: before the first one, and with FCGI_KEEP_CONN. */
  #mayAsk = true;
  /** By request id, the type of the stream that has still to end, or {@link END_ALONE}. */
  #streams: Map<number, number> | undefined;

  /** The input that may still come, as far as requests tell. */
  get expected(): Expected {
    const streams = [...this.#streams?.values() ?? []];
    if (streams.some((type) => type !== END_ALONE)) return "more";
    return this.#mayAsk || streams.length > 0 ? "anything" : "nothing";
  }

  /** A request begins. The missing input of an earlier one with its id will not come any more. */
  begin(requestId: number, isKept: boolean): void {
    this.#mayAsk = isKept;
    this.#streams?.delete(requestId);
  }

  /** A request is refused at its BEGIN_REQUEST. */
  refuse(requestId: number): void {
    this.#await(requestId, RecordType.STDIN);
  }

  /** A request has ended. */
  end(exchange: Exchange): void {
    const { id, input: { progress, stdin, data }, role, method } = exchange;
    if (progress === "ended") return;
    // An authorizer gets no content, and not from every web server the end of STDIN.
    const isEmpty = role === "authorizer" ? method !== "" : data === undefined && stdin.isComplete;
    const type = data === undefined ? RecordType.STDIN : RecordType.DATA;
    this.#await(id, isEmpty || progress === "aborted" ? END_ALONE : type);
  }

  /** A record that belongs to no request in flight. */
  drop({ type, requestId, content }: FastCgiRecord): void {
    if (content.length > 0 || this.#streams === undefined) return;
    if (type !== RecordType.STDIN && type !== RecordType.DATA) return;
    const awaited = this.#streams.get(requestId);
    if (awaited === END_ALONE || awaited === type) this.#streams.delete(requestId);
  }

  #await(requestId: number, type: number): void {
    this.#streams ??= new Map();
    this.#streams.set(requestId, type);
  }
}
