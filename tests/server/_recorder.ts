import { concat } from "../_bytes.ts";
import { parseRecords, type RawRecord } from "../_records.ts";
import type { Connection } from "../../src/server/connection/connection.ts";
import type { Service } from "../../src/server/service.ts";
import type { Transport } from "../../src/server/connection/transport.ts";

/** A transport that writes down what happens to it. */
export class Recorder implements Transport {
  readonly events: string[] = [];
  /** Bytes that the peer has not taken; the rest of what was written it has. */
  backlog = 0;
  /** What `write` answers. */
  takes = true;
  #written: Uint8Array[] = [];
  #sent: (() => void) | undefined;

  /** Serves a connection over it. */
  static accept(service: Service): { connection: Connection; transport: Recorder } {
    const transport = new Recorder();
    return { connection: service.accept(transport), transport };
  }

  write(bytes: Uint8Array): boolean {
    this.#written.push(bytes);
    return this.takes;
  }

  pause(): void {
    this.events.push("pause");
  }

  resume(): void {
    this.events.push("resume");
  }

  end(sent: () => void): void {
    this.events.push("end");
    this.#sent = sent;
  }

  destroy(): void {
    this.events.push("destroy");
  }

  /** What `end` was asked to do has been done. */
  ended(): void {
    this.#sent!();
  }

  /** The records that were written since this was asked last. */
  take(): RawRecord[] {
    const written = concat(this.#written);
    this.#written = [];
    return parseRecords(written);
  }
}
