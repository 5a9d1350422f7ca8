/** A running server: connects a listener of `runtime/` to the engine of `server/`. */
import { print } from "../log/print.ts";
import { Readiness } from "./readiness.ts";
import { lineAtStart } from "../runtime/listen/line_at_start.ts";
import { open, type Opened } from "../runtime/listen/listen.ts";
import type { ListenTarget } from "../runtime/listen/listener.ts";
import { forget, shutDownOnSignals } from "../runtime/termination.ts";
import { addressOf, type ServeAddress, type ServeOptions } from "./options.ts";
import { checkLimits } from "../server/application/connection_options.ts";
import { SHUTDOWN_TIMEOUT } from "../server/application/limits.ts";
import type { ServerStats } from "../server/application/stats.ts";
import type { Service } from "../server/service.ts";

// As loaded: applications replace the global.
// Another name for what public types say, too: `deno doc --lint` takes it for a type of ours.
const { Promise: StandardPromise } = globalThis;

/** A running server. */
export interface FastCgiServer extends AsyncDisposable {
  /**
   * The address of the server; before {@link FastCgiServer.ready}, the requested one. Of several
   * sockets (its own and inherited ones) the first.
   */
  readonly addr: ServeAddress;
  /**
   * Resolves when the server listens; rejects if it cannot. If the program has not read this
   * property by then, it ends with exit code 1 and the reason in one line on standard error; if it
   * has, it must handle the rejection, as that of any promise.
   */
  readonly ready: Promise<ServeAddress>;
  /**
   * Resolves when the server has stopped: after a shutdown, or because it could not listen. It does
   * not reject; {@link FastCgiServer.ready} does, with the reason.
   */
  readonly finished: Promise<void>;
  /**
   * Shuts down gracefully: stops accepting, answers the requests in flight, closes the connections,
   * and resolves when that is done; after the option `shutdownTimeout` the rest is broken off.
   *
   * Connections in the listen queue are still accepted, and answered. On a Unix socket of its own
   * none is lost, since the file is unlinked first; on a socket that other processes hold too
   * (systemd's), they accept the rest. A TCP socket can only be closed when its queue is empty: the
   * few connections of that very moment are reset, or some of a stream that does not stop (the
   * socket is closed after two seconds then). Where none may be lost, use a Unix socket or
   * systemd's.
   */
  shutdown(): Promise<void>;
  /** What the server has done since it was started, and what it does now. */
  stats(): ServerStats;
  /** Keeps the process running while the server runs. This is the default. */
  ref(): void;
  /** Lets the process end while the server runs. */
  unref(): void;
}

/** {@link FastCgiServer} over a listener and a service. */
export class Server implements FastCgiServer {
  readonly finished: Promise<void>;
  readonly #service: Service;
  readonly #readiness: Readiness<ServeAddress>;
  readonly #finish: () => void;
  readonly #shutdownTimeout: number;
  readonly #opening: Promise<Opened | undefined>;
  #closing: Promise<void> | undefined;
  #addr: ServeAddress;
  #listener: Opened["listener"] | undefined;
  #isReferenced = true;
  #stopping: Promise<void> | undefined;

  constructor(service: Service, target: ListenTarget | undefined, options: ServeOptions) {
    this.#service = service;
    this.#addr = addressOf(target);
    this.#shutdownTimeout = options.shutdownTimeout ?? SHUTDOWN_TIMEOUT;
    checkLimits({ shutdownTimeout: this.#shutdownTimeout });
    const { promise, resolve } = StandardPromise.withResolvers<void>();
    this.finished = promise;
    this.#finish = resolve;
    const opening = open(target, {
      accept: (socket) => service.accept(socket),
      // Such as EMFILE, repeatedly: hence the rate limit.
      onError: (error) => service.application.reportPeerFault(error),
      webServerAddrs: options.webServerAddrs,
      shutDown: () => void this.shutdown(),
    });
    const ready = opening.then((opened) => this.#listening(opened, options));
    // Once there is a listener, an error is one of `onListen`.
    this.#readiness = new Readiness(ready, () => this.#listener === undefined);
    this.#opening = opening.catch(async () => {
      await this.#readiness.settled;
      resolve();
      return undefined;
    });
    if (options.handleSignals ?? true) {
      shutDownOnSignals(this);
      void this.finished.then(() => forget(this));
    }
    const { signal } = options;
    if (signal?.aborted) void this.shutdown();
    else signal?.addEventListener("abort", () => void this.shutdown(), { once: true });
  }

  get addr(): ServeAddress {
    return this.#addr;
  }

  get ready(): Promise<ServeAddress> {
    return this.#readiness.promise;
  }

  stats(): ServerStats {
    return this.#service.stats();
  }

  shutdown(): Promise<void> {
    return this.#stopping ??= this.#stop();
  }

  ref(): void {
    this.#isReferenced = true;
    this.#listener?.ref();
  }

  unref(): void {
    this.#isReferenced = false;
    this.#listener?.unref();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  #listening(opened: Opened, { onListen }: ServeOptions): ServeAddress {
    const { listener } = opened;
    const { address } = listener;
    this.#listener = listener;
    this.#addr = address;
    if (!this.#isReferenced) listener.unref();
    if (onListen === undefined) print(lineAtStart(opened));
    else onListen(address);
    return address;
  }

  /** Stops accepting; resolves when every later connection is another process's. */
  stopAccepting(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    const opened = await this.#opening;
    await opened?.listener.close();
  }

  async #stop(): Promise<void> {
    // The listener first: connections in its listen queue are still served.
    await this.stopAccepting();
    await this.#service.drain(this.#shutdownTimeout);
    this.#finish();
  }
}
