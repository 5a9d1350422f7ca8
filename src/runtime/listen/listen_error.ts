import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { messageOf, textOf } from "../../log/describe.ts";
import { type ListenTarget, nameOfTarget } from "./listener.ts";

/**
 * The reason why a path cannot be listened on: a code as the system would set it, and a remedy if
 * the usual one does not fit.
 */
export class ListenError extends Error {
  readonly code: string;
  readonly advice: string | undefined;

  constructor(code: string, advice?: string) {
    super(advice ?? code);
    this.code = code;
    this.advice = advice;
  }
}

/** Remedies for the common errors over TCP, by the system's code. */
const ADVICE_TCP: Record<string, string> = {
  EADDRINUSE: "Another program is listening there; stop it, or choose another port",
  EACCES: "This user may not listen there; choose a port above 1023",
  EPERM: "This user may not listen there",
  EINVAL: "This machine may have no such address; use 127.0.0.1, or one of its own",
  EADDRNOTAVAIL: "This machine has no such address; use 127.0.0.1, or one of its own",
  ENOTFOUND: "The host name is not known; use 127.0.0.1, or one of this machine's addresses",
  NotCapable: "Run deno with --allow-net",
};

/** Remedies for the path of a socket. */
const ADVICE_PATH: Record<string, (path: string) => string> = {
  EADDRINUSE: () => "Another program is listening there; stop it, or choose another path",
  EACCES: (path) =>
    `This user may not create a socket in the directory ${
      dirname(path)
    }; change its permissions, or choose another`,
  EPERM: (path) => `There can be no socket in the directory ${dirname(path)}; choose another`,
  EROFS: (path) => `The directory ${dirname(path)} is read-only; choose another, such as in /run`,
  ENOENT: (path) => `The directory ${dirname(path)} does not exist; create it first`,
  ENOTDIR: (path) => `A part of ${dirname(path)} is not a directory; choose another path`,
  NotCapable: (path) => `Run deno with --allow-net --allow-read=${path} --allow-write=${path}`,
};

/** The remedy for a descriptor that is not a listening socket: EINVAL, ENOTSOCK, EBADF. */
const ADVICE_FD =
  "It is no listening socket; have the program started by a web server, spawn-fcgi or systemd, or give a path or port";

/**
 * Creates an error that names the address, the cause and the remedy; the system's own is its
 * `cause`.
 */
export function explainListenError(error: unknown, target: ListenTarget): Error {
  const code = textOf(error, "code");
  const known = meantCode(code, target) ?? textOf(error, "name") ?? "";
  const advice = adviceOn(error, known, target);
  const reason = code ?? messageOf(error);
  return new Error(
    `Cannot listen on ${nameOfTarget(target)}: ${reason}${advice ? `. ${advice}` : ""}`,
    {
      cause: error,
    },
  );
}

function adviceOn(error: unknown, code: string, target: ListenTarget): string | undefined {
  if ("fd" in target) return ADVICE_FD;
  if ("port" in target) return ADVICE_TCP[code];
  return error instanceof ListenError && error.advice !== undefined
    ? error.advice
    : ADVICE_PATH[code]?.(target.place ?? resolve(target.path));
}

/**
 * The actual code: Node reports EACCES where the directory of a socket does not exist, too. Deno's
 * code is right, and could not be checked.
 */
function meantCode(code: string | undefined, target: ListenTarget): string | undefined {
  const isDoubtful = code === "EACCES" && "path" in target && !("Deno" in globalThis);
  return isDoubtful && !existsSync(dirname(target.place ?? target.path)) ? "ENOENT" : code;
}
