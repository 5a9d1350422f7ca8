/**
 * Starts the applications behind the web servers: on the sockets that the configurations of
 * `examples/` name.
 */
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Program, runtime, spawnScript } from "../_runtime.ts";
import { claimPort } from "./_web_server.ts";

const EVERYTHING = new URL("./apps/everything.ts", import.meta.url);

/** Starts `apps/everything.ts` on the Unix socket that the configurations name. */
export async function startUnixApp(directory: string, board?: string): Promise<Program> {
  const program = await spawnScript(EVERYTHING, ["path=fcgi.sock", ...boardArgs(board)], {
    cwd: directory,
    // All that Deno needs for a Unix socket.
    denoPermissions: [
      `--allow-net=unix:${join(directory, "fcgi.sock")}`,
      "--allow-read=fcgi.sock",
      "--allow-write=fcgi.sock",
      ...boardFlags(board),
    ],
  });
  await program.waitForLine("stderr", /^Serving FastCGI on fcgi\.sock \(mode /);
  // Started by root, it is root's: whoever the server is must be able to write to it.
  await chmod(join(directory, "fcgi.sock"), 0o666);
  return program;
}

/** Starts `apps/everything.ts` on the TCP port that a configuration names. */
export function startTcpApp(
  { port, basePath }: { port: number; basePath?: string },
  board?: string,
): Promise<Program> {
  const args = [`port=${port}`, ...boardArgs(board)];
  if (basePath !== undefined) args.push(`basePath=${basePath}`);
  return startOnPort(port, () =>
    spawnScript(EVERYTHING, args, {
      denoPermissions: [`--allow-net=127.0.0.1:${port}`, ...boardFlags(board)],
    }));
}

/**
 * Writes the script of an application that a web server starts: a person's script, with the routes
 * of `apps/everything.ts`.
 */
export async function writeApp(file: string, board?: string): Promise<void> {
  const text = `import { start } from ${JSON.stringify(EVERYTHING.href)};
start(${JSON.stringify({ board })});
`;
  await writeExecutable(file, `${shebang(["--allow-net", ...boardFlags(board)])}\n${text}`);
}

function boardArgs(board?: string): string[] {
  return board === undefined ? [] : [`board=${board}`];
}

/** What Deno needs for a board in files. */
function boardFlags(board?: string): string[] {
  return board === undefined ? [] : [`--allow-read=${board}`, `--allow-write=${board}`];
}

/**
 * Starts a program that listens on a port of 127.0.0.1, which another test may want at the same
 * time.
 */
export async function startOnPort(port: number, start: () => Promise<Program>): Promise<Program> {
  for (;;) {
    await claimPort(port, "an application");
    const program = await start();
    const [line] = await program.waitForLine("stderr", /^Serving FastCGI on .*|EADDRINUSE/);
    if (line.startsWith(`Serving FastCGI on 127.0.0.1:${port}`)) return program;
    await program[Symbol.asyncDispose]();
    if (line !== "EADDRINUSE") throw new Error(`Program listens elsewhere: ${line}`);
  }
}

/** The shebang of an application as a person would write it for the runtime that runs the test. */
export function shebang(denoFlags: string[] = ["--allow-net"]): string {
  return {
    deno: `#!/usr/bin/env -S deno run ${denoFlags.join(" ")}`,
    bun: "#!/usr/bin/env bun",
    node: "#!/usr/bin/env node",
  }[runtime];
}

/** Writes an executable script. */
export async function writeExecutable(file: string, text: string): Promise<void> {
  await writeFile(file, text);
  await chmod(file, 0o755);
}
