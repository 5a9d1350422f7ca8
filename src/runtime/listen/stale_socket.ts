/**
 * Detects stale Unix sockets: at a path there is nothing, a socket that a program has left behind,
 * or a file to leave alone.
 */
import { lstatSync, type Stats } from "node:fs";
import { connect } from "node:net";
import { ListenError } from "./listen_error.ts";

// As loaded: applications replace the global.
const { AbortSignal, Promise } = globalThis;

/** The part of Bun that is used to connect. */
interface BunFetch {
  fetch(url: string, init: { unix: string; signal: AbortSignal }): Promise<unknown>;
}

/**
 * Timeout of Bun's second connection attempt, if the socket turns out to be in use, in
 * milliseconds.
 */
const BUN_PATIENCE = 1_000;

/**
 * The file at a path, without following a symbolic link (lstat(2)); `undefined` if there is none.
 */
export function fileAt(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/**
 * The stale socket file at `path`, or `undefined` if there is no file.
 *
 * @throws {ListenError} If there is any other file. A symbolic link is one, even to a socket: it
 * was made on purpose, removing it would undo that, and following it would let a user with write
 * permission in one directory choose a file in another.
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
    // The listen queue is full, but a process listens.
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

/** Whether a file is unchanged. The same inode number is not enough: numbers are reused. */
export function isUntouched(file: Stats | undefined, before: Stats): boolean {
  return isSameFile(file, before) && file?.mtimeMs === before.mtimeMs;
}

/** Whether both are the same file (device and inode); certain as long as it exists. */
export function isSameFile(file: Stats | undefined, other: Stats | undefined): boolean {
  return file !== undefined && file.dev === other?.dev && file.ino === other.ino;
}

/** Connects to a socket; returns the error code, or `undefined` on success. */
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
 * Connects with Bun's `fetch`. Elsewhere Bun reports ECONNREFUSED for every failed connection to a
 * socket; `fetch` has the actual code, but would go on to speak HTTP.
 */
async function dialOnBun(bun: BunFetch, path: string): Promise<string | undefined> {
  try {
    await bun.fetch("http://localhost/", { unix: path, signal: AbortSignal.timeout(BUN_PATIENCE) });
    return undefined;
  } catch (error) {
    const { code } = error as { code?: string | number };
    // Any other error is one of an established connection.
    return typeof code === "string" && CONNECT_CODES.includes(code) ? code : undefined;
  }
}

const CONNECT_CODES = ["ECONNREFUSED", "ENOENT", "EAGAIN", "EACCES", "EPROTOTYPE"];
