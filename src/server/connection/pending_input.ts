/**
 * What a peer has still to send of requests that have ended: an answer may be out before its
 * request has come in (413 while the upload runs). Nobody reads it, but it has to be taken: a
 * connection that is closed under it is reset, and the answer that the peer has not read yet is
 * lost with it.
 */
import { RecordType } from "../../protocol/constants.ts";
import type { FastCgiRecord } from "../../protocol/record.ts";
import type { Exchange } from "../exchange/exchange.ts";

/**
 * What may come of a peer when nothing is left to be answered:
 * - `nothing`: it has asked once, and said all
 * - `anything`: it may ask again, or end a stream that has no content
 * - `more`: it is in the middle of something
 */
export type Expected = "nothing" | "anything" | "more";

/** Stands for the stream that is to end, where no content can come before that. */
const END_ALONE = 0;

/** The input that one connection has still to take, beside that of requests in flight. */
export class PendingInput {
  /** Whether the peer may ask on: until it has asked, and where it keeps the connection. */
  #mayAsk = true;
  /** By request id the type of the stream that is still to end, or {@link END_ALONE}. */
  #streams: Map<number, number> | undefined;

  /** What may still come, as far as requests tell. */
  get expected(): Expected {
    const streams = [...this.#streams?.values() ?? []];
    if (streams.some((type) => type !== END_ALONE)) return "more";
    return this.#mayAsk || streams.length > 0 ? "anything" : "nothing";
  }

  /** A request begins. What was missing of one with its id will not come any more. */
  begin(requestId: number, isKept: boolean): void {
    this.#mayAsk = isKept;
    this.#streams?.delete(requestId);
  }

  /** A request is refused with its first record. */
  refuse(requestId: number): void {
    this.#await(requestId, RecordType.STDIN);
  }

  /** A request has ended. */
  end(exchange: Exchange): void {
    const { id, input: { progress, stdin, data }, role, method } = exchange;
    if (progress === "ended") return;
    // An authorizer gets no content, and not from everybody an end of it.
    const isEmpty = role === "authorizer" ? method !== "" : data === undefined && stdin.isComplete;
    const type = data === undefined ? RecordType.STDIN : RecordType.DATA;
    this.#await(id, isEmpty || progress === "aborted" ? END_ALONE : type);
  }

  /** A record that no request takes. */
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
