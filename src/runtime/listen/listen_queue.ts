import { readFileSync, readlinkSync } from "node:fs";

/** The state LISTEN in the tables of Linux (proc_net_tcp(5)). */
const LISTEN = "0A";

/**
 * How many connections wait to be accepted on a listening TCP socket; `null` where the system does
 * not say: for Unix sockets, and on other systems than Linux.
 *
 * @param fd Its descriptor in this process.
 */
export function listenQueue(fd: number): number | null {
  try {
    const [, inode] = readlinkSync(`/proc/self/fd/${fd}`).match(/^socket:\[(\d+)\]$/) ?? [];
    return queueOf(inode, "/proc/net/tcp") ?? queueOf(inode, "/proc/net/tcp6") ?? null;
  } catch {
    return null;
  }
}

function queueOf(inode: string | undefined, table: string): number | undefined {
  for (const line of readFileSync(table, "latin1").split("\n")) {
    const cells = line.trim().split(/ +/);
    if (cells[3] !== LISTEN || cells[9] !== inode) continue;
    // For such a socket it is the length of its queue.
    return parseInt(cells[4]!.split(":")[1]!, 16);
  }
  return undefined;
}
