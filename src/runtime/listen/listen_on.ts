import type { BindPath } from "./bind_unix.ts";
import { listenGated } from "./accept_gate.ts";
import { listenOnBun } from "./listen_bun.ts";
import { isClusterWorker, listenOnClusterPath } from "./listen_cluster.ts";
import { explainListenError } from "./listen_error.ts";
import { listenOnNet } from "./listen_net.ts";
import { isAbstract, listenOnPath } from "./listen_unix.ts";
import { refusedPermission } from "./listen_permission.ts";
import type { AcceptSocket, Listener, ListenTarget } from "./listener.ts";

/**
 * Opens one listening socket, on any runtime.
 *
 * @throws {Error} If it cannot: the message names the cause, the address and the remedy; the
 * system's error, with its `code`, is the `cause`.
 */
export async function listenOn(
  target: ListenTarget,
  accept: AcceptSocket,
  onError: (error: unknown) => void,
): Promise<Listener> {
  try {
    const refused = await refusedPermission(target);
    if (refused !== undefined) throw refused;
    const isShared = await isClusterWorker();
    // Bun's own sockets do not support a cluster.
    const listen = "Bun" in globalThis && !isShared ? listenOnBun : listenOnNet;
    if (!("path" in target)) {
      return await listenGated((gate) => listen(target, gate, onError), accept);
    }
    const bindPath: BindPath = (path, accept, bound) => listen({ path }, accept, onError, bound);
    if (isShared && !isAbstract(target.path)) {
      return await listenOnClusterPath(target, accept, bindPath);
    }
    return await listenOnPath(target, accept, bindPath, onError);
  } catch (error) {
    throw explainListenError(error, target);
  }
}
