/**
 * The number of a listening socket's descriptor. Deno tells it for Unix sockets only; a TCP socket
 * of its own is found by its inode in /proc, on Linux.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { AddressInfo, Server } from "node:net";
import { ListenError } from "./listen_error.ts";

/** The state LISTEN in /proc/net/tcp. */
const LISTEN = "0A";

/** @throws {ListenError} If it cannot be found. */
export function descriptorOf(server: Server): number {
  const { _handle } = server as { _handle?: { fd?: number } };
  const fd = _handle?.fd ?? -1;
  if (fd >= 0) return fd;
  const found = findByPort((server.address() as AddressInfo).port);
  if (found !== undefined) return found;
  throw new ListenError(
    "ENOTSUP",
    "This runtime cannot pass a TCP socket to other processes here; use a Unix socket",
  );
}

function findByPort(port: number): number | undefined {
  try {
    const inodes = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((table) => inodesIn(table, port));
    const fds = readdirSync("/proc/self/fd").map(Number);
    return fds.find((fd) => inodes.includes(linkOf(fd)));
  } catch {
    return undefined;
  }
}

/** The sockets that listen on a port, as /proc/self/fd names them. */
function inodesIn(table: string, port: number): string[] {
  const ending = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return readFileSync(table, "utf8").split("\n").map((line) => line.trim().split(/\s+/))
    .filter(([, local = "", , state]) => local.endsWith(ending) && state === LISTEN)
    .map((fields) => `socket:[${fields[9]}]`);
}

function linkOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return "";
  }
}
