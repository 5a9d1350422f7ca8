/**
 * Binds a Unix socket: its file, the file's owner and mode, and its place.
 *
 * The plan: the socket is bound aside, in a directory next to its place that no other user can
 * enter. There it gets its owner and its mode, and then, complete, its name, by link(2), which
 * replaces nothing. So the mode is in force before the first connection, whatever the umask, and of
 * two programs that start at once one gets the place and the other an error. At the end, every
 * runtime that closes a listener unlinks the name that it has bound, whatever file is there by
 * then. That temporary name is gone by then, and only our own file is unlinked here.
 *
 * Where that is impossible, the socket is bound in its place: on Deno with permission for that path
 * alone, and where the temporary name would be too long. Then it has the mode that the umask leaves
 * for the time of one system call (under a umask of 022 or stricter only its owner can connect),
 * and a listener whose place another program has taken is not closed.
 */
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdtempSync,
  renameSync,
  rmdirSync,
  type Stats,
  unlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { isGranted } from "../deno.ts";
import { ListenError } from "./listen_error.ts";
import type { AcceptSocket, Listener } from "./listener.ts";
import type { SocketOwnerIds } from "./socket_owner.ts";
import { fileAt, isUntouched } from "./stale_socket.ts";

// As loaded: applications replace the global.
const { TextEncoder } = globalThis;

/** Makes the runtime listen at a path; `bound` is called as soon as the file exists. */
export type BindPath = (
  path: string,
  accept: AcceptSocket,
  bound?: () => void,
) => Listener | Promise<Listener>;

type BindName = (name: string, bound?: () => void) => Listener | Promise<Listener>;

/**
 * The longest path of a socket, in bytes: the size of `sun_path` less the NUL at its end (unix(7)).
 */
const MAX_PATH_BYTES = process.platform === "linux" ? 107 : 103;

/** Placeholder of the letters that mkdtemp(3) chooses. */
const RANDOM = "XXXXXX";

/** A bound socket in its place. */
export interface Bound {
  readonly listener: Listener;
  readonly file: Stats | undefined;
  /** Whether it was bound under the name of its place. */
  readonly isInPlace: boolean;
}

/** Permissions of a socket file: mode and owner; absent fields are left to the system. */
export interface SocketAccess extends SocketOwnerIds {
  readonly mode?: number | undefined;
}

/** Binds a socket with these permissions, in place of `stale` if any; every other file stays. */
export function bindSocket(
  place: string,
  access: SocketAccess,
  stale: Stats | undefined,
  bind: BindName,
): Promise<Bound> {
  return (canBindAside(place) ? bindAside : bindInPlace)(place, access, stale, bind);
}

/** @throws {ListenError} If the path is too long for a socket. */
export function checkLength(place: string): void {
  const length = lengthOf(place);
  if (length <= MAX_PATH_BYTES) return;
  throw new ListenError(
    "ENAMETOOLONG",
    `The path is too long: it has ${length} bytes, and ${MAX_PATH_BYTES} bytes are the most; choose a shorter one`,
  );
}

function lengthOf(path: string): number {
  return new TextEncoder().encode(path).length;
}

function canBindAside(place: string): boolean {
  const name = join(dirname(place), `.${RANDOM}`, "s");
  if (lengthOf(name) > MAX_PATH_BYTES || !canMoveAside(place)) return false;
  return isGranted({ name: "net", host: `unix:${name}` });
}

/** Whether files may be created and renamed in the directory of the place. */
function canMoveAside(place: string): boolean {
  const path = dirname(place);
  return isGranted({ name: "read", path }) && isGranted({ name: "write", path });
}

async function bindAside(
  place: string,
  access: SocketAccess,
  stale: Stats | undefined,
  bind: BindName,
): Promise<Bound> {
  const directory = makeAside(place);
  const name = join(directory, "s");
  try {
    const listener = await bind(name);
    try {
      allow(name, access);
      const file = fileAt(name);
      if (stale !== undefined) takeAway(place, stale, join(directory, "stale"));
      putAt(place, name);
      return { listener, file, isInPlace: false };
    } catch (error) {
      // Unlinks its name, too.
      await listener.close();
      throw error;
    }
  } finally {
    removeEmpty(directory);
  }
}

/**
 * Creates a directory beside the place: with mode 0700, and the group that files get there
 * (setgid).
 */
export function makeAside(place: string): string {
  return mkdtempSync(join(dirname(place), `.${RANDOM}`).slice(0, -RANDOM.length));
}

/** Sets the owner first, then the mode: so at no time can a user connect who may not in the end. */
export function allow(name: string, { mode, uid, gid }: SocketAccess): void {
  if (uid !== undefined || gid !== undefined) give(name, uid, gid);
  if (mode !== undefined) chmodSync(name, mode);
}

function give(name: string, uid: number | undefined, gid: number | undefined): void {
  const file = fileAt(name);
  try {
    if (file !== undefined) chownSync(name, uid ?? file.uid, gid ?? file.gid);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== "EPERM") throw error;
    const isOwner = uid !== undefined && uid !== file?.uid;
    throw new ListenError(
      code,
      isOwner
        ? "Only root may give the socket another owner; leave the owner out, or give a group " +
          "that this user belongs to"
        : "This user does not belong to the group that the socket is to have; add it to that " +
          "group, or give another",
    );
  }
}

function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // NFS keeps the name of a socket that is open. It does no harm.
  }
}

async function bindInPlace(
  place: string,
  access: SocketAccess,
  stale: Stats | undefined,
  bind: BindName,
): Promise<Bound> {
  if (stale !== undefined) removeStale(place, stale);
  let file: Stats | undefined;
  const listener = await bind(place, () => {
    allow(place, access);
    file = fileAt(place);
  });
  return { listener, file, isInPlace: true };
}

function removeStale(place: string, stale: Stats): void {
  // Between the check and the unlink another program may have bound its own socket there.
  if (!canMoveAside(place)) {
    if (isStillThere(place, stale)) remove(() => unlinkSync(place));
    return;
  }
  const directory = makeAside(place);
  try {
    takeAway(place, stale, join(directory, "stale"));
  } finally {
    removeEmpty(directory);
  }
}

/**
 * Unlinks the stale socket by way of `aside`, and nothing else: a file that has replaced it in the
 * meantime is put back.
 *
 * @throws {ListenError} If one has.
 */
export function takeAway(place: string, stale: Stats, aside: string): void {
  if (!isStillThere(place, stale) || !remove(() => renameSync(place, aside))) return;
  if (isUntouched(fileAt(aside), stale)) return unlinkSync(aside);
  putAt(place, aside);
  throw new ListenError("EADDRINUSE");
}

function isStillThere(place: string, stale: Stats): boolean {
  const file = fileAt(place);
  if (file === undefined) return false;
  if (!isUntouched(file, stale)) throw new ListenError("EADDRINUSE");
  return true;
}

/** Runs one step; returns `false` if another program, which starts at the same time, was faster. */
function remove(step: () => void): boolean {
  try {
    step();
    return true;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "ENOENT") return false;
    if (code !== "EACCES" && code !== "EPERM") throw error;
    throw new ListenError(
      code,
      "A program has left a socket there that this user may not remove; remove it, or choose another path",
    );
  }
}

/** Moves a file to a place that must be free. */
function putAt(place: string, name: string): void {
  try {
    linkSync(name, place);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "EEXIST") throw new ListenError("EADDRINUSE");
    // A file system without hard links. This would replace a file created since the last check.
    return renameSync(name, place);
  }
  unlinkSync(name);
}
