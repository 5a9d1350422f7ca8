/**
 * A listening socket that this program was started with: systemd's (`LISTEN_FDS`, sd_listen_fds(3)), or descriptor 0, where
 * lighttpd, mod_fcgid, spawn-fcgi and every other FastCGI process manager put it (FastCGI 1.0, section 2.2).
 *
 * "Is a socket" is not enough to know one: Apache's mod_cgid gives a CGI program a connected socket, and so does Node to a
 * child whose input is a pipe. Whether it listens shows when it is asked to: the system refuses what is no listening socket.
 * Deno closes the descriptor then, so nothing but sockets is asked.
 */
import { fstatSync } from "node:fs";
import process from "node:process";
import { variable } from "./environment.ts";

/** A descriptor that holds a listening socket, or may. */
export interface InheritedSocket {
  readonly fd: number;
  /** Where it comes from, for people. */
  readonly origin: string;
  /** Whether it may turn out to be something else. */
  readonly isCertain: boolean;
}

/** The first descriptor that systemd passes: SD_LISTEN_FDS_START. */
const SYSTEMD_FD = 3;
/** FCGI_LISTENSOCK_FILENO (FastCGI 1.0, section 8). */
const LISTENSOCK_FD = 0;

/** The descriptor to try, or `undefined` if there is none that could be a listening socket. */
export function findInheritedSocket(): InheritedSocket | undefined {
  // LISTEN_PID: the variables are inherited, the descriptors are for one process alone.
  const count = Number(variable("LISTEN_FDS") ?? 0);
  if (count >= 1 && variable("LISTEN_PID") === String(process.pid)) {
    return { fd: SYSTEMD_FD, origin: "descriptor 3, from systemd", isCertain: true };
  }
  return isSocket(LISTENSOCK_FD)
    ? { fd: LISTENSOCK_FD, origin: "descriptor 0, from the web server", isCertain: false }
    : undefined;
}

function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket();
  } catch {
    return false;
  }
}
