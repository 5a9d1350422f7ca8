/** The options of `fcgi serve` that are options of `serve()`, too. */
import type { ServeOptions } from "../serve/options.ts";
import {
  HANDLER_TIMEOUT,
  MAX_BODY_BYTES,
  MAX_BUFFERED_BODY_BYTES,
  MAX_CONNECTIONS,
  MAX_PARAMS,
  MAX_PARAMS_BYTES,
  MAX_REQUESTS,
  MAX_REQUESTS_PER_CONNECTION,
  PARAMS_TIMEOUT,
  SHUTDOWN_TIMEOUT,
  WRITE_TIMEOUT,
} from "../server/application/limits.ts";
import { type Arguments, type OptionSpec, UsageError } from "./command.ts";
import { numberOf } from "./numbers.ts";
import { parseHostPort } from "./target.ts";

/** A limit of `serve()` as an option: its name there, its unit, its default, and what it limits. */
interface Limit {
  readonly property: keyof ServeOptions;
  readonly value: "N" | "BYTES" | "MS";
  readonly fallback: number;
  readonly help: string;
}

const LIMITS: readonly Limit[] = [
  {
    property: "maxConnections",
    value: "N",
    fallback: MAX_CONNECTIONS,
    help: "connections at once",
  },
  {
    property: "maxRequests",
    value: "N",
    fallback: MAX_REQUESTS,
    help: "requests at once; more get 503",
  },
  {
    property: "maxRequestsPerConnection",
    value: "N",
    fallback: MAX_REQUESTS_PER_CONNECTION,
    help: "requests at once on one connection",
  },
  {
    property: "maxBodyBytes",
    value: "BYTES",
    fallback: MAX_BODY_BYTES,
    help: "the body of a request; more gets 413",
  },
  {
    property: "maxBufferedBodyBytes",
    value: "BYTES",
    fallback: MAX_BUFFERED_BODY_BYTES,
    help: "what is read ahead of a body",
  },
  { property: "maxParams", value: "N", fallback: MAX_PARAMS, help: "parameters; more get 431" },
  {
    property: "maxParamsBytes",
    value: "BYTES",
    fallback: MAX_PARAMS_BYTES,
    help: "their size; more gets 431",
  },
  {
    property: "paramsTimeout",
    value: "MS",
    fallback: PARAMS_TIMEOUT,
    help: "until the parameters are complete",
  },
  {
    property: "handlerTimeout",
    value: "MS",
    fallback: HANDLER_TIMEOUT,
    help: "without progress of the application; then 504",
  },
  {
    property: "writeTimeout",
    value: "MS",
    fallback: WRITE_TIMEOUT,
    help: "until a web server that reads nothing is given up",
  },
  {
    property: "shutdownTimeout",
    value: "MS",
    fallback: SHUTDOWN_TIMEOUT,
    help: "for the requests in flight at a shutdown",
  },
];

/** Where to listen. */
export const PLACE_OPTIONS: readonly OptionSpec[] = [
  { name: "socket", short: "s", value: "PATH", help: "listen on a Unix socket" },
  {
    name: "mode",
    value: "MODE",
    fallback: "what the umask leaves",
    help: "the mode of its file, such as 660: then its group may connect",
  },
  { name: "owner", value: "USER", help: "the owner of its file; for root" },
  { name: "group", value: "GROUP", help: "the group of its file, such as www-data" },
  {
    name: "listen",
    short: "l",
    value: "HOST:PORT",
    fallback: "as it was started: by a web server, systemd or CGI; else 127.0.0.1:9000",
    help: "listen on TCP, instead; a port alone is one of 127.0.0.1",
    synonyms: ["port", "p", "host", "connect", "c", "bind", "tcp"],
  },
  { name: "fd", value: "N", help: "listen on an inherited socket, instead" },
];

/** How to serve. */
export const SERVE_OPTIONS: readonly OptionSpec[] = [
  {
    name: "mount",
    value: "/PATH",
    help: "serve an application whose routes begin at / below this path",
  },
  { name: "base-path", value: "/PATH", help: "the mount point, if the web server has it wrong" },
  ...LIMITS.map(({ property, fallback, ...limit }): OptionSpec => ({
    name: kebab(property),
    fallback: fallback === 0 ? "0, no limit" : String(fallback),
    ...limit,
  })),
];

/**
 * Where to listen, in the names of `serve()`; empty if that is to be found out.
 *
 * @throws {UsageError} If two addresses are named, or one cannot be.
 */
export function placeIn(args: Arguments): ServeOptions {
  const places = ["socket", "listen", "fd"].filter((name) => args.value(name) !== undefined);
  if (places.length > 1) {
    throw new UsageError(`${places.map((name) => `--${name}`).join(" and ")} exclude each other`);
  }
  const file = ["mode", "owner", "group"].find((name) => args.value(name) !== undefined);
  if (file !== undefined && args.value("socket") === undefined) {
    throw new UsageError(`--${file} is for the file of a socket: add --socket PATH`);
  }
  const listen = args.value("listen");
  return given({
    path: args.value("socket"),
    mode: modeOf(args.value("mode")),
    owner: args.value("owner"),
    group: args.value("group"),
    fd: numberOf("fd", args.value("fd")),
    ...listen === undefined ? {} : parseHostPort(listen, 0),
  });
}

/**
 * The other options of `serve()` that the command line names.
 *
 * @throws {UsageError} If one is not a number.
 */
export function optionsOf(args: Arguments): ServeOptions {
  const limits = LIMITS.map(({ property }) => {
    const name = kebab(property);
    return [property, numberOf(name, args.value(name))] as const;
  });
  return given({
    mount: args.value("mount"),
    basePath: args.value("base-path"),
    ...Object.fromEntries(limits),
  });
}

function given(options: Record<string, unknown>): ServeOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** The mode of a file, in octal as `chmod` has it. */
function modeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^(?:0o?)?[0-7]{3}$/.test(text)) {
    throw new UsageError(`--mode cannot be ${text}: it is three octal digits, such as 660`);
  }
  return parseInt(text.slice(-3), 8);
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
