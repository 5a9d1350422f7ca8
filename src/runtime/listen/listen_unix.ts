/**
 * Listens on a Unix socket, from the check of its place to the unlink of its file.
 *
 * The end: first the file is unlinked, if it is still ours, then the connections in the listen
 * queue are accepted, then the socket is closed. So every connection made is served; a web server
 * that comes later finds no file, which it treats like a refused connection.
 */
import { unlinkSync } from "node:fs";
import { resolve } from "node:path";
import { type BindPath, bindSocket, type Bound, checkLength } from "./bind_unix.ts";
import { AcceptGate, listenGated } from "./accept_gate.ts";
import { ListenError } from "./listen_error.ts";
import type { AcceptSocket, Listener, ListenTarget, PathTarget } from "./listener.ts";
import { idsOf } from "./socket_owner.ts";
import { fileAt, findStaleSocket, isSameFile } from "./stale_socket.ts";

/** Resolves the path of a target to its place, against the current working directory. */
export function resolvePlace<T extends ListenTarget | undefined>(target: T): T {
  if (target === undefined || !("path" in target) || isAbstract(target.path)) return target;
  return { ...target, place: resolve(target.path) };
}

/** Whether the path names an abstract socket, one without a file (unix(7)). */
export function isAbstract(path: string): boolean {
  return path.startsWith("\0");
}

/**
 * Opens a listening socket at a path, and replaces a stale one there.
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
    if ((mode ?? owner ?? group) === undefined) {
      return listenGated((accept) => bind(path, accept), accept);
    }
    throw new ListenError(
      "EINVAL",
      "An abstract socket has no file, so it takes no mode, no owner and no group",
    );
  }
  checkLength(place);
  const access = { mode, ...idsOf({ owner, group }) };
  const stale = await findStaleSocket(place);
  const gate = new AcceptGate(accept);
  const bound = await bindSocket(place, access, stale, (name, bound) => {
    return bind(name, gate.accept, bound);
  });
  return new PathListener(path, place, bound, gate, onError);
}

class PathListener implements Listener {
  readonly address: Listener["address"];
  readonly file: Listener["file"];
  readonly #place: string;
  readonly #bound: Bound;
  readonly #gate: AcceptGate;
  readonly #onError: (error: unknown) => void;

  constructor(
    path: string,
    place: string,
    bound: Bound,
    gate: AcceptGate,
    onError: (error: unknown) => void,
  ) {
    this.address = { transport: "unix", path };
    this.file = bound.file;
    this.#place = place;
    this.#bound = bound;
    this.#gate = gate;
    this.#onError = onError;
  }

  async close(): Promise<void> {
    try {
      if (isSameFile(fileAt(this.#place), this.#bound.file)) unlinkSync(this.#place);
    } catch (error) {
      this.#onError(error);
    }
    await this.#gate.quiet();
    const { listener, isInPlace } = this.#bound;
    if (!isInPlace || this.#isPlaceFree()) return await listener.close();
    // The runtime would unlink the file there, the socket of a program that was started since.
    this.#gate.isShut = true;
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
