/**
 * Listening on a Unix socket, from the look at what is in its place to the removal of its file.
 *
 * The end: the file goes first, if it is still ours, then who has connected by then comes in, then the socket is closed. So
 * nobody connects who is not served; a web server that comes later finds no file, which it takes as it takes a refusal.
 */
import { unlinkSync } from "node:fs";
import { resolve } from "node:path";
import { type BindPath, bindSocket, type Bound, checkLength } from "./bind_path.ts";
import { ListenError } from "./listen_error.ts";
import {
  type AcceptSocket,
  type Listener,
  type ListenTarget,
  NOBODY,
  type PathTarget,
} from "./listener.ts";
import { idsOf } from "./socket_owner.ts";
import { fileAt, findStaleSocket, isSameFile } from "./stale_socket.ts";

/** How often the event loop comes round without a new connection before there is none left to take; Deno needs three. */
const QUIET_TURNS = 10;
/** How often it does so at most: more often than the system queues connections. */
const MAX_TURNS = 5_000;

/** Finds the place that a path means now. */
export function placed<T extends ListenTarget | undefined>(target: T): T {
  if (target === undefined || !("path" in target) || isAbstract(target.path)) return target;
  return { ...target, place: resolve(target.path) };
}

/** Whether the path is the name of a socket without a file (unix(7)). */
export function isAbstract(path: string): boolean {
  return path.startsWith("\0");
}

/**
 * Opens a listening socket at a path, instead of one that a program has left behind there.
 *
 * @throws {Error} The system's error, or a {@link ListenError}.
 */
export async function listenOnPath(
  { path, place = resolve(path), mode, owner, group }: PathTarget,
  accept: AcceptSocket,
  bind: BindPath,
  onError: (error: unknown) => void,
): Promise<Listener> {
  if (isAbstract(path)) {
    if ((mode ?? owner ?? group) === undefined) return bind(path, accept);
    throw new ListenError(
      "EINVAL",
      "An abstract socket has no file, so it takes no mode, no owner and no group",
    );
  }
  checkLength(place);
  const access = { mode, ...idsOf({ owner, group }) };
  const stale = await findStaleSocket(place);
  const door = new Door(accept);
  const bound = await bindSocket(place, access, stale, (name, bound) => {
    return bind(name, door.accept, bound);
  });
  return new PathListener(path, place, bound, door, onError);
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
  readonly file: Listener["file"];
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
    this.file = bound.file;
    this.#place = place;
    this.#bound = bound;
    this.#door = door;
    this.#onError = onError;
  }

  async close(): Promise<void> {
    try {
      if (isSameFile(fileAt(this.#place), this.#bound.file)) unlinkSync(this.#place);
    } catch (error) {
      this.#onError(error);
    }
    await this.#door.quiet();
    const { listener, isInPlace } = this.#bound;
    if (!isInPlace || this.#isPlaceFree()) return await listener.close();
    // The runtime would remove what is there, the socket of a program that has come since.
    this.#door.isShut = true;
    listener.unref();
  }

  ref(): void {
    this.#bound.listener.ref();
  }

  unref(): void {
    this.#bound.listener.unref();
  }

  #isPlaceFree(): boolean {
    try {
      return fileAt(this.#place) === undefined;
    } catch {
      return false;
    }
  }
}
