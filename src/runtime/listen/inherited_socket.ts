/**
 * Inherited listening sockets: systemd's (`LISTEN_FDS`, sd_listen_fds(3)), or descriptor 0, where
 * lighttpd, mod_fcgid, spawn-fcgi and every other FastCGI process manager put it (FastCGI 1.0,
 * section 2.2).
 *
 * Being a socket is not enough: Apache's mod_cgid gives a CGI program a connected socket, and so
 * does Node to a child whose input is a pipe. Whether a socket listens shows in an attempt to
 * listen on it: the system refuses any other. Deno closes the descriptor then, so only sockets are
 * tried.
 */
import { fstatSync } from "node:fs";
import process from "node:process";
import { mayRead, variable } from "../environment.ts";

/** Descriptors that are, or may be, listening sockets. */
export interface InheritedSockets {
  readonly fds: readonly number[];
  /** Their origin, for people. */
  readonly origin: string;
  /**
   * Whether they are known to be listening sockets; if not, they may turn out to be something else.
   */
  readonly isCertain: boolean;
}

/** The first descriptor that systemd passes: SD_LISTEN_FDS_START. */
export const SYSTEMD_FD = 3;
/** FCGI_LISTENSOCK_FILENO (FastCGI 1.0, section 8). */
const LISTENSOCK_FD = 0;

/** The descriptors to try; `undefined` if none could be a listening socket. */
export function findInheritedSockets(): InheritedSockets | undefined {
  const count = countPassed();
  // LISTEN_PID: the variables are inherited, the descriptors are for one process alone.
  if (count > 0 && variable("LISTEN_PID") === String(process.pid)) {
    const fds = Array.from({ length: count }, (_, index) => SYSTEMD_FD + index);
    const which = count === 1 ? "descriptor 3" : `descriptors 3 to ${fds.at(-1)}`;
    return { fds, origin: `${which}, from systemd`, isCertain: true };
  }
  return isSocket(LISTENSOCK_FD)
    ? { fds: [LISTENSOCK_FD], origin: "descriptor 0, from the web server", isCertain: false }
    : undefined;
}

/**
 * Explains, for people, that systemd passed its sockets to another process. A shell or `npx`
 * between systemd and the program has the PID in `LISTEN_PID`; the program has inherited the
 * variables, and no process serves the sockets.
 */
export function socketsOfAnother(): string | undefined {
  const pid = variable("LISTEN_PID") ?? "";
  if (countPassed() === 0 || !NUMBER.test(pid) || pid === String(process.pid)) return undefined;
  return `systemd passed a socket to process ${pid}, not to this one: ` +
    "say `exec` in the wrapper, or start the program without one";
}

/**
 * Whether descriptor 3 is a socket that may be systemd's, but Deno has no permission to read the
 * variables that would tell.
 */
export function mayHideSocket(): boolean {
  if (mayRead("LISTEN_FDS") && (mayRead("LISTEN_PID") || countPassed() === 0)) return false;
  // A child process with an IPC channel (`fork`) may have that on descriptor 3.
  return process.send === undefined && isSocketOnDeno(SYSTEMD_FD);
}

const NUMBER = /^[1-9]\d*$/;

/** The number of sockets that systemd has passed, to whichever process. */
function countPassed(): number {
  const count = variable("LISTEN_FDS") ?? "";
  return NUMBER.test(count) ? Number(count) : 0;
}

function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket();
  } catch {
    return false;
  }
}

/**
 * `isSocket` for Deno, where `fstatSync` supports only the standard streams. It takes pipes for
 * sockets, too.
 */
function isSocketOnDeno(fd: number): boolean {
  const { binding } = process as unknown as {
    binding(name: "util"): { guessHandleType(fd: number): string };
  };
  try {
    return ["PIPE", "TCP"].includes(binding("util").guessHandleType(fd));
  } catch {
    return false;
  }
}
