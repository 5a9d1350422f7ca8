/**
 * The connection pool of one client: its limit, the idle connections, and the requests that wait
 * for one.
 *
 * An idle connection is watched. If the application closes it, it is removed before a request can
 * get it. Only a close that crosses the next request on its way is left, and the client retries
 * that request.
 */
import type { ByteStreams } from "./byte_streams.ts";
import { Connection } from "./connection.ts";

// As loaded: applications replace the global.
const { Promise } = globalThis;

/** A pool of connections. */
export class ConnectionPool {
  readonly #connect: () => Promise<ByteStreams>;
  readonly #maxConnections: number;
  readonly #open = new Set<Connection>();
  /**
   * Idle connections, as a stack: the most recently used one is reused first, so that the
   * application can close the others undisturbed.
   */
  readonly #idle: Connection[] = [];
  readonly #waiting: (() => void)[] = [];
  #connecting = 0;
  #isClosed = false;

  /** Creates a pool; `maxConnections` counts the idle connections too. */
  constructor(connect: () => Promise<ByteStreams>, maxConnections: number) {
    this.#connect = connect;
    this.#maxConnections = maxConnections;
  }

  /**
   * Acquires an idle connection, or opens one, or waits until the limit allows one more. With
   * `fresh` it is always a new one.
   *
   * @throws {TypeError} If the pool is closed. Whatever `connect` throws passes through.
   */
  async acquire({ fresh = false } = {}): Promise<Connection> {
    for (;;) {
      if (this.#isClosed) throw closedError();
      const idle = fresh ? undefined : this.#idle.pop();
      if (idle !== undefined) return idle;
      if (this.#open.size + this.#connecting < this.#maxConnections) return await this.#add();
      // Only with `fresh`: an idle connection makes room for the new one.
      const spare = this.#idle.shift();
      if (spare !== undefined) this.#close(spare);
      else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Releases a connection: it becomes idle if it can carry another request, else it is closed. */
  release(connection: Connection, isReusable: boolean): void {
    if (!this.#open.has(connection)) return;
    if (!isReusable) return this.#close(connection);
    this.#idle.push(connection);
    connection.watch(() => {
      const index = this.#idle.indexOf(connection);
      if (index === -1) return;
      this.#idle.splice(index, 1);
      this.#close(connection);
    });
    this.#wakeOne();
  }

  /** Closes every connection, the busy ones too; {@link acquire} throws from then on. */
  close(): void {
    this.#isClosed = true;
    this.#idle.length = 0;
    for (const connection of this.#open) connection.close();
    this.#open.clear();
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async #add(): Promise<Connection> {
    this.#connecting++;
    let connection: Connection;
    try {
      connection = new Connection(await this.#connect());
    } catch (error) {
      this.#wakeOne();
      throw error;
    } finally {
      this.#connecting--;
    }
    if (this.#isClosed) {
      connection.close();
      throw closedError();
    }
    this.#open.add(connection);
    return connection;
  }

  #close(connection: Connection): void {
    connection.close();
    this.#open.delete(connection);
    this.#wakeOne();
  }

  #wakeOne(): void {
    this.#waiting.shift()?.();
  }
}

function closedError(): TypeError {
  return new TypeError("Cannot use the FastCGI client: it is closed");
}
