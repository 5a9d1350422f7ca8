/**
 * Programs that start a program with a descriptor 0, or 3, of a certain kind: for
 * `runScript({ starter })`.
 */
import { which } from "../_runtime.ts";

const spawnFcgi = await which("spawn-fcgi");
const script = await which("script");
const socketActivate = await which("systemd-socket-activate");

/** The reason why {@link listening} cannot be used here, or `false`. */
export const skipListening: string | false = spawnFcgi === null && "spawn-fcgi is not installed";
/** The reason why {@link onTerminal} cannot be used here, or `false`. */
export const skipTerminal: string | false = script === null &&
  "script (util-linux) is not installed";
/**
 * The reason why {@link onSystemdSocket} and {@link onConnection} cannot be used here, or `false`.
 */
export const skipSystemd: string | false = socketActivate === null &&
  "systemd-socket-activate is not installed";

/** Where a program listens that is told nothing: at a path, or on a port of 127.0.0.1. */
export type Place = { path: string } | { port: number };

/**
 * Descriptor 0 is a listening socket. The program takes the place of the one that starts it, so it
 * has its pid.
 */
export function listening(place: Place): string[] {
  const where = "path" in place
    ? ["-s", place.path]
    : ["-a", "127.0.0.1", "-p", String(place.port)];
  return [spawnFcgi!, "-n", ...where, "--"];
}

/** Descriptors as a shell's redirections say it. */
export function redirected(redirections: string): string[] {
  return ["/bin/sh", "-c", `exec "$0" "$@" ${redirections}`];
}

/**
 * Descriptor 3 is a listening socket, descriptor 0 is not, and the variables are as systemd sets
 * them.
 */
export function asBySystemd(
  place: Place,
  { fds = "1", pid = "$$" }: { fds?: string; pid?: string } = {},
): string[] {
  const run = `LISTEN_FDS=${fds} LISTEN_PID=${pid} exec "$0" "$@" 3<&0 </dev/null`;
  return [...listening(place), "/bin/sh", "-c", run];
}

/** systemd's own program; it starts the other when the first connection has come. */
export function onSystemdSocket(path: string): string[] {
  return [socketActivate!, "-l", path, "--"];
}

/** Descriptors 0 and 1 are a connection that has been accepted, as inetd hands it over. */
export function onConnection(path: string): string[] {
  return [socketActivate!, "--accept", "--inetd", "-l", path, "--"];
}

/** Descriptors 0, 1 and 2 are a terminal; what is written there comes on stdout. */
export function onTerminal(): string[] {
  // `script` takes one command line: the words that follow become its shell's arguments.
  return ["/bin/sh", "-c", `exec ${script} -qefc "$*" /dev/null`, "sh"];
}
