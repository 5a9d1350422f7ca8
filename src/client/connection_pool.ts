/**
 * The connection pool of one client: its limits, the idle connections, and the requests that wait
 * for one, first come, first served.
 *
 * An idle connection is watched. If the application closes it, it is removed before a request can
 * get it. Only a close that crosses the next request on its way is left, and the client retries
 * that request.
 */
import type { ByteStreams } from "./byte_streams.ts";
import type { Carrier, Lane } from "./carrier.ts";
import { Connection } from "./connection.ts";
import { closedError, connectTimedOut, overloaded } from "./errors.ts";
import { SharedConnection } from "./shared_connection.ts";
import { waitFor } from "./wait_for.ts";

// As loaded: applications replace the global.
const { AbortController, Map, Promise } = globalThis;

/** The limits of a pool. Times are in milliseconds; 0 is none. */
export interface PoolLimits {
  /** The most connections, the idle ones too. */
  readonly maxConnections: number;
  /** Whether a connection may be idle at all. */
  readonly keepsIdle: boolean;
  /** How many requests one connection may carry in all; 0 is no limit. */
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
  resolve(lane: Lane): void;
  reject(reason: unknown): void;
}

/** A pool of connections. */
export class ConnectionPool {
  readonly #connect: () => Promise<ByteStreams>;
  readonly #limits: PoolLimits;
  readonly #open = new Set<Carrier>();
  /**
   * Connections that can carry one request more, as a stack: the most recently used one is reused
   * first, so that the application can close the others undisturbed.
   */
  readonly #free: Carrier[] = [];
  readonly #busy = new Map<Lane, Carrier>();
  #queue: Waiting[] = [];
  #connecting = 0;
  /** Aborts when the pool is closed. */
  readonly #closing = new AbortController();

  /** The most requests at once on one connection, as far as the application takes several. */
  capacity = 1;

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
  async acquire(signal?: AbortSignal, { fresh = false } = {}): Promise<Lane> {
    this.#closing.signal.throwIfAborted();
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<Lane>();
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
  release(lane: Lane, isReusable: boolean): void {
    const carrier = this.#busy.get(lane);
    this.#busy.delete(lane);
    if (carrier === undefined || !this.#open.has(carrier)) return;
    const isOfUse = carrier.release(lane, isReusable);
    const isUsedUp = this.#isUsedUp(carrier);
    if (!isOfUse || isUsedUp && carrier.active === 0) this.#close(carrier);
    else if (!isUsedUp) this.#offer(carrier);
  }

  /** Closes every connection, the busy ones too; {@link acquire} throws from then on. */
  close(): void {
    this.#closing.abort(closedError());
    this.#free.length = 0;
    for (const carrier of this.#open) carrier.close();
    this.#open.clear();
    for (const waiting of this.#queue.splice(0)) this.#giveUp(waiting, closedError());
  }

  /** Gives connections to those at the head of the queue, as long as there are some. */
  #serveQueue(): void {
    for (;;) {
      const [first] = this.#queue;
      if (first === undefined) return;
      const carrier = first.fresh ? undefined : this.#free.findLast(({ hasRoom }) => hasRoom);
      if (carrier === undefined && (this.#isExpected || !this.#hasRoom())) return;
      this.#queue.shift();
      if (carrier === undefined) void this.#connectFor(first);
      else this.#give(first, carrier);
    }
  }

  /** Whether the connections that are being opened can carry all that wait. */
  get #isExpected(): boolean {
    return this.#queue.length <= this.#connecting * (this.capacity - 1);
  }

  /** Whether there may be one connection more; an idle one is closed for it. */
  #hasRoom(): boolean {
    if (this.#open.size + this.#connecting < this.#limits.maxConnections) return true;
    // Only for one that wants a fresh connection.
    const spare = this.#free.find(({ active }) => active === 0);
    if (spare === undefined) return false;
    this.#forget(spare);
    return true;
  }

  #give(waiting: Waiting, carrier: Carrier): void {
    const lane = carrier.open();
    this.#busy.set(lane, carrier);
    if (!carrier.hasRoom || this.#isUsedUp(carrier)) this.#remove(carrier);
    waiting.isSettled = true;
    waiting.resolve(lane);
  }

  #isUsedUp({ uses }: Carrier): boolean {
    const { maxConnectionUses } = this.#limits;
    return maxConnectionUses > 0 && uses >= maxConnectionUses;
  }

  /** A connection can carry one request more. */
  #offer(carrier: Carrier): void {
    if (carrier.hasRoom && !this.#free.includes(carrier)) this.#free.push(carrier);
    if (carrier.active === 0) {
      carrier.watch(this.#limits.idleTimeout, () => {
        if (carrier.active === 0) this.#close(carrier);
      });
    }
    this.#serveQueue();
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
      const connection = new Connection(streams);
      const { capacity } = this;
      const isShared = capacity > 1 && !waiting.fresh;
      this.#connected(isShared ? new SharedConnection(connection, capacity) : connection, waiting);
    } catch (error) {
      this.#giveUp(waiting, error);
    } finally {
      this.#connecting--;
    }
    this.#serveQueue();
  }

  #connected(carrier: Carrier, waiting: Waiting): void {
    this.#open.add(carrier);
    if (!waiting.isSettled) {
      this.#give(waiting, carrier);
      if (carrier.hasRoom) this.#offer(carrier);
    } else if (this.#queue.length > 0 || this.#limits.keepsIdle) {
      // Whoever it was for has gone: the next one gets it, or a later one.
      this.#offer(carrier);
    } else this.#close(carrier);
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

  #close(carrier: Carrier): void {
    this.#forget(carrier);
    this.#serveQueue();
  }

  #forget(carrier: Carrier): void {
    this.#remove(carrier);
    this.#open.delete(carrier);
    carrier.close();
  }

  /** No request gets it any more. */
  #remove(carrier: Carrier): void {
    const index = this.#free.indexOf(carrier);
    if (index !== -1) this.#free.splice(index, 1);
  }
}
