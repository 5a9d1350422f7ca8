/** Starts a web server with a configuration of `examples/` as it is, in a directory of its own. */
import { access, readFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { spawnProgram, tempDir, waitUntil, which } from "../_runtime.ts";
import { apacheCommand, isOtherUser, skipApache } from "./_apache.ts";

const ROOT = new URL("../../", import.meta.url);
/** How long a port may still belong to a test that is about to end, in milliseconds. */
const PORT_PATIENCE = 20_000;
/**
 * What a server gets to end by itself, and the programs that it has started with it, in
 * milliseconds.
 */
const STOP_PATIENCE = 10_000;
/** A web server program, and how it is started with one configuration. */
export interface WebServer {
  command: string;
  /** The configuration, below `examples/`. */
  configuration: string;
  /**
   * Its arguments, the current directory being its own; to Apache's usual ones, those that are
   * added.
   */
  args?(configuration: string): string[];
  /** What root adds to them. */
  rootArgs?: string[];
  /** Arguments that make it tell its version. @default ["-v"] */
  versionArgs?: string[];
  /** Files that belong to its package, or to another, and that the configuration names. */
  needs?: string[];
  /** Whether it starts programs of the test. */
  startsPrograms?: boolean;
  env?: Record<string, string | undefined>;
  /** Where its error log is: what it writes, or a file in its directory. */
  log: "stdout" | "stderr" | `${string}.log`;
}

/** A web server at work. */
export interface RunningServer extends AsyncDisposable {
  /** Where it was started, and where the applications' sockets are. */
  directory: string;
  /** What stands in its error log. */
  errorLog(): Promise<string>;
}

/** The reason why a server cannot be tested here, or `false`. */
export async function skipReason(server: WebServer): Promise<string | false> {
  if (await which(server.command) === null) return `${server.command} is not installed`;
  for (const file of server.needs ?? []) {
    if (!(await exists(file))) return `There is no ${file} here`;
  }
  return server.command === "apache2" && await skipApache(server.startsPrograms);
}

/** The version of an installed server, such as `1.22.1`. */
export async function versionOf(server: WebServer): Promise<string | null> {
  const command = await which(server.command);
  if (command === null) return null;
  await using program = await spawnProgram(command, server.versionArgs ?? ["-v"]);
  await program.exit;
  return /\d+\.\d+(\.\d+)+/.exec(program.stdout.text + program.stderr.text)?.[0] ?? null;
}

/**
 * Starts a server; all of its ports answer when this resolves.
 *
 * @param prepare Puts into its directory what has to be there first.
 */
export async function startServer(
  server: WebServer,
  prepare?: (directory: string) => Promise<void>,
): Promise<RunningServer> {
  const configuration = fileURLToPath(new URL(`examples/${server.configuration}`, ROOT));
  const text = await readFile(configuration, "utf8");
  // By the number: all servers of the examples listen between 8180 and 8299, and nothing else there
  // is so large.
  const ports = new Set(
    Array.from(text.matchAll(/(?::|port = )(8[12]\d\d)\b/g), ([, port]) => Number(port)),
  );
  for (const port of ports) await claimPort(port, server.configuration);
  const directory = await tempDir(isOtherUser ? 0o777 : 0o755);
  await prepare?.(directory.path);
  const [command = "", ...args] = await commandLine(server, configuration);
  const program = await spawnProgram(command, args, {
    cwd: directory.path,
    env: {
      // For scripts that it starts: whatever `env` finds under the name of a runtime is the one
      // that runs the test.
      PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
      ...server.env,
    },
  });
  const errorLog = async () => {
    if (server.log === "stdout" || server.log === "stderr") return program[server.log].text;
    return await readFile(join(directory.path, server.log), "utf8").catch(() => "");
  };
  try {
    for (const port of ports) {
      const outcome = await waitUntil(() => Promise.race([isListening(port), program.exit]), {
        what: `${server.command} on port ${port}`,
      });
      if (outcome !== true) throw new Error(`${server.command} ended`);
    }
  } catch (error) {
    await program[Symbol.asyncDispose]();
    const said = program.stdout.text + program.stderr.text + await errorLog();
    await directory[Symbol.asyncDispose]();
    throw new Error(`Cannot start ${server.command} with ${configuration}: ${said}`, {
      cause: error,
    });
  }
  return {
    directory: directory.path,
    errorLog,
    async [Symbol.asyncDispose]() {
      program.kill("SIGTERM");
      const timer = setTimeout(() => program.kill("SIGKILL"), STOP_PATIENCE);
      await program.exit;
      clearTimeout(timer);
      await directory[Symbol.asyncDispose]();
    },
  };
}

async function commandLine(server: WebServer, configuration: string): Promise<string[]> {
  const args = server.args?.(configuration) ?? [];
  if (server.command === "apache2") return await apacheCommand(configuration, args);
  const isRoot = process.getuid?.() === 0;
  return [(await which(server.command))!, ...args, ...isRoot ? server.rootArgs ?? [] : []];
}

/**
 * Waits for a port of 127.0.0.1 to be free: another test may be about to give it back.
 *
 * @throws {Error} If it stays taken.
 */
export async function claimPort(port: number, who: string): Promise<void> {
  try {
    await waitUntil(() => isFree(port), { timeout: PORT_PATIENCE, interval: 50 });
  } catch {
    throw new Error(
      `Port ${port} of 127.0.0.1 is taken, and ${who} needs it: ` +
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

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
    socket.once("close", (failed) => resolve(!failed));
  });
}

function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false);
}
