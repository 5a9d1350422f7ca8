/** The environment, read without ever asking: on Deno, what the program has no permission to read counts as absent. */
import process from "node:process";

/** As much of Deno as is needed to ask about a permission. */
interface DenoPermissions {
  permissions: {
    querySync(descriptor: { name: "env"; variable?: string }): { state: string };
  };
}

/** An environment variable, or `undefined` if there is none or it may not be read. */
export function variable(name: string): string | undefined {
  const { Deno } = globalThis as { Deno?: DenoPermissions };
  if (Deno !== undefined) {
    const { state } = Deno.permissions.querySync({ name: "env", variable: name });
    if (state !== "granted") return undefined;
  }
  return process.env[name];
}
