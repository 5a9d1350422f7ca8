/**
 * The connection pool of one client: its limits, the idle connections, and the requests that wait
 * for one, first come, first served.
 *
 * An idle connection is watched. If the application closes it, it is removed before a request can
 * get it. Only a close that crosses the next request on its way is left, and the client retries
 * that request.
 */
import type { ByteStreams } from "./byte_streams.ts";
import { Connection } from "./connection.ts";
import { closedError, connectTimedOut, overloaded } from "./errors.ts";
import { waitFor } from "./wait_for.ts";

// As loaded: applications replace the global.
const { AbortController, Promise } = globalThis;

/** The limits of a pool. Times are in milliseconds; 0 is none. */
export interface PoolLimits {
  /** The most connections, the idle ones too. */
  readonly maxConnections: number;
  /** Whether a connection may be idle at all. */
  readonly keepsIdle: boolean;
  /** How many requests one connection may carry; 0 is no limit. */
  readonly maxConnectionUses: number;
  /** How long a connection may be idle. */
  readonly idleTimeout: number;
  /** How long connecting may take. */
  readonly connectTimeout: number;
  /** The most requests that wait for a connection. */
  readonly maxQueue: number;
  /** How long one may wait. */
  readonly queueTimeout: number;
}

/** A request that wants a connection. */
interface Waiting {
  /** Whether it must be a new one. */
  readonly fresh: boolean;
  /** Whether it has got one, or does not want one any more. */
  isSettled: boolean;
  resolve(connection: Connection): void;
  reject(reason: unknown): void;
}

/** A pool of connections. */
export class ConnectionPool {
  readonly #connect: () => Promise<ByteStreams>;
  readonly #limits: PoolLimits;
  readonly #open = new Set<Connection>();
  /**
   * Idle connections, as a stack: the most recently used one is reused first, so that the
   * application can close the others undisturbed.
   */
  readonly #idle: Connection[] = [];
  #queue: Waiting[] = [];
  #connecting = 0;
  /** Aborts when the pool is closed. */
  readonly #closing = new AbortController();

  /** Creates a pool; it connects when a connection is wanted. */
  constructor(connect: () => Promise<ByteStreams>, limits: PoolLimits) {
    this.#connect = connect;
    this.#limits = limits;
  }

  /**
   * Acquires an idle connection, or opens one, or waits until the limit allows one more. With
   * `fresh` it is always a new one. Who gives up by the signal waits no longer, and costs nothing.
   *
   * @throws {TypeError} If the pool is closed. Whatever `connect` throws passes through.
   * @throws {FastCgiError} `overloaded` if too many wait, or for too long; `timed_out` if
   * connecting takes too long.
   * @throws The signal's reason.
   */
  async acquire(signal?: AbortSignal, { fresh = false } = {}): Promise<Connection> {
    this.#closing.signal.throwIfAborted();
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<Connection>();
    const waiting: Waiting = { fresh, isSettled: false, resolve, reject };
    this.#queue.push(waiting);
    this.#serveQueue();
    const { maxQueue, queueTimeout } = this.#limits;
    if (this.#queue.length > maxQueue) {
      const why = `${maxQueue} requests wait already (maxQueue)`;
      this.#giveUp(waiting, overloaded(why));
    }
    const onAbort = () => this.#giveUp(waiting, signal!.reason);
    signal?.addEventListener("abort", onAbort);
    const timer = queueTimeout === 0 || !this.#queue.includes(waiting)
      ? undefined
      : setTimeout(() => this.#leaveQueue(waiting), queueTimeout);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Releases a connection: another request gets it if it can carry one more, else it is closed. */
  release(connection: Connection, isReusable: boolean): void {
    if (!this.#open.has(connection)) return;
    const { maxConnectionUses, idleTimeout } = this.#limits;
    const isUsedUp = maxConnectionUses > 0 &&
      connection.uses >= maxConnectionUses;
    if (!isReusable || isUsedUp) return this.#close(connection);
    this.#idle.push(connection);
    connection.watch(idleTimeout, () => {
      const index = this.#idle.indexOf(connection);
      if (index === -1) return;
      this.#idle.splice(index, 1);
      this.#close(connection);
    });
    this.#serveQueue();
  }

  /** Closes every connection, the busy ones too; {@link acquire} throws from then on. */
  close(): void {
    this.#closing.abort(closedError());
    this.#idle.length = 0;
    for (const connection of this.#open) connection.close();
    this.#open.clear();
    for (const waiting of this.#queue.splice(0)) this.#giveUp(waiting, closedError());
  }

  /** Gives connections to those at the head of the queue, as long as there are some. */
  #serveQueue(): void {
    for (;;) {
      const [first] = this.#queue;
      if (first === undefined) return;
      const idle = first.fresh ? undefined : this.#idle.pop();
      if (idle === undefined && !this.#hasRoom()) return;
      this.#queue.shift();
      if (idle !== undefined) this.#give(first, idle);
      else void this.#connectFor(first);
    }
  }

  /** Whether there may be one connection more; an idle one is closed for it. */
  #hasRoom(): boolean {
    if (this.#open.size + this.#connecting < this.#limits.maxConnections) return true;
    // Only for one that wants a fresh connection.
    const spare = this.#idle.shift();
    if (spare === undefined) return false;
    spare.close();
    return this.#open.delete(spare);
  }

  #give(waiting: Waiting, connection: Connection): void {
    waiting.isSettled = true;
    connection.uses++;
    waiting.resolve(connection);
  }

  async #connectFor(waiting: Waiting): Promise<void> {
    const { connectTimeout } = this.#limits;
    this.#connecting++;
    try {
      const streams = await waitFor(this.#connect(), {
        time: connectTimeout,
        error: () => connectTimedOut(connectTimeout),
        late: ({ readable, writable, close }) => {
          readable.cancel().catch(() => {});
          writable.abort().catch(() => {});
          close?.();
        },
        signal: this.#closing.signal,
      });
      this.#connected(new Connection(streams), waiting);
    } catch (error) {
      this.#giveUp(waiting, error);
    } finally {
      this.#connecting--;
    }
    this.#serveQueue();
  }

  #connected(connection: Connection, waiting: Waiting): void {
    this.#open.add(connection);
    if (!waiting.isSettled) return this.#give(waiting, connection);
    // Whoever it was for has gone: the next one gets it, or a later one.
    this.release(connection, this.#queue.length > 0 || this.#limits.keepsIdle);
  }

  /** Ends the wish of a request that has no connection. */
  #giveUp(waiting: Waiting, reason: unknown): void {
    this.#queue = this.#queue.filter((other) => other !== waiting);
    if (waiting.isSettled) return;
    waiting.isSettled = true;
    waiting.reject(reason);
  }

  /** Its time in the queue is over; connecting has a time of its own. */
  #leaveQueue(waiting: Waiting): void {
    if (!this.#queue.includes(waiting)) return;
    const { queueTimeout, maxConnections } = this.#limits;
    const why = `none of ${maxConnections} was free within ${queueTimeout} ms`;
    this.#giveUp(waiting, overloaded(`${why} (maxConnections, queueTimeout)`));
  }

  #close(connection: Connection): void {
    connection.close();
    this.#open.delete(connection);
    this.#serveQueue();
  }
}
