/** Starts web servers with the configurations of authorizers in `examples/` as they are, and the applications they name. */
import { access, chmod, chown, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import {
  type Program,
  runtime,
  spawnProgram,
  spawnScript,
  tempDir,
  waitUntil,
  which,
} from "../_runtime.ts";

/** Where Debian has Apache's modules. */
const MODULES = "/usr/lib/apache2/modules";
/** How long a port may still belong to a test that is about to end, in milliseconds. */
const PORT_PATIENCE = 20_000;

const isRoot = process.getuid?.() === 0;

/** A web server and the configuration it is tested with. */
export interface WebServerSetup {
  command: string;
  /** Below `examples/`. */
  configuration: string;
  port: number;
  /** Why it cannot run here, or `false`. */
  skip: string | false;
  args(configuration: string): string[];
}

const apacheArgs = (configuration: string) => [
  ...["-D", "FOREGROUND", "-d", ".", "-f", configuration],
  ...isRoot ? ["-C", "User www-data", "-C", "Group www-data"] : [],
];

export const LIGHTTPD: WebServerSetup = {
  command: "lighttpd",
  configuration: "lighttpd/authorizer.conf",
  port: 8290,
  skip: await which("lighttpd") === null && "lighttpd is not installed",
  args: (configuration) => ["-D", "-f", configuration],
};

export const AUTHNZ_FCGI: WebServerSetup = {
  command: "apache2",
  configuration: "apache/authorizer.conf",
  port: 8291,
  skip: await skipApache("mod_authnz_fcgi.so"),
  args: apacheArgs,
};

export const FCGID: WebServerSetup = {
  command: "apache2",
  configuration: "apache/authorizer-fcgid.conf",
  port: 8292,
  skip: await skipApache("mod_fcgid.so") || await skipSpawned(),
  args: apacheArgs,
};

/** A web server that runs, in a directory of its own with what it guards. */
export interface WebServer extends AsyncDisposable {
  directory: string;
  port: number;
  /** What stands in its error log. */
  errorLog(): Promise<string>;
}

/** Files to guard: each in every guarded directory. */
const FILES = ["grant.txt", "refuse.txt", "ask.txt", "login.txt", "large.txt", "fail.txt"];

/** What stands in a guarded file. */
export const contentOf = (file: string): string => `The content of ${file}\n`;

/** Starts a web server; it takes connections when this resolves. */
export async function startWebServer(
  { command, configuration, port, args }: WebServerSetup,
): Promise<WebServer> {
  await claimPort(port, configuration);
  const directory = await tempDir(0o755);
  await fill(directory.path);
  const file = fileURLToPath(new URL(`../../examples/${configuration}`, import.meta.url));
  const program = await spawnProgram((await which(command))!, args(file), { cwd: directory.path });
  const errorLog = () => readFile(join(directory.path, "error.log"), "utf8").catch(() => "");
  const stop = async () => {
    await program[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  };
  const isOver = program.exit.then(() => "over");
  try {
    const state = await waitUntil(
      async () => await listens(port) ? "ready" : await Promise.race([isOver, ""]),
      { what: `${command} to start` },
    );
    if (state === "over") throw new Error(`${command} ended`);
  } catch (error) {
    const said = program.stderr.text + await errorLog();
    await stop();
    throw new Error(`Cannot start ${command} with ${file}: ${said}`, { cause: error });
  }
  return { directory: directory.path, port, errorLog, [Symbol.asyncDispose]: stop };
}

/** Starts a script that takes its port from an argument, on a port that a configuration names. */
export async function startApp(script: string, port: number, arg: string): Promise<Program> {
  await claimPort(port, script);
  const program = await spawnScript(new URL(script, import.meta.url), [arg], {
    denoPermissions: [`--allow-net=127.0.0.1:${port}`],
  });
  await program.waitForLine("stderr", new RegExp(`^Serving FastCGI on 127\\.0\\.0\\.1:${port}$`));
  return program;
}

/** Puts what is guarded into a directory, and what Apache needs beside it. */
async function fill(directory: string): Promise<void> {
  for (const guarded of ["members", "staff", "board"]) {
    await mkdir(join(directory, "www", guarded), { recursive: true });
    for (const file of FILES) {
      await writeFile(join(directory, "www", guarded, file), contentOf(file));
    }
  }
  // ada, engine: SHA-1 is the one of Apache's formats that needs no program to make.
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode("engine"));
  const hash = btoa(String.fromCharCode(...new Uint8Array(digest)));
  await writeFile(join(directory, "htpasswd"), `ada:{SHA}${hash}\n`);
  // The application that mod_fcgid starts, as a person would wrap it.
  const script = fileURLToPath(new URL("./apps/authorizer.ts", import.meta.url));
  const run = { deno: "run --quiet --no-prompt --allow-net", bun: "run", node: "" }[runtime];
  const wrapper = join(directory, "authorizer.fcgi");
  await writeFile(wrapper, `#!/bin/sh\nexec ${process.execPath} ${run} ${script}\n`);
  await chmod(wrapper, 0o755);
  const sockets = join(directory, "sockets");
  await mkdir(sockets);
  if (isRoot) {
    const { uid, gid } = await userOf("www-data");
    await chown(sockets, uid, gid);
  }
}

async function userOf(name: string): Promise<{ uid: number; gid: number }> {
  for (const line of (await readFile("/etc/passwd", "utf8").catch(() => "")).split("\n")) {
    const [user, , uid, gid] = line.split(":");
    if (user === name) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error(`There is no user ${name}`);
}

async function skipApache(module: string): Promise<string | false> {
  if (await which("apache2") === null) return "apache2 is not installed";
  return await exists(join(MODULES, module)) ? false : `Apache has no ${MODULES}/${module}`;
}

/** Apache of a root starts applications as another user. */
async function skipSpawned(): Promise<string | false> {
  if (!isRoot) return false;
  for (const path of [process.execPath, fileURLToPath(import.meta.url)]) {
    for (let at = path; at !== dirname(at); at = dirname(at)) {
      if (((await stat(at)).mode & 0o005) !== 0o005 && at !== path) {
        return `Only root may open ${at}, and Apache's applications run as www-data`;
      }
    }
  }
  return false;
}

/**
 * Waits for a port of 127.0.0.1 to be free: another test may be about to give it back.
 *
 * @throws {Error} If it stays taken.
 */
async function claimPort(port: number, who: string): Promise<void> {
  try {
    await waitUntil(() => isFree(port), { timeout: PORT_PATIENCE, interval: 50 });
  } catch {
    throw new Error(`Port ${port} of 127.0.0.1 is taken, and ${who} needs it`);
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}

function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false);
}
