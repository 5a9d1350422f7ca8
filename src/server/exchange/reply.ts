import type { EndRequestBody } from "../../protocol/bodies.ts";
import type { BodyReader } from "./body_start.ts";
import { cancelQuietly } from "../application/cancel_quietly.ts";
import { encodeLogLine } from "./log_line.ts";
import { encodeWrite } from "./reply_bytes.ts";
import type { RunInContext } from "../application/run_in_context.ts";

/** The shared empty list: most replies log nothing, and need no list of their own. */
const NO_LINES: Uint8Array[] = [];

/**
 * The reply to one request: the body that is read for it, and the log lines that are sent with it.
 */
export class Reply {
  readonly #id: number;
  /** Encoded log lines for the next write. */
  #log: Uint8Array[] = NO_LINES;
  #hasLogged = false;
  /** The reader of the body, until the body has ended. */
  #body: BodyReader | undefined;

  constructor(id: number) {
    this.#id = id;
  }

  /** Adds a line to the next write. */
  log(message: unknown): void {
    this.#hasLogged = true;
    const line = encodeLogLine(message);
    if (this.#log.length === 0) this.#log = [line];
    else this.#log.push(line);
  }

  /** Encodes the next write: a part of the response, or with `end` the last one. */
  encode(
    head: string,
    body: readonly Uint8Array[],
    end: boolean,
    endRequest?: EndRequestBody,
  ): Uint8Array | Uint8Array[] {
    const ending = end ? this.#hasLogged ? "end with stderr" : "end" : "open";
    const log = this.#log;
    this.#log = NO_LINES;
    return encodeWrite(this.#id, head, body, log, ending, endRequest);
  }

  /** Drops the queued log lines: there is no next write. */
  dropLog(): void {
    this.#log = NO_LINES;
  }

  /** Records the reader of the body, for {@link dropBody} to cancel. */
  bodyOpened(reader: BodyReader): void {
    this.#body = reader;
  }

  /** The body has been read to its end. */
  bodyEnded(): void {
    this.#body = undefined;
  }

  /** Cancels the body, if there is one that has not ended. */
  dropBody(reason: unknown, run: RunInContext): void {
    const body = this.#body;
    this.#body = undefined;
    if (body) run((body) => void cancelQuietly(body, reason), body);
  }
}
