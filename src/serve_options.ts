/** What {@link serve} takes beside the handler, and the address that it says. */
import { DEFAULT_TARGET } from "./runtime/listen.ts";
import type { ListenAddress, ListenTarget } from "./runtime/listener.ts";
import type { ServeHandler } from "./server/handler.ts";
import type { ConnectionOptions } from "./server/connection_options.ts";

/**
 * The address of a {@link FastCgiServer}, in `Deno.serve`'s words. The path is `""` where there is none to tell: of an
 * inherited Unix socket, and in a plain CGI program.
 */
export type ServeAddress = ListenAddress;

/** What {@link serve} takes beside the handler. */
export interface ServeOptions extends ConnectionOptions {
  /** Listens on a Unix socket at this path. */
  path?: string;
  /**
   * The mode of the socket file at `path`, in force before anybody can connect: `0o660` lets in the group.
   *
   * @default what the umask leaves of 0o777
   */
  mode?: number;
  /** Listens on this descriptor, a listening socket that the program was started with. */
  fd?: number;
  /**
   * Listens on this TCP port; 0 lets the system choose.
   *
   * @default 9000, when there is no other address and no inherited socket
   */
  port?: number;
  /**
   * Listens on this address of the machine.
   *
   * @default "127.0.0.1"
   */
  hostname?: string;
  /**
   * Who may connect over TCP: IP addresses, and subnets in CIDR notation. Others are turned away.
   *
   * @default the list in the environment variable `FCGI_WEB_SERVER_ADDRS` (FastCGI 1.0, section 3.2), else everybody
   */
  webServerAddrs?: readonly string[];
  /**
   * Whether SIGTERM, SIGINT, SIGQUIT and SIGUSR1 shut the server down and then end the process with
   * 0. Another one but SIGUSR1 ends it at once, with 128 + its number, if it comes a second after
   * the first or later: a terminal and systemd signal a whole group, and `deno task`, `bun run` and
   * `timeout` hand the signal on, so that one wish comes twice.
   *
   * @default true
   */
  handleSignals?: boolean;
  /**
   * The most connections served at once. The next takes the place of the oldest that has no request; if there is none, its
   * first request is answered 503 and it is closed.
   *
   * @default 4096
   */
  maxConnections?: number;
  /**
   * The most requests in flight on all connections; the next is answered 503 with `Retry-After`.
   *
   * @default 4096
   */
  maxRequests?: number;
  /**
   * Milliseconds that a shutdown waits for what is in flight. Then every `request.signal` aborts, and 0.4 s later requests
   * without an answer get 503, answers that have begun break off, and what was given to `info.waitUntil` is not waited for
   * any longer. 0: as long as it takes.
   *
   * @default 7000
   */
  shutdownTimeout?: number;
  /** Shuts the server down when it aborts, as {@link FastCgiServer.shutdown} does. */
  signal?: AbortSignal;
  /**
   * Hears where the server listens, once it does.
   *
   * @default writes one line to standard error
   */
  onListen?: (address: ServeAddress) => void;
}

/** The `export default { fetch }` object with options beside the handler. */
export interface ServeInit extends ServeOptions {
  /** Answers the requests. */
  fetch: ServeHandler;
}

/** The address that the options name; `undefined` if they name none. */
export function targetOf(
  { path, mode, port, hostname, fd }: ServeOptions,
): ListenTarget | undefined {
  const places = [path, port ?? hostname, fd].filter((place) => place !== undefined);
  if (places.length > 1) {
    throw new TypeError(
      "Cannot serve: give a path, a port and hostname, or an fd, and only one of them",
    );
  }
  if (mode !== undefined && (path === undefined || !isInteger(mode, 0o777))) {
    throw new TypeError(
      path === undefined
        ? "Cannot serve: a mode is for the socket file of a path"
        : `Cannot serve: the mode is ${mode}, not a number from 0 to 0o777`,
    );
  }
  if (path === "") throw new TypeError("Cannot serve: the path is empty");
  if (path !== undefined) return { path, mode };
  if (fd !== undefined) {
    if (isInteger(fd, 0x7fffffff)) return { fd };
    throw new TypeError(`Cannot serve: the fd is ${fd}, not the number of a descriptor`);
  }
  if (port !== undefined && !isInteger(port, 65535)) {
    throw new TypeError(`Cannot serve: the port is ${port}, not a number from 0 to 65535`);
  }
  return places.length === 0
    ? undefined
    : { hostname: hostname ?? DEFAULT_TARGET.hostname, port: port ?? DEFAULT_TARGET.port };
}

function isInteger(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= most;
}

/** What is known of the address before the socket is open. */
export function addressOf(target: ListenTarget = DEFAULT_TARGET): ServeAddress {
  if ("port" in target) return { transport: "tcp", ...target };
  return { transport: "unix", path: "path" in target ? target.path : "" };
}
