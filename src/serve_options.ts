/** What {@link serve} takes beside the handler, and the address that it says. */
import { checkHostname } from "./runtime/hostname.ts";
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
  /**
   * The user who owns the socket file at `path`, by name (in /etc/passwd) or number, in force
   * before anybody can connect. Only root may give it to another user. On Deno a name takes
   * `--allow-read=/etc/passwd`.
   *
   * @default the user of the process
   */
  owner?: string | number;
  /**
   * The group of the socket file at `path`, by name (in /etc/group) or number, in force before
   * anybody can connect: with the mode `0o660`, whoever belongs to it may. Who is not root may give
   * a group that the process belongs to. On Deno a name takes `--allow-read=/etc/group`.
   *
   * @default the group of the process, or that of the directory where it has the setgid bit
   */
  group?: string | number;
  /** Listens on this descriptor, a listening socket that the program was started with. */
  fd?: number;
  /**
   * Listens on this TCP port; 0 lets the system choose.
   *
   * @default 9000, when there is no other address and no inherited socket
   */
  port?: number;
  /**
   * Listens on this address of the machine: an IP address or a host name. All interfaces are
   * `"0.0.0.0"` or `"::"`, and nothing shorter.
   *
   * @default "127.0.0.1"
   */
  hostname?: string;
  /**
   * Who may connect over TCP: IP addresses, and subnets in CIDR notation. Others are turned away.
   * An IPv4 address means its IPv6 form (`::ffff:10.0.0.1`), too.
   *
   * @default the list in the environment variable `FCGI_WEB_SERVER_ADDRS` (FastCGI 1.0, section
   * 3.2), else everybody; where Deno may not read that variable, the server listens on loopback
   * alone and refuses any other address
   */
  webServerAddrs?: readonly string[];
  /**
   * Whether the first SIGTERM or SIGUSR1 shuts the server down and then ends the process with 0, and a second SIGTERM ends
   * it at once.
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
  { path, mode, owner, group, port, hostname, fd }: ServeOptions,
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
  for (const [name, value] of Object.entries({ owner, group })) checkOwner(name, value, path);
  if (path === "") throw new TypeError("Cannot serve: the path is empty");
  if (path !== undefined) return { path, mode, owner, group };
  if (fd !== undefined) {
    if (isInteger(fd, 0x7fffffff)) return { fd };
    throw new TypeError(`Cannot serve: the fd is ${fd}, not the number of a descriptor`);
  }
  if (port !== undefined && !isInteger(port, 65535)) {
    throw new TypeError(`Cannot serve: the port is ${port}, not a number from 0 to 65535`);
  }
  if (places.length === 0) return undefined;
  const address = hostname ?? DEFAULT_TARGET.hostname;
  checkHostname(address, "serve");
  return { hostname: address, port: port ?? DEFAULT_TARGET.port };
}

/** The greatest number of a user or a group; the next one means "none" to chown(2). */
const MAX_ID = 0xffff_fffe;

function checkOwner(what: string, value: unknown, path: string | undefined): void {
  if (value === undefined) return;
  if (path === undefined) {
    throw new TypeError(`Cannot serve: the ${what} is for the socket file of a path`);
  }
  const isName = typeof value === "string" && value.trim() === value &&
    /^[^:\p{Cc}]+$/u.test(value);
  if (isName && !/^\d+$/.test(value)) return;
  if (isInteger(isName ? Number(value) : value as number, MAX_ID)) return;
  const shown = typeof value === "string" ? JSON.stringify(value) : String(value);
  throw new TypeError(`Cannot serve: the ${what} is ${shown}, not a name or a number`);
}

function isInteger(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= most;
}

/** What is known of the address before the socket is open. */
export function addressOf(target: ListenTarget = DEFAULT_TARGET): ServeAddress {
  if ("port" in target) return { transport: "tcp", ...target };
  return { transport: "unix", path: "path" in target ? target.path : "" };
}
