/**
 * Closes a listening socket without resetting the connections in its listen queue.
 *
 * The system lets a peer connect, and send, long before the program accepts; a connection still in
 * the listen queue when the socket is closed is reset. So the socket is closed only after several
 * turns of the event loop without a new connection.
 *
 * Where peers can still connect until then (TCP, an inherited socket) that may never happen, so
 * there is a limit. It does no harm where other processes hold the same socket (systemd, the other
 * processes of spawn-fcgi): they accept the connections that are left, but whether there are such
 * processes cannot be known here. On a TCP socket of the program's own, connections that come after
 * the last check are reset: the docs of `shutdown()` say so.
 */
import { type AcceptSocket, IGNORE_EVENTS, type Listener } from "./listener.ts";

// As loaded: applications replace the global.
const { Promise } = globalThis;

/**
 * Turns of the event loop without a new connection after which the listen queue counts as empty.
 */
const QUIET_TURNS = 10;
/**
 * The same where new connections may come at any time. Deno takes three turns to accept a queued
 * one.
 */
const FEW_QUIET_TURNS = 4;
/** The most turns: more than a listen queue has connections. */
const MAX_TURNS = 5_000;
/**
 * How long connections are still accepted where they do not stop coming, in milliseconds. A process
 * that was blocked accepts a full queue in less, and the rest of the shutdown (`shutdownTimeout`,
 * the end by force) is over before the ten seconds that Docker waits.
 */
const MAX_WAIT = 2_000;
/** The time after which a few quiet turns are enough, in milliseconds: they show an empty queue. */
const LONG_WAIT = 100;

/** Counts accepted connections; once shut, it closes them at once. */
export class AcceptGate {
  isShut = false;
  /** Connections accepted so far. */
  count = 0;
  readonly #accept: AcceptSocket;

  constructor(accept: AcceptSocket) {
    this.#accept = accept;
  }

  readonly accept: AcceptSocket = (socket) => {
    this.count++;
    if (!this.isShut) return this.#accept(socket);
    socket.destroy();
    return IGNORE_EVENTS;
  };

  /**
   * Resolves when the listen queue is empty.
   *
   * @param isOpen Whether peers can still connect, so that the wait needs a limit.
   */
  async quiet(isOpen = false): Promise<void> {
    const start = performance.now();
    let count = this.count;
    for (let turn = 0, quiet = 0; turn < MAX_TURNS && quiet < QUIET_TURNS; turn++) {
      await new Promise((resolve) => setTimeout(resolve));
      quiet = this.count === count ? quiet + 1 : 0;
      count = this.count;
      if (!isOpen || turn < QUIET_TURNS) continue;
      const waited = performance.now() - start;
      if (waited > MAX_WAIT || waited > LONG_WAIT && quiet >= FEW_QUIET_TURNS) return;
    }
  }
}

/**
 * Opens a listener with `bind`, whose `close()` goes on accepting until the listen queue is empty.
 */
export async function listenGated(
  bind: (accept: AcceptSocket) => Listener | Promise<Listener>,
  accept: AcceptSocket,
): Promise<Listener> {
  const gate = new AcceptGate(accept);
  const listener = await bind(gate.accept);
  return {
    address: listener.address,
    async close() {
      await gate.quiet(true);
      await listener.close();
    },
    ref: () => listener.ref(),
    unref: () => listener.unref(),
  };
}
