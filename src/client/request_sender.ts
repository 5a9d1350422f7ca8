import { encodeRecord, type RecordType } from "../protocol/mod.ts";
import type { ByteReader } from "./byte_streams.ts";
import type { Lane } from "./carrier.ts";
import { encodeStreamPart } from "../protocol/record.ts";

/** A stream to send: its content cut into records, then the empty one that closes it. */
export interface OutgoingStream {
  /** STDIN or DATA. */
  type: RecordType;
  /** The content. */
  reader: ByteReader;
}

/** Sends one request under back-pressure, at the pace at which the application reads it. */
export class RequestSender {
  readonly #lane: Lane;
  readonly #streams: OutgoingStream[];
  #state: "sending" | "sent" | "stopped" = "sending";
  #writes = 0;

  /** Creates a sender; `streams` follow the first write, one after the other. */
  constructor(lane: Lane, streams: OutgoingStream[]) {
    this.#lane = lane;
    this.#streams = streams;
  }

  /** How many writes were tried. */
  get writes(): number {
    return this.#writes;
  }

  /** Whether the whole request has been written to the connection. */
  get isComplete(): boolean {
    return this.#state === "sent";
  }

  /**
   * Sends `start`, the first write, and then the streams. A broken connection only stops it: the
   * reading loop will notice, and may find the reply complete all the same.
   *
   * @throws The error of a stream.
   */
  async send(start: Uint8Array): Promise<void> {
    if (!await this.#write(start, this.#streams.length === 0)) return;
    for (const [index, { type, reader }] of this.#streams.entries()) {
      for (;;) {
        const { done, value } = await reader.read();
        if (this.#state === "stopped") return;
        if (done) break;
        const part = encodeStreamPart(type, this.#lane.requestId, value);
        if (part.length > 0 && !await this.#write(part, false)) return;
      }
      const isLast = index === this.#streams.length - 1;
      if (!await this.#write(encodeRecord(type, this.#lane.requestId), isLast)) return;
    }
  }

  /** Stops sending, and cancels the streams. */
  stop(reason?: unknown): void {
    if (this.#state === "sending") this.#state = "stopped";
    for (const { reader } of this.#streams) reader.cancel(reason).catch(() => {});
  }

  /** Returns whether to go on. */
  async #write(bytes: Uint8Array, isLast: boolean): Promise<boolean> {
    this.#writes++;
    const written = this.#lane.write(bytes);
    // Queued is enough: bytes of another request on this connection come after it.
    if (isLast) this.#state = "sent";
    try {
      await written;
    } catch {
      this.stop();
      return false;
    }
    return this.#state === "sending";
  }
}
