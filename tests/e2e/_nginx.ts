/** Starts nginx with `examples/nginx/nginx.conf` as it is, in a directory of its own. */
import { access, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type Program, spawnProgram, spawnScript, tempDir, waitUntil, which } from "../_runtime.ts";

const CONFIGURATION = fileURLToPath(new URL("../../examples/nginx/nginx.conf", import.meta.url));
const EVERYTHING = new URL("./apps/everything.ts", import.meta.url);
/** How long a port may still belong to a test that is about to end, in milliseconds. */
const PORT_PATIENCE = 20_000;

const nginx = await which("nginx");
const hasParams = await exists("/etc/nginx/fastcgi_params");

/** The reason why the tests with nginx cannot run here, or `false`. */
export const skipNginx: string | false = nginx === null
  ? "nginx is not installed"
  : !hasParams && "nginx has no /etc/nginx/fastcgi_params";

/** nginx and the directory it was started in, where the applications' sockets are. */
export interface Nginx extends AsyncDisposable {
  directory: string;
  /** What stands in its error log. */
  errorLog(): Promise<string>;
}

/** Starts nginx; it is ready when this resolves. */
export async function startNginx(): Promise<Nginx> {
  const text = await readFile(CONFIGURATION, "utf8");
  for (const [, port] of text.matchAll(/listen 127\.0\.0\.1:(\d+)/g)) await claimPort(Number(port));
  const directory = await tempDir(0o755);
  const log = join(directory.path, "error.log");
  const args = ["-p", ".", "-e", "error.log", "-c", CONFIGURATION];
  // Workers of a root's nginx are another user, who may not open the socket of an application that root has started.
  if (process.getuid?.() === 0) args.push("-g", "user root;");
  const program = await spawnProgram(nginx!, args, { cwd: directory.path });
  const isOver = program.exit.then(() => true);
  const isReady = () => exists(join(directory.path, "nginx.pid"));
  try {
    await waitUntil(async () => await isReady() || await Promise.race([isOver, false]), {
      what: "nginx to start",
    });
    if (!(await isReady())) throw new Error("nginx ended");
  } catch (error) {
    await program[Symbol.asyncDispose]();
    const logged = await readFile(log, "utf8").catch(() => "");
    await directory[Symbol.asyncDispose]();
    throw new Error(`Cannot start nginx with ${CONFIGURATION}: ${program.stderr.text}${logged}`, {
      cause: error,
    });
  }
  return {
    directory: directory.path,
    errorLog: () => readFile(log, "utf8"),
    async [Symbol.asyncDispose]() {
      await program[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** Starts `apps/everything.ts` on the Unix socket that the configuration names. */
export async function startUnixApp(directory: string): Promise<Program> {
  const program = await spawnScript(EVERYTHING, ["path=fcgi.sock"], {
    cwd: directory,
    // All that Deno needs for a Unix socket.
    denoPermissions: [
      `--allow-net=unix:${join(directory, "fcgi.sock")}`,
      "--allow-read=fcgi.sock",
      "--allow-write=fcgi.sock",
    ],
  });
  await program.waitForLine("stderr", /^Serving FastCGI on fcgi\.sock$/);
  return program;
}

/** Starts `apps/everything.ts`, mounted at /yourapplication, on the TCP port that the configuration names. */
export function startTcpApp(): Promise<Program> {
  return startOnPort9000(() =>
    spawnScript(EVERYTHING, ["port=9000", "basePath=/yourapplication"], {
      denoPermissions: ["--allow-net=127.0.0.1:9000"],
    })
  );
}

/** Starts a program that listens on 127.0.0.1:9000, which another test may want at the same time. */
export async function startOnPort9000(start: () => Promise<Program>): Promise<Program> {
  for (;;) {
    await claimPort(9000);
    const program = await start();
    const [line] = await program.waitForLine("stderr", /^Serving FastCGI on .*|EADDRINUSE/);
    if (line.startsWith("Serving FastCGI on 127.0.0.1:9000")) return program;
    await program[Symbol.asyncDispose]();
    if (line !== "EADDRINUSE") throw new Error(`Program listens elsewhere: ${line}`);
  }
}

/**
 * Waits for a port of 127.0.0.1 to be free: another test may be about to give it back.
 *
 * @throws {Error} If it stays taken.
 */
async function claimPort(port: number): Promise<void> {
  try {
    await waitUntil(() => isFree(port), { timeout: PORT_PATIENCE, interval: 50 });
  } catch {
    throw new Error(
      `Port ${port} of 127.0.0.1 is taken, and examples/nginx/nginx.conf needs it: ` +
        "stop the program that listens there, and run the test again",
    );
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false);
}
