/**
 * What is at the path of a Unix socket: nothing, a socket that a program has left behind, or
 * something to leave alone.
 */
import { lstatSync, type Stats } from "node:fs";
import { connect } from "node:net";
import { ListenError } from "./listen_error.ts";

// As loaded: applications replace the global.
const { AbortSignal } = globalThis;

/** As much of Bun as is needed to connect. */
interface BunFetch {
  fetch(url: string, init: { unix: string; signal: AbortSignal }): Promise<unknown>;
}

/**
 * How long Bun's second look may take if the socket turns out to be somebody's, in milliseconds.
 */
const BUN_PATIENCE = 1_000;

/** What is at a path, without following a symbolic link; `undefined` if there is nothing. */
export function fileAt(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/**
 * The socket file that a program has left behind at `path`, or `undefined` if there is nothing at
 * all.
 *
 * @throws {ListenError} If there is anything else. A symbolic link is something else, even to a
 * socket: somebody has put it there, to remove it would undo that, and to follow it would let
 * whoever may write to one directory choose a file in another.
 */
export async function findStaleSocket(path: string): Promise<Stats | undefined> {
  const file = fileAt(path);
  if (file === undefined) return undefined;
  if (!file.isSocket()) {
    const advice = file.isSymbolicLink()
      ? "There is a symbolic link, which is left alone; give the path it leads to, or remove it"
      : `There is a ${
        file.isDirectory() ? "directory" : "file"
      } that is no socket, which is left alone; choose another path, or remove it`;
    throw new ListenError("EADDRINUSE", advice);
  }
  switch (await dial(path)) {
    case "ECONNREFUSED":
      return file;
    case "ENOENT":
      return undefined;
    // Nobody takes connections just now, but somebody listens.
    case "EAGAIN":
    case undefined:
      throw new ListenError("EADDRINUSE");
    case "EACCES":
      throw new ListenError(
        "EADDRINUSE",
        "There is a socket that this user may not connect to, so it may be in use; choose another path, or remove it",
      );
    default:
      throw new ListenError(
        "EADDRINUSE",
        "There is a socket of another kind, which is left alone; choose another path, or remove it",
      );
  }
}

/**
 * Whether nothing has happened to a file, which is more than to be found under the same number:
 * numbers come again.
 */
export function isUntouched(file: Stats | undefined, before: Stats): boolean {
  return isSameFile(file, before) && file?.mtimeMs === before.mtimeMs;
}

/** Whether two looks saw the same file; certain as long as it exists. */
export function isSameFile(file: Stats | undefined, other: Stats | undefined): boolean {
  return file !== undefined && file.dev === other?.dev && file.ino === other.ino;
}

/** Why the system does not connect to a socket; `undefined`: it does. */
async function dial(path: string): Promise<string | undefined> {
  const code = await new Promise<string | undefined>((resolve) => {
    const socket = connect({ path }, () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.on("error", (error: Error & { code?: string }) => resolve(error.code ?? error.name));
  });
  const { Bun } = globalThis as { Bun?: BunFetch };
  return Bun !== undefined && code === "ECONNREFUSED" ? await dialOnBun(Bun, path) : code;
}

/**
 * Bun says ECONNREFUSED of every socket that it cannot connect to, except here, where it would go
 * on to speak HTTP.
 */
async function dialOnBun(bun: BunFetch, path: string): Promise<string | undefined> {
  try {
    await bun.fetch("http://localhost/", { unix: path, signal: AbortSignal.timeout(BUN_PATIENCE) });
    return undefined;
  } catch (error) {
    const { code } = error as { code?: string | number };
    // Whatever happens to a connection, it happens to one that has been made.
    return typeof code === "string" && CONNECT_CODES.includes(code) ? code : undefined;
  }
}

const CONNECT_CODES = ["ECONNREFUSED", "ENOENT", "EAGAIN", "EACCES", "EPROTOTYPE"];
