/**
 * Listening on a Unix socket with a file: its mode, its place, and its end.
 *
 * The plan: the socket is bound aside, in a directory next to its place that nobody else can enter. There it gets its
 * mode, and then, complete, its name, by link(2), which replaces nothing. So the mode is in force before the first
 * connection whatever the umask says, and of two programs that start at once one gets the place and the other hears of it.
 * And at the end: every runtime that closes a listener removes the name it has bound, whatever is there by now. That name is
 * gone then, and what is removed here is our own file alone.
 *
 * Where that cannot be, the socket is bound in its place: on Deno with permission for that path alone, and where the
 * longer name is too long. Then it has the mode that the umask leaves for as long as a system call takes (under a umask of
 * 022 or stricter that lets nobody in but its owner), and a listener whose place somebody else has taken is not closed.
 */
import {
  chmodSync,
  linkSync,
  mkdtempSync,
  renameSync,
  rmdirSync,
  type Stats,
  unlinkSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { ListenError } from "./listen_error.ts";
import { type AcceptSocket, type Listener, NOBODY } from "./listener.ts";
import { fileAt, findStaleSocket, isSameFile, isUntouched } from "./stale_socket.ts";

/** Has the runtime listen at a path; `bound` is called as soon as the file is there. */
export type BindPath = (
  path: string,
  accept: AcceptSocket,
  bound?: () => void,
) => Listener | Promise<Listener>;

/** As much of Deno as is needed to ask. */
interface DenoPermissions {
  permissions: {
    querySync(
      descriptor: { name: "read" | "write"; path: string } | { name: "net"; host: string },
    ): { state: string };
  };
}

/** The longest path of a socket, in bytes: what `sun_path` holds beside the zero at its end (unix(7)). */
const MAX_PATH_BYTES = process.platform === "linux" ? 107 : 103;
/** How often the event loop comes round without a new connection before there is none left to take. */
const QUIET_TURNS = 3;
/** How often it does so at most: more often than the system queues connections. */
const MAX_TURNS = 5_000;

/** A bound socket in its place. */
interface Bound {
  listener: Listener;
  file: Stats;
  /** Whether the runtime knows it by the name of its place. */
  isInPlace: boolean;
}

/**
 * Opens a listening socket at a path, instead of one that a program has left behind there.
 *
 * @throws {Error} The system's error, or a {@link ListenError}.
 */
export async function listenOnPath(
  { path, mode }: { path: string; mode?: number },
  accept: AcceptSocket,
  bind: BindPath,
  onError: (error: unknown) => void,
): Promise<Listener> {
  if (path.startsWith("\0")) {
    if (mode === undefined) return bind(path, accept);
    throw new ListenError("EINVAL", "An abstract socket has no file, so it takes no mode");
  }
  // Whatever the program does with its working directory later.
  const place = resolve(path);
  const length = lengthOf(place);
  if (length > MAX_PATH_BYTES) {
    const advice =
      `The path is too long: it has ${length} bytes, and at most ${MAX_PATH_BYTES} bytes will do; choose a shorter one`;
    throw new ListenError("ENAMETOOLONG", advice);
  }
  const stale = await findStaleSocket(place);
  const door = new Door(accept);
  const bound = canBindAside(place)
    ? await bindAside(place, mode, stale, (name) => bind(name, door.accept))
    : await bindInPlace(place, mode, stale, (bound) => bind(place, door.accept, bound));
  return new PathListener(path, place, bound, door, onError);
}

function lengthOf(path: string): number {
  return new TextEncoder().encode(path).length;
}

function canBindAside(place: string): boolean {
  const directory = dirname(place);
  const name = join(directory, ".XXXXXX", "s");
  if (lengthOf(name) > MAX_PATH_BYTES) return false;
  const { Deno } = globalThis as { Deno?: DenoPermissions };
  if (Deno === undefined) return true;
  return ([
    { name: "read", path: directory },
    { name: "write", path: directory },
    { name: "net", host: `unix:${name}` },
  ] as const).every((descriptor) => Deno.permissions.querySync(descriptor).state === "granted");
}

async function bindAside(
  place: string,
  mode: number | undefined,
  stale: Stats | undefined,
  bind: (name: string) => Listener | Promise<Listener>,
): Promise<Bound> {
  // With mode 0700, and the group that the files of its directory get (setgid).
  const directory = mkdtempSync(join(dirname(place), "."));
  const name = join(directory, "s");
  try {
    const listener = await bind(name);
    try {
      if (mode !== undefined) chmodSync(name, mode);
      const file = fileAt(name)!;
      if (stale !== undefined) takeAway(place, stale, join(directory, "stale"));
      putAt(place, name);
      return { listener, file, isInPlace: false };
    } catch (error) {
      // Removes its name, too.
      await listener.close();
      throw error;
    }
  } finally {
    rmdirSync(directory);
  }
}

async function bindInPlace(
  place: string,
  mode: number | undefined,
  stale: Stats | undefined,
  bind: (bound: () => void) => Listener | Promise<Listener>,
): Promise<Bound> {
  if (stale !== undefined) {
    if (!isUntouched(fileAt(place), stale)) throw new ListenError("EADDRINUSE");
    remove(() => unlinkSync(place));
  }
  const listener = await bind(() => {
    if (mode !== undefined) chmodSync(place, mode);
  });
  return { listener, file: fileAt(place)!, isInPlace: true };
}

/** Removes the stale socket, and nothing else: what somebody has put there since then is put back. */
function takeAway(place: string, stale: Stats, aside: string): void {
  if (isUntouched(fileAt(place), stale)) {
    remove(() => renameSync(place, aside));
    if (isUntouched(fileAt(aside), stale)) return unlinkSync(aside);
    putAt(place, aside);
  }
  throw new ListenError("EADDRINUSE");
}

function remove(step: () => void): void {
  try {
    step();
  } catch (error) {
    const { code } = error as { code?: string };
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

/** Counts who comes in, and can be shut. */
class Door {
  isShut = false;
  /** How many have come in. */
  count = 0;
  readonly #accept: AcceptSocket;

  constructor(accept: AcceptSocket) {
    this.#accept = accept;
  }

  readonly accept: AcceptSocket = (socket) => {
    this.count++;
    if (!this.isShut) return this.#accept(socket);
    socket.destroy();
    return NOBODY;
  };

  /** Resolves when all who have connected have come in, provided that nobody else can connect. */
  async quiet(): Promise<void> {
    let count = this.count;
    for (let turn = 0, quiet = 0; turn < MAX_TURNS && quiet < QUIET_TURNS; turn++) {
      await new Promise((resolve) => setTimeout(resolve));
      quiet = this.count === count ? quiet + 1 : 0;
      count = this.count;
    }
  }
}

class PathListener implements Listener {
  readonly address: Listener["address"];
  readonly #place: string;
  readonly #bound: Bound;
  readonly #door: Door;
  readonly #onError: (error: unknown) => void;

  constructor(
    path: string,
    place: string,
    bound: Bound,
    door: Door,
    onError: (error: unknown) => void,
  ) {
    this.address = { transport: "unix", path };
    this.#place = place;
    this.#bound = bound;
    this.#door = door;
    this.#onError = onError;
  }

  /** The file goes first: from then on nobody connects who would not be heard. */
  async close(): Promise<void> {
    this.#removeFile();
    await this.#door.quiet();
    const { listener, isInPlace } = this.#bound;
    if (!isInPlace || fileAt(this.#place) === undefined) return await listener.close();
    // To close it would remove what is there now, the socket of a program that has come since.
    this.#door.isShut = true;
    listener.unref();
  }

  ref(): void {
    this.#bound.listener.ref();
  }

  unref(): void {
    this.#bound.listener.unref();
  }

  #removeFile(): void {
    try {
      const file = fileAt(this.#place);
      if (file !== undefined && isSameFile(file, this.#bound.file)) unlinkSync(this.#place);
    } catch (error) {
      this.#onError(error);
    }
  }
}
