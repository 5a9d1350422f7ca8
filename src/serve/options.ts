/** What {@link serve} takes beside the handler, and the address that it says. */
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
 * The address of a {@link FastCgiServer}, in `Deno.serve`'s words. The path is `""` where there is
 * none to tell: of an inherited Unix socket, and in a plain CGI program.
 */
export type ServeAddress = ListenAddress;

/** What {@link serve} takes beside the handler and the address. */
export interface ServeSettings extends ConnectionOptions {
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
   * Whether SIGTERM, SIGINT, SIGQUIT and SIGUSR1 shut the server down and then end the process with
   * 0. Another one but SIGUSR1 ends it at once, with 128 + its number, if it comes a second after
   * the first or later: a terminal and systemd signal a whole group, and `deno task`, `bun run` and
   * `timeout` hand the signal on, so that one wish comes twice.
   *
   * @default true
   */
  handleSignals?: boolean;
  /**
   * The most connections served at once. The next takes the place of the oldest that has no
   * request; if there is none, its first request is answered 503 and it is closed.
   *
   * @default 4096
   */
  maxConnections?: number;
  /**
   * The most requests at once on all connections; the next is answered 503 with `Retry-After`. One
   * counts until its handler has settled, though the peer may be long gone: a handler that waits
   * for something ends its wait when `request.signal` aborts.
   *
   * @default 4096
   */
  maxRequests?: number;
  /**
   * Milliseconds that a shutdown waits for what is in flight. Then every `request.signal` aborts,
   * and 0.4 s later requests without an answer get 503, answers that have begun break off, and what
   * was given to `info.waitUntil` is not waited for any longer. 0: as long as it takes.
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

/** What {@link serve} takes beside the handler. */
export type ServeOptions = ServeSettings & ListenOptions;

/** The `export default { fetch }` object with options beside the handler. */
export type ServeInit = ServeOptions & {
  /** Answers the requests. */
  fetch: ServeHandler;
};

type OptionName<Options = ListenOptions> = Options extends unknown ? keyof Options : never;

/** The names of {@link ServeOptions}, each; `fetch` is for an argument that is both. */
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
 * Checks what stands before the handler.
 *
 * @throws {TypeError} If it is no plain object, or has a name that is no option's.
 */
export function checkOptions(options: unknown): asserts options is ServeOptions {
  checkNames(options, SERVE_OPTIONS, "serve", "the first of two arguments");
}

/**
 * The options in an application: those of a plain object or a module namespace, which may hold what
 * they like beside them. A framework's instance has none, and a framework's plain object has
 * methods of these names (fetch-router's `mount`).
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
