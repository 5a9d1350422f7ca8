/**
 * A connection that several requests share (FastCGI 1.0, section 3.1, "multiplexing"): what the
 * application sends is handed on, record by record, to the request that it belongs to.
 *
 * Nothing is gathered and nothing is decoded but headers. A request whose reply is not being read
 * holds up the others, since what it has waiting is bounded.
 */
import { FCGI_HEADER_LEN, FCGI_VERSION_1, RecordType } from "../protocol/constants.ts";
import { encodeRecord } from "../protocol/mod.ts";
import type { Carrier, Lane } from "./carrier.ts";
import type { Connection } from "./connection.ts";

// As loaded: applications replace the global.
const { Map, Promise } = globalThis;

/** The most bytes that wait to be read by one request before nothing more is read for any. */
const MAX_WAITING = 262_144;

export class SharedConnection implements Carrier {
  readonly #connection: Connection;
  readonly #capacity: number;
  readonly #lanes = new Map<number, SharedLane>();
  /** The header of a record, as far as it has come. */
  readonly #header = new Uint8Array(FCGI_HEADER_LEN);
  #headerLength = 0;
  /** What is still to come of the record. */
  #missing = 0;
  /** Whether it carries no more requests than it has. */
  #isRetired = false;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;
  /** Called when the application closes it while it is idle. */
  #onIdleEnd: (() => void) | undefined;

  /** @param capacity The most requests at once. */
  constructor(connection: Connection, capacity: number) {
    this.#connection = connection;
    this.#capacity = capacity;
    void this.#read();
  }

  get uses(): number {
    return this.#connection.uses;
  }

  get active(): number {
    return this.#lanes.size;
  }

  get hasRoom(): boolean {
    return !this.#isRetired && this.#lanes.size < this.#capacity;
  }

  /** Begins a request, with the lowest id that is free. */
  open(): Lane {
    clearTimeout(this.#idleTimer);
    this.#onIdleEnd = undefined;
    let id = 1;
    while (this.#lanes.has(id)) id++;
    const lane = new SharedLane(id, this.#connection, this.#connection.uses > 0);
    this.#lanes.set(id, lane);
    this.#connection.uses++;
    return lane;
  }

  /** That something is left unsent, or unread, is of no matter to the others. */
  release({ requestId }: Lane): boolean {
    const lane = this.#lanes.get(requestId);
    this.#lanes.delete(requestId);
    if (lane !== undefined && !lane.hasEnded) {
      // The application may go on with it: its id cannot be used again.
      this.#isRetired = true;
      lane.close(undefined);
      this.#connection.write(encodeRecord(RecordType.ABORT_REQUEST, requestId)).catch(() => {});
    }
    return !this.#isRetired || this.#lanes.size > 0;
  }

  watch(idleTimeout: number, onEvent: () => void): void {
    if (idleTimeout > 0) this.#idleTimer = setTimeout(onEvent, idleTimeout);
    this.#onIdleEnd = onEvent;
  }

  close(): void {
    clearTimeout(this.#idleTimer);
    this.#end();
    this.#connection.close();
  }

  /** Hands on what comes, to the end. */
  async #read(): Promise<void> {
    try {
      for (;;) {
        const chunk = await this.#connection.read();
        if (chunk === undefined) return this.#end();
        if (this.#lanes.size === 0 && this.#onIdleEnd !== undefined) return this.#end();
        this.#handOn(chunk);
        for (const lane of this.#lanes.values()) await lane.room;
      }
    } catch (error) {
      this.#end(error);
    }
  }

  #handOn(chunk: Uint8Array): void {
    for (let offset = 0; offset < chunk.length;) {
      if (this.#headerLength < FCGI_HEADER_LEN) {
        offset = this.#takeHeader(chunk, offset);
        continue;
      }
      const part = chunk.subarray(offset, offset + this.#missing);
      offset += part.length;
      this.#missing -= part.length;
      this.#lanes.get(this.#id)?.push(part);
      this.#endRecord();
    }
  }

  /** Takes bytes of a header; returns where those behind it begin. */
  #takeHeader(chunk: Uint8Array, offset: number): number {
    const bytes = chunk.subarray(offset, offset + FCGI_HEADER_LEN - this.#headerLength);
    this.#header.set(bytes, this.#headerLength);
    this.#headerLength += bytes.length;
    if (this.#headerLength < FCGI_HEADER_LEN) return offset + bytes.length;
    const header = this.#header.slice();
    if (header[0] !== FCGI_VERSION_1) {
      // No record begins anywhere from here on. Each of them says so in its own words.
      for (const lane of this.#lanes.values()) lane.push(header);
      this.#end();
      return chunk.length;
    }
    this.#missing = (header[4]! << 8 | header[5]!) + header[6]!;
    this.#lanes.get(this.#id)?.push(header);
    this.#endRecord();
    return offset + bytes.length;
  }

  /** Ends a record if all of it has come. */
  #endRecord(): void {
    if (this.#missing > 0) return;
    this.#headerLength = 0;
    if (this.#header[1] !== RecordType.END_REQUEST) return;
    this.#lanes.get(this.#id)?.end();
  }

  get #id(): number {
    return this.#header[2]! << 8 | this.#header[3]!;
  }

  /** Nothing comes any more. */
  #end(error?: unknown): void {
    this.#isRetired = true;
    for (const lane of this.#lanes.values()) lane.close(error);
    const onIdleEnd = this.#onIdleEnd;
    this.#onIdleEnd = undefined;
    onIdleEnd?.();
  }
}

/** A request's share of a connection. */
class SharedLane implements Lane {
  readonly requestId: number;
  readonly isShared = true;
  readonly isReused: boolean;
  readonly #connection: Connection;
  #waiting: Uint8Array[] = [];
  #size = 0;
  #state: "open" | "ended" | "closed" = "open";
  #error: unknown;
  /** Wakes the reader when something has come. */
  #wake: (() => void) | undefined;
  #hasRoom: PromiseWithResolvers<void> | undefined;

  constructor(requestId: number, connection: Connection, isReused: boolean) {
    this.requestId = requestId;
    this.isReused = isReused;
    this.#connection = connection;
  }

  /** Whether the application has ended the request, or is gone. */
  get hasEnded(): boolean {
    return this.#state !== "open";
  }

  /** Resolves when more may come. */
  get room(): Promise<void> | undefined {
    return this.#hasRoom?.promise;
  }

  async read(): Promise<Uint8Array | undefined> {
    while (this.#waiting.length === 0) {
      if (this.#error !== undefined) throw this.#error;
      if (this.#state === "closed") return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const bytes = this.#waiting.shift()!;
    this.#size -= bytes.length;
    if (this.#size < MAX_WAITING) this.#makeRoom();
    return bytes;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#connection.write(bytes);
  }

  push(bytes: Uint8Array): void {
    if (this.#state === "closed" || bytes.length === 0) return;
    this.#waiting.push(bytes);
    this.#size += bytes.length;
    if (this.#size >= MAX_WAITING) this.#hasRoom ??= Promise.withResolvers();
    this.#wake?.();
  }

  /** The application has ended the request. */
  end(): void {
    if (this.#state === "open") this.#state = "ended";
  }

  /** Nothing comes any more. */
  close(error: unknown): void {
    this.#state = "closed";
    this.#error = error;
    this.#wake?.();
    this.#makeRoom();
  }

  #makeRoom(): void {
    this.#hasRoom?.resolve();
    this.#hasRoom = undefined;
  }
}
