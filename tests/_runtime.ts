/**
 * What a test needs from the machine, the same on Deno, Bun and Node: which runtime it runs on, a
 * second program on that same runtime, an installed server, a directory, a port, a condition that
 * comes true in time.
 *
 * Everything is built on `node:` modules, which all three have, and what must be given back is an
 * async disposable: `await using program = await spawnScript(path)`.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:fs";
import { access, chmod, mkdtemp, rm, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

export type Runtime = "deno" | "bun" | "node";

/** The runtime that runs this test. */
export const runtime: Runtime = "Deno" in globalThis
  ? "deno"
  : "Bun" in globalThis
  ? "bun"
  : "node";

/** Its version, for instance `2.9.6`. */
export const runtimeVersion: string = process.versions[runtime] ?? "unknown";

/** How long a wait lasts before it fails, in milliseconds; below the deadline of a test. */
const PATIENCE = 8_000;
/** What a program gets between SIGTERM and SIGKILL when it is disposed of, in milliseconds. */
const GRACE = 2_000;

export interface SpawnOptions {
  /** Variables added to this process's own; `undefined` takes one away. */
  env?: Record<string, string | undefined>;
  /**
   * Text to write, or the number of a descriptor to inherit (a listening socket).
   *
   * @default {"ignore"}
   */
  stdin?: { text: string } | "ignore" | "pipe" | number;
  /** The working directory. @default the test's own */
  cwd?: string;
}

export interface SpawnScriptOptions extends SpawnOptions {
  /**
   * Permission flags for `deno run`, at least one: with none, `node:child_process` on Deno gives
   * all. The other two have none.
   *
   * @default {["--allow-net"]}
   */
  denoPermissions?: string[];
  /**
   * A program that starts it in its own way, and its arguments:
   * `[spawnFcgi, "-n", "-s", path, "--"]`.
   */
  starter?: readonly string[];
}

export interface Exit {
  code: number | null;
  signal: string | null;
}

/** Collects what a program writes to one of its outputs. */
export class Output {
  /** Everything so far. */
  text = "";
  /** Whether the program has closed it. */
  closed = false;

  constructor(stream: Readable | null) {
    stream?.setEncoding("utf8");
    stream?.on("data", (chunk: string) => this.text += chunk);
    stream?.on("close", () => this.closed = true);
  }

  /** The lines so far; one that has no end yet counts only once the output is closed. */
  get lines(): string[] {
    const lines = this.text.split("\n");
    const last = lines.pop();
    return this.closed && last ? [...lines, last] : lines;
  }
}

/** A program that a test has started; disposing of it ends it and waits for that. */
export class Program implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Resolves when the program has ended and its outputs are closed. */
  readonly exit: Promise<Exit>;
  #running = true;

  constructor(child: ChildProcess) {
    this.process = child;
    this.pid = child.pid ?? -1;
    this.stdout = new Output(child.stdout);
    this.stderr = new Output(child.stderr);
    this.exit = new Promise((resolve) => {
      child.on("close", (code, signal) => {
        this.#running = false;
        programs.delete(this);
        resolve({ code, signal });
      });
    });
    programs.add(this);
  }

  /**
   * Waits for a line of an output to match, and resolves with the match; fails with all the output.
   */
  async waitForLine(
    name: "stdout" | "stderr",
    pattern: RegExp,
    timeout = PATIENCE,
  ): Promise<RegExpMatchArray> {
    const output = this[name];
    const find = () => output.lines.map((line) => line.match(pattern)).find((match) => match);
    try {
      await waitUntil(() => find() || !this.#running, { timeout, what: `${pattern} on ${name}` });
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.#report()}`);
    }
    const match = find();
    if (!match) throw new Error(`Program ended without ${pattern} on ${name}\n${this.#report()}`);
    return match;
  }

  kill(signal: NodeJS.Signals = "SIGTERM"): void {
    if (!this.#running) return;
    try {
      // Not `this.process.kill`: after that, Deno says that the signal has ended a program which
      // ended by itself.
      process.kill(this.pid, signal);
    } catch {
      // It has just ended.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGTERM");
    const timer = setTimeout(() => this.kill("SIGKILL"), GRACE);
    await this.exit;
    clearTimeout(timer);
  }

  #report(): string {
    return `stdout: ${this.stdout.text || "(empty)"}\nstderr: ${this.stderr.text || "(empty)"}`;
  }
}

// A test past its deadline never disposes of its programs: they must not outlive the suite.
const programs = new Set<Program>();
process.on("exit", () => programs.forEach((program) => program.kill("SIGKILL")));

/** Starts a program; rejects when it cannot be started. */
export async function spawnProgram(
  command: string,
  args: string[] = [],
  options: SpawnOptions = {},
): Promise<Program> {
  const { stdin = "ignore", cwd } = options;
  const env: Record<string, string | undefined> = { ...process.env, ...options.env };
  // Node's test runner tells its children through this that they are test files.
  delete env.NODE_TEST_CONTEXT;
  // `bun test --no-orphans` has every Bun below it end with whoever has started that one, in
  // mid-request. What is left at its own end it ends all the same.
  delete env.BUN_FEATURE_FLAG_NO_ORPHANS;
  for (const [name, value] of Object.entries(env)) if (value === undefined) delete env[name];
  const child = spawn(command, args, {
    env,
    cwd,
    stdio: [typeof stdin === "object" ? "pipe" : stdin, "pipe", "pipe"],
  });
  const program = new Program(child);
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  // A program may end without reading all of it.
  child.stdin?.on("error", () => {});
  if (typeof stdin === "object") child.stdin?.end(stdin.text);
  return program;
}

/** Starts a TypeScript file on the runtime that runs this test. */
export function spawnScript(
  path: string | URL,
  args: string[] = [],
  options: SpawnScriptOptions = {},
): Promise<Program> {
  const file = path instanceof URL ? fileURLToPath(path) : path;
  const { denoPermissions = ["--allow-net"], starter = [] } = options;
  const flags = {
    deno: ["run", "--quiet", "--no-prompt", ...denoPermissions],
    bun: ["run"],
    node: [],
  };
  const [command, ...rest] = [...starter, process.execPath, ...flags[runtime], file, ...args];
  return spawnProgram(command!, rest, options);
}

/** Where an installed program is, or `null`; servers live in directories that PATH may not have. */
export async function which(command: string): Promise<string | null> {
  const path = (process.env.PATH ?? "").split(delimiter).filter((directory) => directory !== "");
  for (const directory of [...path, "/usr/sbin", "/usr/local/sbin", "/sbin"]) {
    const file = join(directory, command);
    try {
      await access(file, constants.X_OK);
      if ((await stat(file)).isFile()) return file;
    } catch {
      // Not here: look further.
    }
  }
  return null;
}

/**
 * A new, empty directory, removed when disposed of. Its path is short: a Unix socket's may not
 * exceed 107 bytes. Pass the mode 0o755 when a server under another user must get in.
 */
export async function tempDir(mode = 0o700): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "fcgi-"));
  await chmod(path, mode);
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 3 }),
  };
}

/** A TCP port of 127.0.0.1 that nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" ? address?.port : undefined;
      server.close(() => port ? resolve(port) : reject(new Error("Got no port")));
    });
  });
}

/**
 * Asks until the answer is truthy, and resolves with it. The deadline only ends a wait that has
 * failed: no outcome is decided by sleeping.
 */
export async function waitUntil<T>(
  condition: () => T | Promise<T>,
  { timeout = PATIENCE, interval = 10, what = "the condition" } = {},
): Promise<T> {
  const deadline = performance.now() + timeout;
  while (true) {
    const answer = await condition();
    if (answer) return answer;
    if (performance.now() > deadline) throw new Error(`Waited ${timeout} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, interval));
  }
}
