import process from "node:process";
import { fileURLToPath } from "node:url";
import { runtime } from "../_runtime.ts";

/**
 * The command that runs a TypeScript file on the runtime that runs this test, for a shell or a web
 * server to start.
 */
export function commandFor(file: string | URL, denoPermissions: string[] = []): string[] {
  const flags = {
    deno: ["run", "--quiet", "--no-prompt", ...denoPermissions],
    bun: ["run"],
    node: [],
  };
  const path = file instanceof URL ? fileURLToPath(file) : file;
  return [process.execPath, ...flags[runtime], path];
}
