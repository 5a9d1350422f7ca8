/**
 * Closing a listening socket without losing those who have connected to it.
 *
 * The system lets a peer connect, and send, long before the program accepts it; whoever is still
 * waiting when the socket is closed gets a reset. So it is closed only when some turns of the event
 * loop have brought nobody.
 *
 * Where new ones can connect until then (TCP, a socket that the program has inherited) that may
 * never be, so there is a limit. It costs nobody anything where others hold the same socket
 * (systemd, the other processes of spawn-fcgi): those who wait then are theirs, but whether there
 * are others cannot be seen from here. On a TCP socket of the program's own, those who connect
 * behind the last look are reset: the docs of `shutdown()` say so.
 */
import { type AcceptSocket, IGNORE_EVENTS, type Listener } from "./listener.ts";

/** How often the loop comes round without a new connection before there is none left to take. */
const QUIET_TURNS = 10;
/** The same where the next may come at any time. Deno takes three turns to accept one who waits. */
const FEW_QUIET_TURNS = 4;
/** How often it does at most: more often than the system queues connections. */
const MAX_TURNS = 5_000;
/**
 * How long new ones are let in where they do not stop coming, in milliseconds. A process that was
 * blocked takes a full queue in less, and what follows (`shutdownTimeout`, the end by force) is
 * over before the ten seconds are that Docker waits.
 */
const MAX_WAIT = 2_000;
/** From when on a few quiet turns are enough, in milliseconds: they show an empty queue. */
const LONG_WAIT = 100;

/** Counts accepted connections, and can be shut. */
export class AcceptGate {
  isShut = false;
  /** How many have come in. */
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
   * Resolves when all who have connected have come in.
   *
   * @param isOpen Whether others can connect meanwhile, so that it has to end some time.
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

/** Opens a listener with `bind` that goes on accepting for a moment when it is to be closed. */
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
