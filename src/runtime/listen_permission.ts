import { type ListenTarget, nameOfTarget } from "./listener.ts";

/** As much of Deno as is needed to ask. */
interface DenoPermissions {
  permissions: {
    request(descriptor: { name: "net"; host: string }): Promise<{ state: string }>;
  };
}

/**
 * Why Deno will not let the program listen on a TCP address, or `undefined` if it will. `node:net` throws that where
 * nobody can catch it, so it is asked for before. With `--allow-net` nothing shows; without, Deno asks on a terminal, as
 * it does of itself.
 */
export async function refusedPermission(target: ListenTarget): Promise<Error | undefined> {
  const { Deno } = globalThis as { Deno?: DenoPermissions };
  if (Deno === undefined || !("port" in target)) return undefined;
  const host = nameOfTarget(target);
  const { state } = await Deno.permissions.request({ name: "net", host });
  if (state === "granted") return undefined;
  const error = new Error(`Requires net access to ${host}`);
  error.name = "NotCapable";
  return error;
}
