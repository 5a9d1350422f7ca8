/** The options of {@link serve}, their validation, and the address that they name. */
import type { ListenOptions } from "./listen_options.ts";
import { checkHostname } from "../runtime/hostname.ts";
import { DEFAULT_TARGET } from "../runtime/listen/listen.ts";
import type { ListenAddress, ListenTarget } from "../runtime/listen/listener.ts";
import type { ServeHandler } from "../server/application/handler.ts";
import {
  CONNECTION_OPTIONS,
  type ConnectionOptions,
} from "../server/application/connection_options.ts";
import { checkNames, isPlain } from "../server/application/option_names.ts";

/**
 * The address of a {@link FastCgiServer}, in the shape of `Deno.serve`'s. The path is `""` where it
 * is not known (an inherited Unix socket) or there is none (a plain CGI program).
 */
export type ServeAddress = ListenAddress;

/** The options of {@link serve} except the address. */
export interface ServeSettings extends ConnectionOptions {
  /**
   * The hosts that may connect over TCP: IP addresses, and subnets in CIDR notation. Others are
   * refused. An IPv4 address includes its IPv4-mapped IPv6 address (`::ffff:10.0.0.1`).
   *
   * @default the list in the environment variable `FCGI_WEB_SERVER_ADDRS` (FastCGI 1.0, section
   * 3.2), else everybody; where Deno may not read that variable, the server listens on loopback
   * alone and refuses any other address
   */
  webServerAddrs?: readonly string[];
  /**
   * Whether SIGTERM, SIGINT, SIGQUIT and SIGUSR1 shut the server down and then end the process with
   * 0. A second signal, other than SIGUSR1, ends it at once, with 128 + its number, if it comes a
   * second after the first or later: a terminal and systemd signal a whole process group, and
   * `deno task`, `bun run` and `timeout` forward the signal, so one request to stop may come twice.
   *
   * @default true
   */
  handleSignals?: boolean;
  /**
   * The most connections served at once. The next one replaces the oldest idle connection; if none
   * is idle, its first request is answered 503 and it is closed.
   *
   * @default 4096
   */
  maxConnections?: number;
  /**
   * The most requests at once on all connections; the next is answered 503 with `Retry-After`. A
   * request counts until its handler has settled, even long after the peer has gone: a handler that
   * waits should stop when `request.signal` aborts.
   *
   * @default 4096
   */
  maxRequests?: number;
  /**
   * Milliseconds that a shutdown waits for the requests in flight and the promises of
   * `info.waitUntil`. Then every `request.signal` aborts, and 0.4 s later requests without a
   * response get 503, responses that have begun break off, and promises of `info.waitUntil` are no
   * longer waited for. 0: no limit.
   *
   * @default 7000
   */
  shutdownTimeout?: number;
  /** Shuts the server down when it aborts, as {@link FastCgiServer.shutdown} does. */
  signal?: AbortSignal;
  /**
   * Called with the address once the server listens.
   *
   * @default writes one line to standard error
   */
  onListen?: (address: ServeAddress) => void;
}

/** All options of {@link serve}. */
export type ServeOptions = ServeSettings & ListenOptions;

/** The `export default { fetch }` object: the handler with options beside it. */
export type ServeInit = ServeOptions & {
  /** The handler, which answers the requests. */
  fetch: ServeHandler;
};

type OptionName<Options = ListenOptions> = Options extends unknown ? keyof Options : never;

/** All names of {@link ServeOptions}, for validation; `fetch` is for a {@link ServeInit}. */
const SERVE_OPTIONS: Record<OptionName | keyof ServeSettings | "fetch", true> = {
  ...CONNECTION_OPTIONS,
  fetch: true,
  path: true,
  mode: true,
  owner: true,
  group: true,
  port: true,
  hostname: true,
  fd: true,
  webServerAddrs: true,
  handleSignals: true,
  maxConnections: true,
  maxRequests: true,
  shutdownTimeout: true,
  signal: true,
  onListen: true,
};

/**
 * Validates the argument before the handler.
 *
 * @throws {TypeError} If it is not a plain object, or has an unknown name.
 */
export function checkOptions(options: unknown): asserts options is ServeOptions {
  checkNames(options, SERVE_OPTIONS, "serve", "the first of two arguments");
}

/**
 * The options in an application: those of a plain object or a module namespace, which may have any
 * other properties too. An instance of a framework has none, and the plain object of a framework
 * may have methods of these names (fetch-router's `mount`).
 */
export function optionsIn(application: unknown): ServeOptions {
  if (!isPlain(application)) return {};
  const names = Object.keys(SERVE_OPTIONS);
  return Object.fromEntries(
    Object.entries(application).filter(([name, value]) =>
      names.includes(name) && (typeof value !== "function" || /^on[A-Z]/.test(name))
    ),
  );
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

/** The largest id of a user or a group; the next number means "unchanged" to chown(2). */
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

/** The address as far as it is known before the socket is open. */
export function addressOf(target: ListenTarget = DEFAULT_TARGET): ServeAddress {
  if ("port" in target) return { transport: "tcp", ...target };
  return { transport: "unix", path: "path" in target ? target.path : "" };
}
