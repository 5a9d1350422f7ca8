/**
 * The connections of one client: how many there may be, which are idle, who waits for one.
 *
 * An idle connection is watched. If the application closes it, it is gone before anybody wants it;
 * only a close that is on its way while the next request goes out is left for the client to try
 * again.
 */
import type { ByteStreams } from "./byte_streams.ts";
import { Connection } from "./connection.ts";

/** Hands out connections and takes them back. */
export class ConnectionPool {
  readonly #connect: () => Promise<ByteStreams>;
  readonly #maxConnections: number;
  readonly #open = new Set<Connection>();
  /**
   * The one used last is at the end, and is used first: the rest may be closed by the application
   * in peace.
   */
  readonly #idle: Connection[] = [];
  readonly #waiting: (() => void)[] = [];
  #connecting = 0;
  #isClosed = false;

  /** `maxConnections` counts the idle ones too. */
  constructor(connect: () => Promise<ByteStreams>, maxConnections: number) {
    this.#connect = connect;
    this.#maxConnections = maxConnections;
  }

  /**
   * Takes an idle connection, or makes one, or waits until there may be one more. With `fresh` it
   * is a new one.
   *
   * @throws {TypeError} If the pool is closed. Whatever `connect` throws passes through.
   */
  async acquire({ fresh = false } = {}): Promise<Connection> {
    for (;;) {
      if (this.#isClosed) throw closedError();
      const idle = fresh ? undefined : this.#idle.pop();
      if (idle !== undefined) return idle;
      if (this.#open.size + this.#connecting < this.#maxConnections) return await this.#add();
      // Only for a fresh one: an idle connection makes room for it.
      const spare = this.#idle.shift();
      if (spare !== undefined) this.#close(spare);
      else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Takes a connection back: idle if it can carry another request, else closed. */
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

  /** Closes every connection, the busy ones too, and hands out no more. */
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
