import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { type ListenTarget, nameOfTarget } from "./listener.ts";

/** What to do about the errors that a person meets, by the system's code. */
const ADVICE: Record<string, (target: ListenTarget) => string> = {
  EADDRINUSE: (target) =>
    "path" in target
      ? "Another program may be listening there; if it is a socket file left behind, remove it"
      : "Another program is listening there; stop it, or choose another port",
  EACCES: (target) =>
    "path" in target
      ? "This user may not create a socket in that directory; choose another, or change its permissions"
      : "This user may not listen there; choose a port above 1023",
  EPERM: () => "This user may not listen there",
  ENOENT: () => "The directory does not exist; create it first",
  ENOTDIR: () => "A part of the path is not a directory",
  EINVAL: (target) =>
    "path" in target
      ? "The path may be too long: most systems take 107 bytes; choose a shorter one"
      : "This machine may have no such address; use 127.0.0.1, or one of its own",
  ENAMETOOLONG: () => "The path is too long: most systems take 107 bytes; choose a shorter one",
  EADDRNOTAVAIL: () => "This machine has no such address; use 127.0.0.1, or one of its own",
  ENOTFOUND: () => "The host name is not known; use 127.0.0.1, or one of this machine's addresses",
  NotCapable: (target) =>
    "path" in target
      ? `Run deno with --allow-net --allow-read=${target.path} --allow-write=${target.path}`
      : "Run deno with --allow-net",
};

/** EINVAL, ENOTSOCK, EBADF: whatever the descriptor is, it is not what it should be. */
const ADVICE_FD =
  "It is no listening socket; have the program started by a web server, spawn-fcgi or systemd, or give a path or port";

/** An error that says what could not be listened on, why, and what to do next; the system's own is its `cause`. */
export function explainListenError(error: unknown, target: ListenTarget): Error {
  const { code, name, message } = error as { code?: string; name?: string; message?: string };
  const advice = "fd" in target
    ? ADVICE_FD
    : (ADVICE[meantCode(code, target)] ?? ADVICE[name ?? ""])?.(target);
  const reason = code ?? message ?? String(error);
  return new Error(
    `Cannot listen on ${nameOfTarget(target)}: ${reason}${advice ? `. ${advice}` : ""}`,
    {
      cause: error,
    },
  );
}

/** Node says EACCES where the directory of a socket does not exist, too; what Deno says is right, and not to be checked. */
function meantCode(code: string | undefined, target: ListenTarget): string {
  const isDoubtful = code === "EACCES" && "path" in target && !("Deno" in globalThis);
  return isDoubtful && !existsSync(dirname(target.path)) ? "ENOENT" : code ?? "";
}
