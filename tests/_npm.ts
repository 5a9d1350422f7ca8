/**
 * The packages from npm that the end-to-end tests serve, frameworks, as their users install them,
 * and the compiler and the types that their users check their programs with;
 * into `.cache/frameworks`. Nothing in `src/` knows of them, and nothing of them is ever committed.
 *
 * `tests/run.ts` fetches them before the first runner starts; a test that is run alone does it
 * itself.
 */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { spawnProgram, which } from "./_runtime.ts";

/** Where they are: `node_modules` is there, and the tests put their applications beside it. */
export const FRAMEWORKS: string = fileURLToPath(new URL("../.cache/frameworks", import.meta.url));

/** The versions of the day on which this was written. Peers that are needed are named, too. */
const PACKAGES = {
  "@modelcontextprotocol/sdk": "1.32.2",
  "@orpc/client": "1.16.1",
  "@orpc/server": "1.16.1",
  "@react-router/dev": "8.4.0",
  "@react-router/node": "8.4.0",
  "@remix-run/fetch-router": "0.20.1",
  "@sinclair/typebox": "0.34.52",
  "@sveltejs/kit": "3.2.0",
  "@sveltejs/vite-plugin-svelte": "7.3.1",
  "@tanstack/react-router": "1.170.46",
  "@tanstack/react-start": "1.169.5",
  "@trpc/server": "11.25.2",
  "@types/bun": "1.4.5",
  "@types/express": "5.0.6",
  "@types/koa": "3.0.3",
  "@types/node": "24.19.2",
  "@types/ws": "8.18.2",
  "@vitejs/plugin-react": "6.3.0",
  "@whatwg-node/fetch": "0.12.1",
  "astro": "7.3.5",
  "better-auth": "1.7.25",
  "elysia": "1.4.30",
  "exact-mirror": "1.2.6",
  "express": "5.3.0",
  "graphql": "17.1.0",
  "graphql-yoga": "5.24.1",
  "h3": "2.0.8",
  "hono": "4.13.19",
  "isbot": "5.2.3",
  "itty-router": "5.0.24",
  "koa": "3.3.0",
  "node-fetch": "3.3.2",
  "react": "19.3.1",
  "react-dom": "19.3.1",
  "react-router": "8.4.0",
  "srvx": "1.0.8",
  "svelte": "5.57.3",
  "typescript": "7.0.2",
  "undici": "8.13.1",
  "vite": "8.3.8",
  "ws": "8.23.0",
  "zod": "4.6.7",
};

/** How long npm may take, in milliseconds: it is 25 s, twice that on a busy machine. */
const TIMEOUT = 240_000;

/** Installs what is not there, and resolves with the reason why it could not, or `false`. */
export async function installFrameworks(): Promise<string | false> {
  const wanted = JSON.stringify(
    { private: true, type: "module", dependencies: PACKAGES },
    null,
    2,
  );
  const stamp = join(FRAMEWORKS, "installed.json");
  if (await readFile(stamp, "utf8").catch(() => null) === wanted) return false;
  const npm = await which("npm");
  if (npm === null) return "npm is not installed, and frameworks come from there";
  // A runtime without a package.json of its own looks upwards for one; npm does, too.
  await rm(FRAMEWORKS, { recursive: true, force: true });
  await mkdir(FRAMEWORKS, { recursive: true });
  await writeFile(join(FRAMEWORKS, "package.json"), wanted);
  await using program = await spawnProgram(npm, [
    ...["install", "--prefix", FRAMEWORKS, "--no-audit", "--no-fund", "--ignore-scripts"],
    // Without this npm fetches optional peers: a compiler among them.
    ...["--legacy-peer-deps", "--loglevel=error"],
    ...["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=30000"],
  ], { cwd: FRAMEWORKS });
  const timer = setTimeout(() => program.kill("SIGKILL"), TIMEOUT);
  const { code } = await program.exit;
  clearTimeout(timer);
  if (code !== 0) {
    const [line = "npm ended without a word"] = program.stderr.text.split("\n")
      .filter((text) => /^npm error (?!code|errno|syscall|A complete log)/.test(text));
    return `Cannot get the frameworks from npm: ${line.replace("npm error ", "")}`;
  }
  await writeFile(stamp, wanted);
  return false;
}

/**
 * Writes a program down beside the packages, or in a folder there: whole or not at all, for another
 * test may be about to start it.
 */
export async function writeProgram(file: string, text: string): Promise<void> {
  if (text === await readFile(file, "utf8").catch(() => null)) return;
  await mkdir(dirname(file), { recursive: true });
  const unfinished = `${file}.${randomUUID()}`;
  await writeFile(unfinished, text);
  await rename(unfinished, file);
}
