// A server under test, or the nginx before it: started, waited for, always stopped. A start that
// fails becomes a NotRun with the last words of the program.

import { NotRun } from "./not_run.ts";

const START_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 3_000;
const POLL_MS = 20;

const delay = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const alive = new Set<Daemon>();
let interrupted = false;

/** For an interrupted run: nothing stays behind, and nothing is started any more. */
export async function stopAll(): Promise<void> {
  interrupted = true;
  await Promise.all([...alive].map((daemon) => daemon.stop()));
}

export class Daemon implements AsyncDisposable {
  #child: Deno.ChildProcess;
  #words = "";
  #said: Promise<unknown>;
  #ended = false;

  private constructor(command: string[]) {
    const [program, ...args] = command;
    const pipes = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
    this.#child = new Deno.Command(program, { args, env: { NO_COLOR: "1" }, ...pipes }).spawn();
    alive.add(this);
    this.#child.status.then(() => {
      this.#ended = true;
      alive.delete(this);
    });
    this.#said = Promise.all([this.#child.stdout, this.#child.stderr].map((s) => this.#listen(s)));
  }

  /** Starts a program; resolves when it accepts connections. */
  static async start(
    command: string[],
    address: Deno.ConnectOptions | Deno.UnixConnectOptions,
  ): Promise<Daemon> {
    if (interrupted) throw new NotRun("interrupted");
    const daemon = new Daemon(command);
    try {
      await daemon.#accepting(address);
      return daemon;
    } catch (error) {
      await daemon.stop();
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Fails when the program has ended by itself. */
  async assertAlive(): Promise<void> {
    if (!this.#ended) return;
    await Promise.race([this.#said, delay(500)]);
    throw new NotRun(`the server ended: ${this.#lastWords()}`);
  }

  async stop(): Promise<void> {
    if (!this.#ended) this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await this.#child.status;
    clearTimeout(timer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #accepting(address: Deno.ConnectOptions | Deno.UnixConnectOptions): Promise<void> {
    const until = Date.now() + START_TIMEOUT_MS;
    while (Date.now() < until) {
      await this.assertAlive();
      try {
        const conn = "path" in address ? await Deno.connect(address) : await Deno.connect(address);
        conn.close();
        return;
      } catch {
        await delay(POLL_MS);
      }
    }
    throw new NotRun(`it does not accept connections: ${this.#lastWords()}`);
  }

  async #listen(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.#words = (this.#words + decoder.decode(chunk, { stream: true })).slice(-4000);
    }
  }

  /** The line that says why, when there is one, or what was said last. */
  #lastWords(): string {
    const lines = this.#words.split("\n").filter((line) => line.trim());
    return lines.find((line) => /error/i.test(line)) ?? lines.at(-1) ?? "it said nothing";
  }
}
