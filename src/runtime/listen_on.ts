import type { BindPath } from "./bind_path.ts";
import { listenThroughDoor } from "./door.ts";
import { listenOnBun } from "./listen_bun.ts";
import { explainListenError } from "./listen_error.ts";
import { listenOnNet } from "./listen_net.ts";
import { listenOnPath } from "./listen_path.ts";
import { refusedPermission } from "./listen_permission.ts";
import type { AcceptSocket, Listener, ListenTarget } from "./listener.ts";

/**
 * Opens one listening socket, on whichever runtime this is.
 *
 * @throws {Error} If it cannot: the message says what happened, to what, and what to do next; the system's error, with
 * its `code`, is the `cause`.
 */
export async function listenOn(
  target: ListenTarget,
  accept: AcceptSocket,
  onError: (error: unknown) => void,
): Promise<Listener> {
  try {
    const refused = await refusedPermission(target);
    if (refused !== undefined) throw refused;
    const bind = (target: ListenTarget, accept: AcceptSocket, bound?: () => void) =>
      "Bun" in globalThis
        ? listenOnBun(target, accept, onError, bound)
        : listenOnNet(target, accept, onError, bound);
    if (!("path" in target)) return await listenThroughDoor((door) => bind(target, door), accept);
    const bindPath: BindPath = (path, accept, bound) => bind({ path }, accept, bound);
    return await listenOnPath(target, accept, bindPath, onError);
  } catch (error) {
    throw explainListenError(error, target);
  }
}
