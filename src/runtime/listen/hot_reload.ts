/**
 * Hot reload: `bun --hot` runs the modules of a program again in the same process, at every change
 * of a file. Sockets of the previous run stay open: their addresses are in use, and their handlers
 * go on. So each run registers its listeners where the next one finds them. The next run takes over
 * those whose targets it names again, as `Bun.serve` does; no connection is refused meanwhile, and
 * an inherited socket, which could not be opened again, is kept.
 *
 * The server that loses a listener like this shuts down, and answers its requests in flight. One
 * whose address the next run does not name goes on, as with `Bun.serve`.
 */
import process from "node:process";
import type { AcceptSocket, Listener, ListenTarget } from "./listener.ts";

/** Opens a listener with callbacks for its accepted sockets and its errors. */
type ListenOn = (
  target: ListenTarget,
  accept: AcceptSocket,
  onError: (error: unknown) => void,
) => Promise<Listener>;

/** A server as another run sees it: the classes of that run are not the same. */
interface Owner {
  /** The run that it belongs to. */
  readonly run: object;
  onError(error: unknown): void;
  shutDown(): void;
}

/** A listener that outlives the run that opened it. */
interface Kept {
  readonly key: string;
  readonly listener: Listener;
  /** The server that has it now. */
  owner: Owner;
  accept: AcceptSocket;
}

/**
 * The key of the listeners of all runs, in the global object: modules are new in each run, that
 * object is not.
 */
const REGISTRY = Symbol.for("@fastcgi/serve: the listeners of bun --hot");
/** This run. */
const RUN = {};

/** Whether the modules of this program may run again (`bun --hot`). */
export const isHot = "Bun" in globalThis && process.execArgv.includes("--hot");

/** The listeners of one server. */
export class HotListeners {
  readonly #listenOn: ListenOn;
  readonly #owner: Owner;
  readonly #losers = new Set<Owner>();

  constructor(listenOn: ListenOn, onError: (error: unknown) => void, shutDown: () => void) {
    this.#listenOn = listenOn;
    this.#owner = { run: RUN, onError, shutDown };
  }

  /** Takes over the listener that an earlier run has on the target, or opens one. */
  async listen(target: ListenTarget, accept: AcceptSocket): Promise<Listener> {
    const kept = this.#takeOver(keyOf(target), accept) ?? await this.#open(target, accept);
    const isMine = () => kept.owner === this.#owner;
    const { listener } = kept;
    return {
      address: listener.address,
      file: listener.file,
      async close() {
        if (!isMine()) return;
        registry().delete(kept);
        await listener.close();
      },
      ref: () => isMine() && listener.ref(),
      unref: () => isMine() && listener.unref(),
    };
  }

  /**
   * Shuts down the servers that have lost a listener to this one, which now listens on all its
   * targets.
   */
  settle(): void {
    for (const loser of this.#losers) loser.shutDown();
  }

  #takeOver(key: string, accept: AcceptSocket): Kept | undefined {
    const kept = [...registry()].find((kept) => kept.key === key && kept.owner.run !== RUN);
    if (kept === undefined) return undefined;
    this.#losers.add(kept.owner);
    kept.listener.ref();
    return Object.assign(kept, { owner: this.#owner, accept });
  }

  async #open(target: ListenTarget, accept: AcceptSocket): Promise<Kept> {
    const listener = await this.#listenOn(
      target,
      (socket) => kept.accept(socket),
      (error) => kept.owner.onError(error),
    );
    const kept: Kept = { key: keyOf(target), listener, owner: this.#owner, accept };
    registry().add(kept);
    return kept;
  }
}

/** A key for the target, the same for all targets with the same address. */
function keyOf(target: ListenTarget): string {
  if ("fd" in target) return `fd ${target.fd}`;
  if ("path" in target) return `path ${target.place ?? target.path}`;
  return `port ${target.port} of ${target.hostname}`;
}

function registry(): Set<Kept> {
  const global = globalThis as { [REGISTRY]?: Set<Kept> };
  return global[REGISTRY] ??= new Set();
}
