/**
 * Binding a Unix socket: its file, the owner and mode of that, and its place.
 *
 * The plan: the socket is bound aside, in a directory next to its place that nobody else can enter.
 * There it gets its owner and its mode, and then, complete, its name, by link(2), which replaces
 * nothing. So the mode is in force before the first connection whatever the umask says, and of two
 * programs that start at once one gets the place and the other hears of it. And at the end: every
 * runtime that closes a listener removes the name it has bound, whatever is there by now. That name
 * is gone then, and what is removed here is our own file alone.
 *
 * Where that cannot be, the socket is bound in its place: on Deno with permission for that path
 * alone, and where the longer name is too long. Then it has the mode that the umask leaves for as
 * long as a system call takes (under a umask of 022 or stricter that lets nobody in but its owner),
 * and a listener whose place somebody else has taken is not closed.
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

/** Has the runtime listen at a path; `bound` is called as soon as the file is there. */
export type BindPath = (
  path: string,
  accept: AcceptSocket,
  bound?: () => void,
) => Listener | Promise<Listener>;

type BindName = (name: string, bound?: () => void) => Listener | Promise<Listener>;

/**
 * The longest path of a socket, in bytes: what `sun_path` holds beside the zero at its end
 * (unix(7)).
 */
const MAX_PATH_BYTES = process.platform === "linux" ? 107 : 103;

/** What stands for the letters that mkdtemp(3) chooses. */
const RANDOM = "XXXXXX";

/** A bound socket in its place. */
export interface Bound {
  readonly listener: Listener;
  readonly file: Stats | undefined;
  /** Whether the runtime knows it by the name of its place. */
  readonly isInPlace: boolean;
}

/** Who may connect to a socket: its mode, and whose it is; what is absent is left to the system. */
export interface SocketAccess extends SocketOwnerIds {
  readonly mode?: number | undefined;
}

/**
 * Binds a socket, with the `access` that is asked for, in place of `stale` if there is one; what
 * else is there stays.
 */
export function bindSocket(
  place: string,
  access: SocketAccess,
  stale: Stats | undefined,
  bind: BindName,
): Promise<Bound> {
  return (canBindAside(place) ? bindAside : bindInPlace)(place, access, stale, bind);
}

/** @throws {ListenError} If no socket can have a path as long as this. */
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

/** Whether files may have other names, for a while, in the directory of the place. */
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
      // Removes its name, too.
      await listener.close();
      throw error;
    }
  } finally {
    removeEmpty(directory);
  }
}

/** A directory beside the place: with mode 0700, and the group that files get there (setgid). */
function makeAside(place: string): string {
  return mkdtempSync(join(dirname(place), `.${RANDOM}`).slice(0, -RANDOM.length));
}

/** First the owner, then the mode: so at no moment may anybody connect who may not in the end. */
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
  // Between the look and the removal another program may have put its own there.
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
 * Removes the stale socket by way of `aside`, and nothing else: what somebody has put there since
 * then is put back.
 *
 * @throws {ListenError} If somebody has.
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

/** Takes one step; `false`: another program, which starts at the same time, was quicker. */
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

/** Moves a file to a place that nobody may have. */
function putAt(place: string, name: string): void {
  try {
    linkSync(name, place);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "EEXIST") throw new ListenError("EADDRINUSE");
    // A file system without hard links. This would replace what has come since the last look.
    return renameSync(name, place);
  }
  unlinkSync(name);
}
