/** Servers that listen on a Unix socket by themselves, and fcgiwrap, which runs CGI programs. */
import { connect } from "node:net";
import { access } from "node:fs/promises";
import { type Program, type SpawnOptions, spawnProgram, waitUntil, which } from "../_runtime.ts";

/** The reason why fcgiwrap cannot be tested here, or `false`. */
export const skipFcgiwrap: string | false = await which("fcgiwrap") === null &&
  "fcgiwrap is not installed";

/**
 * Starts fcgiwrap on a Unix socket; it listens when this resolves. One process, since those of `-c`
 * outlive the one that has started them.
 */
export async function startFcgiwrap(socket: string): Promise<Program> {
  // `-f`: what a program writes to standard error goes to FCGI_STDERR.
  return await startOnSocket(socket, "fcgiwrap", ["-f", "-s", `unix:${socket}`]);
}

/** Starts a program that listens on a Unix socket; it does when this resolves. */
export async function startOnSocket(
  socket: string,
  command: string,
  args: string[],
  options: SpawnOptions = {},
): Promise<Program> {
  const program = await spawnProgram((await which(command)) ?? command, args, options);
  const ended = program.exit.then(() => "ended" as const);
  try {
    const outcome = await waitUntil(() => Promise.race([ended, isListening(socket)]), {
      what: `${command} to listen`,
      timeout: 15_000,
    });
    if (outcome === "ended") throw new Error(`${command} ended`);
    return program;
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw new Error(`Cannot start ${command}: ${program.stdout.text}${program.stderr.text}`, {
      cause: error,
    });
  }
}

/** Whether somebody accepts connections there. */
async function isListening(path: string): Promise<boolean> {
  // Before there is a file, Bun's `connect` has another error than the others.
  if (!await access(path).then(() => true, () => false)) return false;
  return await new Promise((resolve) => {
    const socket = connect({ path });
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}
