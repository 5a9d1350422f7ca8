// The web server's end of one connection, in memory: it gives the engine a request in pieces as a
// socket would, heeds back-pressure, and sees where the reply ends.

import type { Transport, TransportEvents } from "../../../src/server/connection/transport.ts";

/** What a read of a socket gives at most. */
const READ = 64 * 1024;
const HEADER = 8;
const END_REQUEST = 3;

export class Peer implements Transport {
  readonly backlog = 0;
  // Each piece is sent as a copy.
  readonly ownsChunks = true;
  /** All writes, once it is an array. */
  written: Uint8Array[] | undefined;
  readonly #pieces: Uint8Array[] = [];
  readonly #answered: () => void;
  readonly #events: TransportEvents;
  #next = 0;
  #paused = false;
  /** Bytes that are still to come of the record that a write ended in. */
  #left = 0;

  /** `accept` connects it to an engine; `answered` is called at the end of each reply. */
  constructor(
    request: Uint8Array,
    accept: (transport: Transport) => TransportEvents,
    answered: () => void,
  ) {
    for (let start = 0; start < request.length; start += READ) {
      this.#pieces.push(request.subarray(start, start + READ));
    }
    this.#answered = answered;
    this.#events = accept(this);
    this.#next = this.#pieces.length;
  }

  /** From now on there is a request to be sent. */
  begin(): void {
    this.#next = 0;
  }

  /** Sends one piece of the request, unless it has to wait; returns whether there is more. */
  send(): boolean {
    // A copy, for the bytes belong to the engine from now on.
    if (!this.#paused) this.#events.receive(this.#pieces[this.#next++].slice());
    return this.#next < this.#pieces.length;
  }

  write(bytes: Uint8Array): boolean {
    this.written?.push(bytes);
    let at = this.#left;
    let type = 0;
    while (at < bytes.length) {
      if (at + HEADER > bytes.length) throw new Error("Cut in a record header");
      type = bytes[at + 1];
      at += HEADER + bytes[at + 4] * 256 + bytes[at + 5] + bytes[at + 6];
    }
    this.#left = at - bytes.length;
    if (type === END_REQUEST) this.#answered();
    return true;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
  }

  end(): void {
    throw new Error("The engine ended a kept connection");
  }

  destroy(): void {
    throw new Error("The engine destroyed a connection");
  }
}
