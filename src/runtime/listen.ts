/** Listening on a Unix or TCP socket, on whichever runtime this is. */
import { listenOnBun } from "./listen_bun.ts";
import { explainListenError } from "./listen_error.ts";
import { listenOnNet } from "./listen_net.ts";
import { refusedPermission } from "./listen_permission.ts";
import type { AcceptSocket, Listener, ListenTarget } from "./listener.ts";

/**
 * Opens a listening socket.
 *
 * @throws {Error} If it cannot: the message says what happened, to what, and what to do next; the system's error, with
 * its `code`, is the `cause`.
 */
export async function listen(
  target: ListenTarget,
  accept: AcceptSocket,
  onError: (error: unknown) => void,
): Promise<Listener> {
  try {
    const refused = await refusedPermission(target);
    if (refused !== undefined) throw refused;
    if ("Bun" in globalThis) return listenOnBun(target, accept);
    return await listenOnNet(target, accept, onError);
  } catch (error) {
    throw explainListenError(error, target);
  }
}
