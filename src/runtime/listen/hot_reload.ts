/**
 * `bun --hot` runs the modules of a program again in the process that there is, at every change of
 * a file. What the run before has opened stays open: its address is taken, and its handler goes on.
 * So each run leaves its listeners where the next one finds them. That one goes on with those it
 * wants again, as `Bun.serve` does; nobody is refused meanwhile, and an inherited socket, which
 * nobody could open again, is kept.
 *
 * The server that loses a listener like this shuts down, and answers what it has in flight. One
 * whose address the next run does not name goes on, as it does with `Bun.serve`.
 */
import process from "node:process";
import type { AcceptSocket, Listener, ListenTarget } from "./listener.ts";

/** Opens a listener, and hands it what is accepted and what goes wrong. */
type ListenOn = (
  target: ListenTarget,
  accept: AcceptSocket,
  onError: (error: unknown) => void,
) => Promise<Listener>;

/** A server, as another run sees it, whose classes are not the same. */
interface Owner {
  /** The run it belongs to. */
  readonly run: object;
  onError(error: unknown): void;
  shutDown(): void;
}

/** A listener that outlives the run that has opened it. */
interface Kept {
  readonly key: string;
  readonly listener: Listener;
  /** Whose it is now. */
  owner: Owner;
  accept: AcceptSocket;
}

/**
 * Where every run of the module finds the listeners of the others: the modules are new, the global
 * object is not.
 */
const REGISTRY = Symbol.for("@fastcgi/serve: the listeners of bun --hot");
/** This run. */
const RUN = {};

/** Whether the modules of this program may run again. */
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

  /** Goes on with the listener that an earlier run has on the target, or opens one. */
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
   * The server listens everywhere it wants to: those who have lost a listener to it have nothing
   * left to wait for.
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

/** The same for every target that means the same address. */
function keyOf(target: ListenTarget): string {
  if ("fd" in target) return `fd ${target.fd}`;
  if ("path" in target) return `path ${target.place ?? target.path}`;
  return `port ${target.port} of ${target.hostname}`;
}

function registry(): Set<Kept> {
  const global = globalThis as { [REGISTRY]?: Set<Kept> };
  return global[REGISTRY] ??= new Set();
}
