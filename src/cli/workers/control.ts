/**
 * The socket of a supervisor itself, for `fcgi status`, `reload`, `reopen` and `stop`: it answers
 * where all workers are busy or blocked, too.
 */
import { print } from "../../log/print.ts";
import type { FastCgiServer } from "../../serve/server.ts";
import { type Answer, serveWithCommands } from "../serve_with_commands.ts";

// As loaded: `fcgi serve` runs applications, which replace the global.
const { Response } = globalThis;

/** For its owner alone: whoever gets there can stop all. */
const MODE = 0o600;

/**
 * Listens at the path.
 *
 * @throws {Error} If it cannot: the message names the cause, the path and the remedy.
 */
export async function openControl(path: string, answer: Answer): Promise<FastCgiServer> {
  const server = serveWithCommands(
    { fetch: () => new Response("Only fcgi itself is answered here.\n", { status: 404 }) },
    { path, mode: MODE, handleSignals: false, onListen: () => {}, onError: print },
    { answer },
  );
  await server.ready;
  return server;
}
