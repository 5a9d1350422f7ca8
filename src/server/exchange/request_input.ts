import { CgiParams } from "../../cgi/params.ts";
import type { Rejection } from "../../cgi/rejection.ts";
import { RecordType } from "../../protocol/constants.ts";
import { ContentBuffer } from "../../protocol/content_buffer.ts";
import type { CompleteOptions } from "../application/connection_options.ts";
import type { ServeRole } from "../application/handler.ts";
import { BODY_HIGH_WATER_MARK } from "./request_body.ts";
import { readParams } from "./read_params.ts";
import { BODY_TOO_EARLY, bodyTooLarge, PARAMS_TOO_LARGE } from "./rejections.ts";
import { type BodyFlow, RequestBody } from "./request_body.ts";

const NO_CONTENT = new ContentBuffer();

/**
 * The progress of a request's input: `ended` with the end of its last stream, `aborted` by
 * ABORT_REQUEST, after which that end may still come.
 */
export type InputProgress = "open" | "aborted" | "ended";

/** The input of one request: PARAMS, and the bodies STDIN and DATA. */
export class RequestInput {
  readonly stdin: RequestBody;
  /** The second body of a filter. */
  readonly data: RequestBody | undefined;
  readonly #options: CompleteOptions;
  #params: ContentBuffer = new ContentBuffer();
  #hasParams = false;
  #progress: InputProgress = "open";

  constructor(role: ServeRole, options: CompleteOptions, flow: BodyFlow) {
    this.#options = options;
    this.stdin = new RequestBody(flow, options.maxBodyBytes);
    if (role === "filter") this.data = new RequestBody(flow);
  }

  /** Whether PARAMS have ended. */
  get hasParams(): boolean {
    return this.#hasParams;
  }

  get progress(): InputProgress {
    return this.#progress;
  }

  /**
   * Takes the content of a PARAMS, STDIN or DATA record; returns a rejection if the request cannot
   * go on.
   */
  receive(type: number, content: Uint8Array): Rejection | undefined {
    if (type === RecordType.PARAMS) return this.#receiveParams(content);
    const body = type === RecordType.STDIN ? this.stdin : this.data;
    if (content.length === 0 && body === (this.data ?? this.stdin)) this.#progress = "ended";
    const isTaken = body?.push(content) ?? true;
    if (!isTaken) return bodyTooLarge(this.#options.maxBodyBytes);
    // After the parameters a body is buffered for one chunk at most; before them it has no other
    // limit.
    return !this.#hasParams && (body?.gathered ?? 0) > BODY_HIGH_WATER_MARK
      ? BODY_TOO_EARLY
      : undefined;
  }

  /** Parses the parameters, once; returns a rejection if they are invalid. */
  readParams(): CgiParams | Rejection {
    const content = this.#params.bytes();
    this.dropParams();
    return readParams(content, this.#options.maxParams);
  }

  /** Whether a body is full, and has not been read since the last call. */
  hasStalledBody(): boolean {
    const hasStalled = this.stdin.hasStalled();
    return this.data?.hasStalled() || hasStalled;
  }

  /** Records an ABORT_REQUEST. */
  abort(): void {
    this.#progress = "aborted";
  }

  /** Gives up the rest of the bodies: their streams error with `reason`. */
  failBodies(reason?: DOMException): void {
    this.stdin.fail(reason);
    this.data?.fail(reason);
  }

  /** Drops the parameters, and accepts no more of them. */
  dropParams(): void {
    this.#hasParams = true;
    this.#params = NO_CONTENT;
  }

  #receiveParams(content: Uint8Array): Rejection | undefined {
    if (this.#hasParams) return undefined;
    if (content.length === 0) {
      this.#hasParams = true;
      return undefined;
    }
    if (content.length > this.#options.maxParamsBytes - this.#params.length) {
      return PARAMS_TOO_LARGE;
    }
    this.#params.append(content);
    return undefined;
  }
}
