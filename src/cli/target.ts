/** Where a command finds a FastCGI application. */
import type { ConnectAddress } from "../client/mod.ts";
import { type Arguments, type OptionSpec, UsageError } from "./command.ts";
import { secondsOf } from "./numbers.ts";

/** The options that name it. */
export const TARGET_OPTIONS: readonly OptionSpec[] = [
  { name: "socket", short: "s", value: "PATH", help: "the Unix socket of the application" },
  {
    name: "connect",
    short: "c",
    value: "HOST:PORT",
    help: "its TCP port, instead; a port alone is one of 127.0.0.1",
    synonyms: ["listen", "l", "port", "host", "tcp"],
  },
];

/** The option for how long to wait, in seconds. */
export function timeoutOption(fallback: number): OptionSpec {
  return {
    name: "timeout",
    value: "SECONDS",
    fallback: String(fallback),
    help: "wait no longer, and exit with 28",
  };
}

/** What it says. */
export function timeoutIn(args: Arguments, fallback: number): number {
  return secondsOf(args.value("timeout") ?? String(fallback));
}

/**
 * The address that the options name.
 *
 * @throws {UsageError} Unless it is exactly one.
 */
export function targetOf(args: Arguments): ConnectAddress {
  const path = args.value("socket");
  const port = args.value("connect");
  if (path !== undefined && port !== undefined) {
    throw new UsageError("--socket and --connect exclude each other");
  }
  if (path !== undefined) return { path };
  if (port !== undefined) return parseHostPort(port);
  throw new UsageError(
    "Where is the application? Name its socket with --socket PATH, or --connect HOST:PORT",
  );
}

/** The address as text, for people. */
export function nameOf(address: ConnectAddress): string {
  if ("path" in address) return address.path;
  const { hostname = "127.0.0.1", port } = address;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/**
 * Reads `HOST:PORT`, `[IPv6]:PORT`, `:PORT` or `PORT`, which is on 127.0.0.1.
 *
 * @throws {UsageError} If it is none of them.
 */
export function parseHostPort(text: string, least = 1): { hostname: string; port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]:|([^:]*):)?(\d+)$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535 || port < least) {
    throw new UsageError(`"${text}" is no HOST:PORT, such as 127.0.0.1:9000 or [::1]:9000`);
  }
  return { hostname: bracketed || plain || "127.0.0.1", port };
}
