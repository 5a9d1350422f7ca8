/** Starts a web server with a CGI configuration of `examples/` as it is, in a directory with one script. */
import { access, chmod, chown, readFile, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { commandFor } from "../runtime/_command.ts";
import { spawnProgram, tempDir, waitUntil, which } from "../_runtime.ts";

const APP = new URL("./apps/cgi.ts", import.meta.url);
/** Every permission: with less, Deno does not let bytes of the environment be seen that are no text. */
const PERMISSIONS = ["--allow-all"];
/** How long a port may still belong to a test that is about to end, in milliseconds. */
const PORT_PATIENCE = 20_000;
/** The user that Apache becomes when root starts it. */
const USER = { name: "www-data", uid: 33, gid: 33 };

const isRoot = process.getuid?.() === 0;

/** A web server that runs CGI programs, and one way to start it. */
export interface CgiServer {
  name: string;
  command: string;
  /** Below `examples/`. */
  configuration: string;
  args(configuration: string, directory: string): string[];
  /** Files that the configuration names. */
  needs: string[];
  /** What belongs to root's directory is given to this user. */
  user?: typeof USER;
  /** Where standard error of the script goes. */
  log: string;
}

const apache = (name: string, module: string, mpm: string, flags: string[]): CgiServer => ({
  name,
  command: "apache2",
  configuration: "apache/cgi.conf",
  args: (configuration, directory) => [
    ...["-D", "FOREGROUND", ...flags, "-d", directory, "-f", configuration],
    ...(isRoot ? ["-C", `User ${USER.name}`, "-C", `Group ${USER.name}`] : []),
  ],
  needs: [module, mpm].map((file) => `/usr/lib/apache2/modules/mod_${file}.so`),
  user: USER,
  log: "error.log",
});

export const SERVERS: CgiServer[] = [
  apache("Apache mod_cgid", "cgid", "mpm_event", []),
  apache("Apache mod_cgi", "cgi", "mpm_prefork", ["-D", "PREFORK"]),
  {
    name: "lighttpd mod_cgi",
    command: "lighttpd",
    configuration: "lighttpd/cgi.conf",
    args: (configuration) => ["-D", "-f", configuration],
    needs: ["/usr/lib/lighttpd/mod_cgi.so"],
    log: "application.log",
  },
];

/** The command of the application, as a shell says it. */
export const APP_COMMAND = commandFor(APP, PERMISSIONS).map((arg) => `'${arg}'`).join(" ");

/** The reason why a server cannot be tested here, or `false`. */
export async function skipReason(server: CgiServer): Promise<string | false> {
  if (await which(server.command) === null) return `${server.command} is not installed`;
  if (await which("setsid") === null) return "setsid (util-linux) is not installed";
  for (const file of server.needs) if (!(await exists(file))) return `There is no ${file} here`;
  return false;
}

/** A web server at work. */
export interface RunningServer extends AsyncDisposable {
  directory: string;
  /** What the script wrote to standard error, among other things. */
  log(): Promise<string>;
}

/** Starts a server; all of its ports answer when this resolves. */
export async function startServer(server: CgiServer): Promise<RunningServer> {
  const configuration = fileURLToPath(
    new URL(`../../examples/${server.configuration}`, import.meta.url),
  );
  const text = await readFile(configuration, "utf8");
  const ports = new Set(Array.from(text.matchAll(/:(82[89]\d)\b/g), ([, port]) => Number(port)));
  for (const port of ports) {
    await waitUntil(() => isFree(port), {
      timeout: PORT_PATIENCE,
      interval: 50,
      what: `port ${port} of 127.0.0.1, which ${server.configuration} needs, to be free`,
    });
  }
  const directory = await tempDir(0o755);
  const script = join(directory.path, "yourapplication.cgi.ts");
  await writeFile(script, `#!/bin/sh\nexec ${APP_COMMAND}\n`);
  await chmod(script, 0o755);
  if (isRoot && server.user) await chown(directory.path, server.user.uid, server.user.gid);
  // A stopping Apache with mpm_prefork sends SIGTERM to its whole process group: it gets one of its own.
  const program = await spawnProgram(
    (await which("setsid"))!,
    [(await which(server.command))!, ...server.args(configuration, directory.path)],
    { cwd: directory.path, env: { NO_COLOR: "1", FORCE_COLOR: undefined } },
  );
  const log = () => readFile(join(directory.path, server.log), "utf8").catch(() => "");
  const stop = async () => {
    await program[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  };
  const isOver = program.exit.then(() => "over" as const);
  try {
    for (const port of ports) {
      const outcome = await waitUntil(() => Promise.race([isListening(port), isOver]), {
        what: `${server.command} on port ${port}`,
      });
      if (outcome === "over") throw new Error(`${server.command} ended`);
    }
  } catch (error) {
    const said = program.stdout.text + program.stderr.text + await log();
    await stop();
    throw new Error(`Cannot start ${server.command} with ${configuration}: ${said}`, {
      cause: error,
    });
  }
  return { directory: directory.path, log, [Symbol.asyncDispose]: stop };
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

function isListening(port: number): Promise<boolean> {
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
