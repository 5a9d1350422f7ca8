import { Application, type ServiceOptions } from "./application/application.ts";
import { Connection, type ConnectionOwner } from "./connection/connection.ts";
import type { ConnectionOptions } from "./application/connection_options.ts";
import type { ServeHandler } from "./application/handler.ts";
import type { RunInContext } from "./application/run_in_context.ts";
import { ShutdownDeadline } from "./shutdown_deadline.ts";
import { type ServerStats, statsOf } from "./application/stats.ts";
import { Ticker } from "./ticker.ts";
import { checkTimeouts, type TickLimits } from "./timeouts.ts";
import type { Transport } from "./connection/transport.ts";

// As loaded: applications replace the global.
const { Promise } = globalThis;

/** The set of connections on which an application is served. */
export class Service implements ConnectionOwner {
  readonly application: Application;
  readonly #maxConnections: number;
  readonly #connections = new Set<Connection>();
  readonly #ticker: Ticker;
  readonly #tickLimits: TickLimits;
  #drained: PromiseWithResolvers<void> | undefined;
  #deadline: ShutdownDeadline | undefined;

  constructor(
    handler: ServeHandler,
    options: ConnectionOptions = {},
    serviceOptions: ServiceOptions = {},
    run?: RunInContext,
  ) {
    const settled = () => this.#settle();
    this.application = new Application(handler, options, serviceOptions, run, settled);
    this.#maxConnections = serviceOptions.maxConnections ?? Infinity;
    const { paramsTimeout, handlerTimeout, writeTimeout } = this.application.options;
    this.#ticker = new Ticker([paramsTimeout, handlerTimeout, writeTimeout], () => this.#tick());
    this.#tickLimits = {
      params: this.#ticker.ticksOf(paramsTimeout),
      handler: this.#ticker.ticksOf(handlerTimeout),
      write: this.#ticker.ticksOf(writeTimeout),
    };
  }

  /**
   * Starts serving a connection; beyond `maxConnections` it replaces an idle one, or gets a 503.
   */
  accept(transport: Transport): Connection {
    const connection = new Connection(transport, this.application, this);
    this.application.counters.connectionsAccepted++;
    if (this.#isFull && !this.#closeOldestIdle()) this.#refuse(connection);
    else if (this.#drained !== undefined) connection.drain();
    this.#connections.add(connection);
    this.startTicking();
    return connection;
  }

  /** Starts the clock: a connection may have a timeout from now on. */
  startTicking(): void {
    this.#ticker.start();
  }

  /** What has been served, and what is. */
  stats(): ServerStats {
    return statsOf(this.application, this.#connections.size);
  }

  /** A connection is closed on both sides. */
  connectionClosed(connection: Connection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#ticker.stop();
    this.#settle();
  }

  /**
   * Drains all connections: closes idle ones, and the others after their requests in flight;
   * resolves when all are closed and the promises of `waitUntil` have settled.
   *
   * @param timeout Milliseconds after which the rest is broken off; 0 and `Infinity` mean never.
   */
  drain(timeout = 0): Promise<void> {
    this.#drained ??= Promise.withResolvers();
    for (const connection of [...this.#connections]) connection.drain();
    const { pending } = this.application;
    this.#deadline ??= new ShutdownDeadline(timeout, this.#connections, pending, (lost) => {
      if (lost !== undefined) this.application.report(lost);
      this.#settle();
    });
    this.#settle();
    return this.#drained.promise;
  }

  /**
   * Whether the limit is reached: `maxConnections` connections accept requests. Those that are
   * ending have been answered, and do not count.
   */
  get #isFull(): boolean {
    if (this.#connections.size < this.#maxConnections) return false;
    let serving = 0;
    for (const connection of this.#connections) if (connection.isServing) serving++;
    return serving >= this.#maxConnections;
  }

  /** Closes the oldest idle connection; returns whether there is one. */
  #closeOldestIdle(): boolean {
    for (const connection of this.#connections) {
      if (connection.isIdle && connection.drain()) return true;
    }
    return false;
  }

  #refuse(connection: Connection): void {
    this.application.counters.connectionsRefused++;
    connection.refuse();
  }

  #settle(): void {
    if (this.#drained === undefined) return;
    if (this.#connections.size > 0 || this.application.pending.size > 0) return;
    this.#deadline?.clear();
    this.application.flushReports();
    this.#drained.resolve();
  }

  #tick(): boolean {
    let isWaiting = false;
    for (const connection of [...this.#connections]) {
      checkTimeouts(connection, this.#tickLimits);
      isWaiting ||= !connection.isIdle;
    }
    return isWaiting;
  }
}
