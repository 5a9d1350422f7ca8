/** The options of `fcgi config`, checked: what comes from here may stand in any configuration. */
import { type Arguments, type OptionSpec, UsageError } from "../command.ts";
import { numberOf } from "../numbers.ts";
import { ownSocket } from "../own_socket.ts";
import { TARGET_OPTIONS, targetOf } from "../target.ts";
import type { Terminal } from "../terminal.ts";
import type { Address, Site } from "./kind.ts";

const HOST = /^(?=.{1,253}$)[a-z\d](?:[\w-]*[a-z\d])?(?:\.[a-z\d](?:[\w-]*[a-z\d])?)*$/i;
const ADDRESS = /^[\da-f:.]+$/i;
const BASE_PATH = /^(?:\/[\w~-][\w.~-]*)*\/?$/;
const ACCOUNT = /^[a-z_][\w-]{0,31}\$?$/i;
const ACCOUNT_FALLBACK = "www-data";

/** All of them, in the order of the help. */
export const CONFIG_OPTIONS: readonly OptionSpec[] = [
  ...TARGET_OPTIONS,
  { name: "host", value: "NAME", fallback: "localhost", help: "the name of the site in URLs" },
  { name: "port", value: "N", fallback: "80", help: "where the web server listens" },
  { name: "base-path", value: "/PATH", help: "mount the application below a path of the site" },
  {
    name: "root",
    value: "DIR",
    help: "the site's files: what is there is served, all else is the application's",
  },
  {
    name: "workers",
    short: "w",
    value: "N",
    help: "how many processes fcgi serve has; with several, connections are not kept",
  },
  {
    name: "socket-per-worker",
    help: "each of them has its own socket: connections are kept; for nginx and haproxy",
  },
  { name: "app", value: "FILE", help: "the module of the application; for systemd and htaccess" },
  {
    name: "user",
    value: "USER",
    fallback: ACCOUNT_FALLBACK,
    help: "who runs the application; for systemd",
  },
  {
    name: "group",
    value: "GROUP",
    fallback: ACCOUNT_FALLBACK,
    help: "its group, which may connect: the web server's; for systemd",
  },
  { name: "check", help: "let the server's own program test it, and exit with 1 if that fails" },
];

/**
 * The site that the options name.
 *
 * @throws {UsageError} If one of them cannot be.
 */
export function siteOf(args: Arguments, terminal: Terminal): Site {
  const root = args.value("root");
  const workers = workersOf(args);
  const address = addressOf(args, terminal);
  const sockets = args.has("socket-per-worker") ? ownSockets(address, workers) : [address];
  return {
    address,
    sockets,
    host: hostOf(args.value("host") ?? "localhost"),
    port: portOf(args.value("port")),
    basePath: basePathOf(args),
    root: root === undefined ? undefined : terminal.absolute(root),
    workers,
    isShared: sockets.includes(address) && isShared(workers),
  };
}

/** Where the application listens. */
export function addressOf(args: Arguments, terminal: Terminal): Address {
  const address = targetOf(args);
  if ("path" in address) return { path: terminal.absolute(address.path) };
  const { hostname = "", port } = address;
  if (HOST.test(hostname) || ADDRESS.test(hostname)) return { hostname, port };
  throw new UsageError(`--connect cannot be on ${JSON.stringify(hostname)}: that is no host`);
}

/** The module of the application. */
export function appOf(args: Arguments, terminal: Terminal): string {
  const app = args.value("app");
  if (app !== undefined) return terminal.absolute(app);
  throw new UsageError("Which application? Name its module with --app FILE");
}

/** The mount point, without a slash at its end. */
export function basePathOf(args: Arguments): string {
  const path = args.value("base-path") ?? "";
  if (BASE_PATH.test(path)) return path.replace(/\/$/, "");
  throw new UsageError(
    `--base-path cannot be ${JSON.stringify(path)}: it begins with a slash, and has letters, ` +
      "digits and . _ ~ -",
  );
}

/** The number of workers as `fcgi serve` takes it. */
export function workersOf(args: Arguments): string | undefined {
  const workers = args.value("workers");
  if (workers === "auto" || numberOf("workers", workers) !== 0) return workers;
  throw new UsageError("--workers cannot be 0: it is a number from 1 on, or auto");
}

/** A user or a group. */
export function accountOf(args: Arguments, name: "user" | "group"): string {
  const account = args.value(name) ?? ACCOUNT_FALLBACK;
  if (ACCOUNT.test(account) || /^\d{1,9}$/.test(account)) return account;
  throw new UsageError(`--${name} cannot be ${JSON.stringify(account)}: that is no name`);
}

/** The sockets of the workers. */
function ownSockets(address: Address, workers: string | undefined): readonly Address[] {
  if (!("path" in address)) {
    throw new UsageError("--socket-per-worker is for Unix sockets: add --socket PATH");
  }
  if (workers === undefined || workers === "auto") {
    throw new UsageError("--socket-per-worker needs to know how many: add --workers N");
  }
  return Array.from({ length: Number(workers) }, (_, slot) => ({
    path: ownSocket(address.path, slot),
  }));
}

function isShared(workers: string | undefined): boolean {
  return workers === "auto" || Number(workers ?? 1) > 1;
}

function hostOf(host: string): string {
  if (HOST.test(host)) return host.toLowerCase();
  throw new UsageError(
    `--host cannot be ${JSON.stringify(host)}: it is one name, such as example.org, without a ` +
      "port; letters of other scripts are written as xn--...",
  );
}

function portOf(text: string | undefined): number {
  const port = numberOf("port", text) ?? 80;
  if (port === 443) {
    throw new UsageError(
      "--port 443 needs a certificate, which this does not know: print it for port 80, and add " +
        "TLS there, for instance by certbot",
    );
  }
  if (port >= 1 && port <= 65_535) return port;
  throw new UsageError(`--port cannot be ${text}: it is a number from 1 to 65535`);
}
