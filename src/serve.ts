/**
 * `serve()`: joins a listener of the runtime to the engine of the server room.
 *
 * It returns at once, as `Deno.serve` does; listening goes on behind it, and `ready` tells how that ended.
 */
import { listen } from "./runtime/listen.ts";
import type { ListenAddress, Listener, ListenTarget } from "./runtime/listener.ts";
import type { ServeHandler } from "./server/handler.ts";
import { MAX_CONNECTIONS } from "./server/limits.ts";
import { type ConnectionOptions, Service } from "./server/service.ts";

/** Where an application listens when nothing says otherwise: loopback, never all interfaces. */
const DEFAULT_TARGET = { hostname: "127.0.0.1", port: 9000 } as const;

/** The address of a {@link FastCgiServer}, in `Deno.serve`'s words. */
export type ServeAddress = ListenAddress;

/** What {@link serve} takes beside the handler. */
export interface ServeOptions extends ConnectionOptions {
  /** Listens on a Unix socket at this path. */
  path?: string;
  /**
   * Listens on this TCP port; 0 lets the system choose.
   *
   * @default 9000, when no `path` is given
   */
  port?: number;
  /**
   * Listens on this address of the machine.
   *
   * @default "127.0.0.1"
   */
  hostname?: string;
  /**
   * The most connections served at once; the first request of the next is answered 503, then that connection is closed.
   *
   * @default 4096
   */
  maxConnections?: number;
  /** Shuts the server down when it aborts, as {@link FastCgiServer.shutdown} does. */
  signal?: AbortSignal;
  /**
   * Hears where the server listens, once it does.
   *
   * @default writes one line to standard error
   */
  onListen?: (address: ServeAddress) => void;
}

/** A running server. */
export interface FastCgiServer extends AsyncDisposable {
  /** Where the server listens: before {@link FastCgiServer.ready}, what was asked for. */
  readonly addr: ServeAddress;
  /** Resolves when the server listens; rejects with the reason why it cannot. */
  readonly ready: Promise<ServeAddress>;
  /** Resolves when the server has stopped: after a shutdown, or because it could not listen. */
  readonly finished: Promise<void>;
  /** Stops accepting, answers the requests in flight, closes the connections, and resolves when all is done. */
  shutdown(): Promise<void>;
  /** Keeps the process running while the server does, which is the default. */
  ref(): void;
  /** Lets the process end although the server runs. */
  unref(): void;
}

/** The `export default { fetch }` object with options beside the handler. */
export interface ServeInit extends ServeOptions {
  /** Answers the requests. */
  fetch: ServeHandler;
}

/**
 * Serves a fetch handler over FastCGI.
 *
 * Without an address the application listens on 127.0.0.1:9000.
 *
 * @throws {TypeError} If the options contradict each other, or there is no handler.
 *
 * @example A FastCGI application
 * ```ts ignore
 * import { serve } from "@fastcgi/serve";
 *
 * serve((request) => new Response(`Hello from ${new URL(request.url).pathname}\n`));
 * ```
 */
export function serve(handler: ServeHandler): FastCgiServer;
/**
 * Serves a fetch handler over FastCGI, on the address and with the limits that the options name.
 *
 * @throws {TypeError} If the options contradict each other, or there is no handler.
 *
 * @example On a Unix socket
 * ```ts ignore
 * import { serve } from "@fastcgi/serve";
 *
 * await using server = serve({ path: "/run/app/fcgi.sock" }, (_request, info) => {
 *   info.log("hello, error log");
 *   return Response.json({ client: info.remoteAddr.hostname });
 * });
 * await server.finished;
 * ```
 */
export function serve(options: ServeOptions, handler: ServeHandler): FastCgiServer;
/**
 * Serves the `fetch` method of an object over FastCGI, such as a module's default export.
 *
 * @throws {TypeError} If the options contradict each other, or there is no handler.
 *
 * @example The object that `deno serve` and Bun take, too
 * ```ts ignore
 * import { serve } from "@fastcgi/serve";
 *
 * const app = { fetch: () => new Response("Hello\n") };
 * export default app;
 * serve(app);
 * ```
 */
export function serve(init: ServeInit): FastCgiServer;
export function serve(
  first: ServeHandler | ServeOptions | ServeInit,
  second?: ServeHandler,
): FastCgiServer {
  const options = typeof first === "function" ? {} : first;
  const handler = typeof first === "function" ? first : second ?? fetchOf(first);
  if (typeof handler !== "function") {
    throw new TypeError("Cannot serve: there is no handler, as the last argument or as `fetch`");
  }
  const service = new Service(handler, options, options.maxConnections ?? MAX_CONNECTIONS);
  return new Server(service, options, targetOf(options));
}

class Server implements FastCgiServer {
  readonly ready: Promise<ServeAddress>;
  readonly finished: Promise<void>;
  readonly #service: Service;
  readonly #finish: () => void;
  readonly #opening: Promise<Listener | undefined>;
  #addr: ServeAddress;
  #listener: Listener | undefined;
  #isReferenced = true;
  #stopping: Promise<void> | undefined;

  constructor(service: Service, options: ServeOptions, target: ListenTarget) {
    this.#service = service;
    this.#addr = "path" in target
      ? { transport: "unix", path: target.path }
      : { transport: "tcp", ...target };
    const { promise, resolve } = Promise.withResolvers<void>();
    this.finished = promise;
    this.#finish = resolve;
    const listening = listen(
      target,
      (socket) => service.accept(socket),
      (error) => service.report(error),
    );
    // Nobody has to look at `ready`: left alone, its rejection ends the program with the reason on standard error.
    this.ready = listening.then((listener) => this.#listening(listener, options));
    this.#opening = listening.catch(() => {
      resolve();
      return undefined;
    });
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

  #listening(listener: Listener, { onListen = announce }: ServeOptions): ServeAddress {
    this.#listener = listener;
    this.#addr = listener.address;
    if (!this.#isReferenced) listener.unref();
    onListen(listener.address);
    return listener.address;
  }

  async #stop(): Promise<void> {
    const listener = await this.#opening;
    await Promise.all([listener?.close(), this.#service.drain()]);
    this.#finish();
  }
}

function fetchOf(init: ServeOptions | ServeInit): ServeHandler | undefined {
  if (!("fetch" in init) || typeof init.fetch !== "function") return undefined;
  return (request, info) => init.fetch(request, info);
}

function targetOf({ path, port, hostname }: ServeOptions): ListenTarget {
  if (path !== undefined) {
    if (port !== undefined || hostname !== undefined) {
      throw new TypeError("Cannot serve: give either a path or a port and hostname, not both");
    }
    if (path === "") throw new TypeError("Cannot serve: the path is empty");
    return { path };
  }
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65535)) {
    throw new TypeError(`Cannot serve: the port is ${port}, not a number from 0 to 65535`);
  }
  return {
    hostname: hostname ?? DEFAULT_TARGET.hostname,
    port: port ?? DEFAULT_TARGET.port,
  };
}

function announce(address: ServeAddress): void {
  console.error(`Serving FastCGI on ${nameOf(address)}`);
}

function nameOf(address: ServeAddress): string {
  if (address.transport === "unix") return address.path;
  const { hostname, port } = address;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
