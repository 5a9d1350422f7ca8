/**
 * The sites of `apps/sites/`, built by their frameworks, behind nginx with
 * `examples/frameworks/nginx.conf` as it is. A site is built once on a machine, by the first
 * runtime that needs it: what comes out is the same on each.
 */
import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FRAMEWORKS } from "../_npm.ts";
import { spawnScript } from "../_runtime.ts";
import { Nginx } from "../load/_nginx.ts";
import { putRecipe, startRecipe } from "./_recipes.ts";

const SITES = fileURLToPath(new URL("./apps/sites/", import.meta.url));
const BUILT = join(FRAMEWORKS, "sites");
export const CONFIGURATION: string = fileURLToPath(
  new URL("../../examples/frameworks/nginx.conf", import.meta.url),
);
/** The port of the configuration. */
export const PORT = 8240;
/** How long a build may take, in milliseconds: it is 5 s. */
const BUILD_TIMEOUT = 60_000;

interface Kind {
  /** What builds it, in `node_modules`. */
  builder: string;
  /** Where the files for browsers are then. */
  client: string;
  /** The recipes that are needed to build it. */
  parts: string[];
}

export const KINDS: Record<string, Kind> = {
  "astro": {
    builder: "astro/bin/astro.mjs",
    client: "dist/client",
    parts: ["astro-adapter.js", "astro-entry.js"],
  },
  "react-router": {
    builder: "@react-router/dev/bin.cjs",
    client: "build/client",
    parts: [],
  },
  "sveltekit": {
    builder: "vite/bin/vite.js",
    client: "build/client",
    parts: ["sveltekit-adapter.js"],
  },
  "tanstack-start": {
    builder: "vite/bin/vite.js",
    client: "dist/client",
    parts: [],
  },
};

/** Builds a site, unless that has been done with the same files, and resolves with where it is. */
async function build(name: string): Promise<string> {
  const { builder, parts } = KINDS[name]!;
  const source = join(SITES, name);
  const directory = join(BUILT, name);
  const stamp = join(BUILT, `${name}.stamp`);
  const wanted = createHash("sha256");
  for (const file of (await filesOf(source)).sort()) {
    wanted.update(file).update(await readFile(join(source, file)));
  }
  for (const part of parts) wanted.update(await readFile(await putRecipe(part)));
  // Other packages build something else.
  wanted.update(await readFile(join(FRAMEWORKS, "installed.json")));
  const digest = wanted.digest("hex");
  if (await readFile(stamp, "utf8").catch(() => null) === digest) return directory;
  await rm(directory, { recursive: true, force: true });
  await mkdir(BUILT, { recursive: true });
  await cp(source, directory, { recursive: true });
  await writeFile(join(directory, "package.json"), `{ "private": true, "type": "module" }\n`);
  for (const part of parts) await putRecipe(part, undefined, directory);
  await using program = await spawnScript(join(FRAMEWORKS, "node_modules", builder), ["build"], {
    cwd: directory,
    env: { NODE_ENV: "production", ASTRO_TELEMETRY_DISABLED: "1" },
    denoPermissions: ["--allow-all"],
  });
  const timer = setTimeout(() => program.kill("SIGKILL"), BUILD_TIMEOUT);
  const { code } = await program.exit;
  clearTimeout(timer);
  if (code !== 0) throw new Error(`Cannot build ${name}: ${program.stderr.text}`);
  await writeFile(stamp, digest);
  return directory;
}

async function filesOf(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));
}

/** A built site, and nginx in front of it. */
export interface BuiltSite extends AsyncDisposable {
  /** Where it has been built. */
  directory: string;
  /** The names of the files for browsers, from their root. */
  files: string[];
}

/** Builds a site if need be, and starts it and nginx. */
export async function startSite(name: string): Promise<BuiltSite> {
  const directory = await build(name);
  const client = join(directory, KINDS[name]!.client);
  await using stack = new AsyncDisposableStack();
  const nginx = stack.use(await Nginx.start(CONFIGURATION));
  await symlink(client, join(nginx.directory, "client"));
  stack.use(await startRecipe(`${name}.ts`, nginx.directory, { directory }));
  const disposable = stack.move();
  return {
    directory,
    files: await filesOf(client),
    [Symbol.asyncDispose]: () => disposable.disposeAsync(),
  };
}
