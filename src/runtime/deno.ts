/**
 * Permissions on Deno. For a missing one Deno prompts at the terminal, in the middle of whatever
 * the program does, so each is queried before it is used, and no prompt appears.
 */

/** A permission descriptor; a name alone means all of its kind. */
export type Permission =
  | { name: "read" | "write"; path?: string }
  | { name: "env"; variable?: string }
  | { name: "net"; host?: string }
  | { name: "sys" | "run" | "ffi" | "import" };

/** The part of Deno that is used. */
interface DenoPermissions {
  permissions: {
    querySync(permission: Permission): { state: string };
    request(permission: Permission): Promise<{ state: string }>;
  };
}

const { Deno: deno } = globalThis as { Deno?: DenoPermissions };

/** Whether the runtime is Deno. */
export const isDeno: boolean = deno !== undefined;

/** Whether a permission is granted already; on Bun and Node every one is. */
export function isGranted(permission: Permission): boolean {
  return deno === undefined || deno.permissions.querySync(permission).state === "granted";
}

/**
 * Requests a permission: unlike {@link isGranted}, with a prompt at the terminal, as Deno itself
 * does.
 */
export async function request(permission: Permission): Promise<boolean> {
  return deno === undefined || (await deno.permissions.request(permission)).state === "granted";
}
