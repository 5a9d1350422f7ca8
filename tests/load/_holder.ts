/**
 * What holds a listening socket while the programs on it come and go, as systemd does: spawn-fcgi
 * opens it, and a shell behind it starts the application as often as it is asked to. Each one has
 * the socket as its descriptor 0.
 */
import { execFile } from "node:child_process";
import { open } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { type Program, spawnProgram, waitUntil, which } from "../_runtime.ts";
import { commandLine } from "./_server.ts";

const spawnFcgi = await which("spawn-fcgi");

/** The reason why nobody can hold a socket here, or `false`. */
export const skipHolder: string | false = spawnFcgi === null && "spawn-fcgi is not installed";

/**
 * A shell's work: a line that comes in starts one more; what they say is told, and the code of one
 * that ends. The socket is kept aside, for a shell gives its background jobs an empty descriptor 0.
 */
const SCRIPT = `
exec 3<>orders 4<&0
echo holding
while read -r order <&3; do
  { "$@" <&4 3<&- 4<&-; echo "exit $?"; } &
done`;

/** The holder of a socket. */
export class Holder implements AsyncDisposable {
  readonly #program: Program;
  readonly #directory: string;

  constructor(program: Program, directory: string) {
    this.#program = program;
    this.#directory = directory;
  }

  /** Opens `fcgi.sock` in a directory and holds it. */
  static async start(directory: string): Promise<Holder> {
    await promisify(execFile)("mkfifo", [join(directory, "orders")]);
    const args = ["-s", "fcgi.sock", "-n", "--", "/bin/sh", "-c", SCRIPT, "sh", ...commandLine()];
    const program = await spawnProgram(spawnFcgi!, args, {
      cwd: directory,
      env: { NO_COLOR: "1", LISTEN_FDS: undefined },
    });
    const holder = new Holder(program, directory);
    await program.waitForLine("stdout", /^holding$/);
    return holder;
  }

  /** Starts one more application on the socket; resolves with its process id when it listens. */
  async startApp(): Promise<number> {
    const before = this.#pids.length;
    await using orders = await open(join(this.#directory, "orders"), "w");
    await orders.write("start\n");
    return await waitUntil(() => this.#pids[before], { what: "the application to start" });
  }

  /** The codes with which applications have ended. */
  get exitCodes(): number[] {
    return this.#find(/^exit (\d+)$/).map(Number);
  }

  /** What the applications that have ended say they have done. */
  get counts(): { requests: number; later: number; laterDone: number }[] {
    return this.#find(/^counts (.*)$/).map((text) => JSON.parse(text));
  }

  get #pids(): number[] {
    return this.#find(/^pid (\d+)$/).map(Number);
  }

  #find(pattern: RegExp): string[] {
    return this.#program.stdout.lines.flatMap((line) => pattern.exec(line)?.[1] ?? []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pid of this.#pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended, as it should have.
      }
    }
    await this.#program[Symbol.asyncDispose]();
  }
}
