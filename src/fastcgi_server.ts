/** A running server: a listener of the runtime joined to the engine of the server room. */
import { open, type Opened } from "./runtime/listen.ts";
import { type ListenTarget, nameOfTarget } from "./runtime/listener.ts";
import { runOn, shutDownOnSignals } from "./runtime/termination.ts";
import { addressOf, type ServeAddress, type ServeOptions } from "./serve_options.ts";
import { checkLimits } from "./server/connection_options.ts";
import { SHUTDOWN_TIMEOUT } from "./server/limits.ts";
import type { Service } from "./server/service.ts";

/** A running server. */
export interface FastCgiServer extends AsyncDisposable {
  /** Where the server listens: before {@link FastCgiServer.ready}, what was asked for. */
  readonly addr: ServeAddress;
  /** Resolves when the server listens; rejects with the reason why it cannot. */
  readonly ready: Promise<ServeAddress>;
  /** Resolves when the server has stopped: after a shutdown, or because it could not listen. */
  readonly finished: Promise<void>;
  /**
   * Stops accepting, answers the requests in flight, closes the connections, and resolves when all
   * is done; what takes longer than the option `shutdownTimeout` is broken off.
   *
   * Whoever has connected by then is still accepted, and answered. On a Unix socket of its own that
   * is everybody, for its file goes first, and on a socket that others hold, too (systemd's), the
   * others take the rest. A TCP socket can only be closed in a moment when nobody waits: those few
   * who connect in that very moment are reset, or while they do not stop coming (it is closed then
   * after two seconds). Where none may be lost, take a Unix socket or systemd's.
   */
  shutdown(): Promise<void>;
  /** Keeps the process running while the server does, which is the default. */
  ref(): void;
  /** Lets the process end although the server runs. */
  unref(): void;
}

/** {@link FastCgiServer} over a listener and a service. */
export class Server implements FastCgiServer {
  readonly ready: Promise<ServeAddress>;
  readonly finished: Promise<void>;
  readonly #service: Service;
  readonly #finish: () => void;
  readonly #shutdownTimeout: number;
  readonly #opening: Promise<Opened | undefined>;
  #addr: ServeAddress;
  #listener: Opened["listener"] | undefined;
  #isReferenced = true;
  #stopping: Promise<void> | undefined;

  constructor(service: Service, target: ListenTarget | undefined, options: ServeOptions) {
    this.#service = service;
    this.#addr = addressOf(target);
    this.#shutdownTimeout = options.shutdownTimeout ?? SHUTDOWN_TIMEOUT;
    checkLimits({ shutdownTimeout: this.#shutdownTimeout });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.finished = promise;
    this.#finish = resolve;
    const opening = open(target, {
      accept: (socket) => service.accept(socket),
      // Such as no descriptor left, again and again.
      onError: (error) => service.reports.reportPeerFault(error),
      webServerAddrs: options.webServerAddrs,
    });
    // Nobody has to look at `ready`: left alone, its rejection ends the program with the reason on standard error.
    this.ready = opening.then((opened) => this.#listening(opened, options));
    this.#opening = opening.catch(() => {
      resolve();
      return undefined;
    });
    if (options.handleSignals ?? true) {
      shutDownOnSignals(this);
      void this.finished.then(() => runOn(this));
    }
    const { signal } = options;
    if (signal?.aborted) void this.shutdown();
    else signal?.addEventListener("abort", () => void this.shutdown(), { once: true });
  }

  get addr(): ServeAddress {
    return this.#addr;
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

  #listening({ listener, reason }: Opened, { onListen }: ServeOptions): ServeAddress {
    const { address } = listener;
    this.#listener = listener;
    this.#addr = address;
    if (!this.#isReferenced) listener.unref();
    if (onListen === undefined) announce(address, reason);
    else onListen(address);
    return address;
  }

  async #stop(): Promise<void> {
    const opened = await this.#opening;
    // First the listener: who has connected by then is still served.
    await opened?.listener.close();
    await this.#service.drain(this.#shutdownTimeout);
    this.#finish();
  }
}

/** The line at start: where, and for an address that nobody has named why there, and how to choose another. */
function announce(address: ServeAddress, reason: string | undefined): void {
  const place = address.transport === "tcp"
    ? nameOfTarget(address)
    : address.path || "an inherited socket";
  const why = reason === undefined ? "" : ` (${reason}; another with { path } or { port })`;
  console.error(`Serving FastCGI on ${place}${why}`);
}
