/** The application that a module exports. */
import { describeThrown } from "../log/describe.ts";
import { NoFileError } from "../runtime/load_module.ts";
import type { ServeApplication } from "../server/application/handler.ts";
import { handlerOf } from "../server/application/handler_of.ts";

/** A module that cannot be served; the message says why. */
export class NotLoadedError extends Error {
  override readonly name = "NotLoadedError";
}

/**
 * Loads a module, and takes what it exports to be served: its default, or itself if it has a
 * `fetch`. A promise that it exports as `ready` is awaited: by then the application can answer.
 *
 * @throws {NotLoadedError} If that fails, or if there is no application in it.
 */
export async function loadApplication(
  name: string,
  load: () => Promise<unknown>,
): Promise<ServeApplication> {
  let module: { default?: unknown; ready?: unknown };
  try {
    module = await load() as typeof module;
    await module.ready;
  } catch (error) {
    if (error instanceof NoFileError) throw new NotLoadedError(error.message);
    throw new NotLoadedError(`Cannot load ${name}\n    ${describeThrown(error)}`, {
      cause: error,
    });
  }
  const application = [module.default, module].find((value) => handlerOf(value) !== undefined);
  if (application !== undefined) return application as ServeApplication;
  throw new NotLoadedError(
    `${name} exports no application: write "export default { fetch }", a handler ` +
      "or an instance of a framework; a program that calls serve() is run without fcgi",
  );
}
