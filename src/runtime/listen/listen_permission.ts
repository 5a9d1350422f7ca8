import { request } from "../deno.ts";
import { type ListenTarget, nameOfTarget } from "./listener.ts";

/**
 * The error if Deno refuses permission to listen on a TCP address, else `undefined`. `node:net`
 * throws it where it cannot be caught, so the permission is requested before. With `--allow-net`
 * there is no prompt; without it Deno prompts at the terminal, as it does itself.
 */
export async function refusedPermission(target: ListenTarget): Promise<Error | undefined> {
  if (!("port" in target)) return undefined;
  const host = nameOfTarget(target);
  if (await request({ name: "net", host })) return undefined;
  const error = new Error(`Requires net access to ${host}`);
  error.name = "NotCapable";
  return error;
}
