import { request } from "../deno.ts";
import { type ListenTarget, nameOfTarget } from "./listener.ts";

/**
 * Why Deno will not let the program listen on a TCP address, or `undefined` if it will. `node:net`
 * throws that where nobody can catch it, so it is asked for before. With `--allow-net` nothing
 * shows; without, Deno asks on a terminal, as it does of itself.
 */
export async function refusedPermission(target: ListenTarget): Promise<Error | undefined> {
  if (!("port" in target)) return undefined;
  const host = nameOfTarget(target);
  if (await request({ name: "net", host })) return undefined;
  const error = new Error(`Requires net access to ${host}`);
  error.name = "NotCapable";
  return error;
}
