/**
 * What Deno permits. It asks a person at a terminal for a permission it lacks, in the middle of
 * whatever the program does, so each is looked up before it is used: nobody is asked.
 */

/** What a permission is for; a name alone means all of its kind. */
export type Permission =
  | { name: "read" | "write"; path?: string }
  | { name: "env"; variable?: string }
  | { name: "net"; host?: string }
  | { name: "sys" | "run" | "ffi" | "import" };

/** As much of Deno as is needed to ask. */
interface DenoPermissions {
  permissions: {
    querySync(permission: Permission): { state: string };
    request(permission: Permission): Promise<{ state: string }>;
  };
}

const { Deno: deno } = globalThis as { Deno?: DenoPermissions };

/** Whether this is Deno. */
export const isDeno: boolean = deno !== undefined;

/** Whether the program has a permission already; on Bun and Node it has every one. */
export function isGranted(permission: Permission): boolean {
  return deno === undefined || deno.permissions.querySync(permission).state === "granted";
}

/** The same, but a person at a terminal is asked for it, as Deno does of itself. */
export async function request(permission: Permission): Promise<boolean> {
  return deno === undefined || (await deno.permissions.request(permission)).state === "granted";
}
