import { CgiParams } from "../../cgi/params.ts";
import type { Rejection } from "../../cgi/rejection.ts";
import { RecordType } from "../../protocol/constants.ts";
import { ContentBuffer } from "../../protocol/content_buffer.ts";
import type { CompleteOptions } from "../application/connection_options.ts";
import type { ServeRole } from "../application/handler.ts";
import { BODY_HIGH_WATER_MARK } from "../application/limits.ts";
import { readParams } from "./read_params.ts";
import { BODY_TOO_EARLY, bodyTooLarge, PARAMS_TOO_LARGE } from "./rejections.ts";
import { type BodyFlow, RequestBody } from "./request_body.ts";

const NO_CONTENT = new ContentBuffer();

/**
 * How far the peer is with a request: over with the end of its last stream, or with ABORT_REQUEST,
 * behind which that end may still come.
 */
export type InputProgress = "open" | "aborted" | "ended";

/** What the peer sends of one request: PARAMS, and the bodies STDIN and DATA. */
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
   * Takes the content of a PARAMS, STDIN or DATA record; returns what to answer instead of going
   * on, if anything.
   */
  receive(type: number, content: Uint8Array): Rejection | undefined {
    if (type === RecordType.PARAMS) return this.#receiveParams(content);
    const body = type === RecordType.STDIN ? this.stdin : this.data;
    if (content.length === 0 && body === (this.data ?? this.stdin)) this.#progress = "ended";
    const isTaken = body?.push(content) ?? true;
    if (!isTaken) return bodyTooLarge(this.#options.maxBodyBytes);
    // Behind the parameters a body waits for one chunk at the most; before them nothing stops it.
    return !this.#hasParams && (body?.gathered ?? 0) > BODY_HIGH_WATER_MARK
      ? BODY_TOO_EARLY
      : undefined;
  }

  /** Reads the parameters, once; returns what is wrong with them, if anything. */
  readParams(): CgiParams | Rejection {
    const content = this.#params.bytes();
    this.dropParams();
    return readParams(content, this.#options.maxParams);
  }

  /** Whether a body is full, and was not read since this was asked last. */
  hasStalledBody(): boolean {
    const hasStalled = this.stdin.hasStalled();
    return this.data?.hasStalled() || hasStalled;
  }

  /** ABORT_REQUEST has come. */
  abort(): void {
    this.#progress = "aborted";
  }

  /** Gives up what has not come yet of the bodies: whoever reads on gets `reason`. */
  failBodies(reason?: DOMException): void {
    this.stdin.fail(reason);
    this.data?.fail(reason);
  }

  /** Holds on to no parameters, and takes no more of them. */
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
