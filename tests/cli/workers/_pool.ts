/**
 * `fcgi serve --workers N` as a process, with an application of the test's own, and clients that
 * open a connection for each request, as nginx does.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import type { StatusReport } from "../../../src/cli/status/report.ts";
import { assert } from "../../_assert.ts";
import { type Program, spawnScript, tempDir, waitUntil } from "../../_runtime.ts";
import { type PeerReply, type PeerRequest, RawPeer } from "../../runtime/_raw_peer.ts";

export const MAIN = new URL("../../../src/cli/main.ts", import.meta.url);
/** The command is installed with every permission. */
export const ALL = { denoPermissions: ["-A"] };

/** An application that does what its query says, and names its process. */
export const APP = `import process from "node:process";
let count = 0;
export default {
  async fetch(request) {
    const query = new URL(request.url).searchParams;
    count++;
    if (query.has("block")) for (;;) {}
    if (query.has("exit")) process.exit(Number(query.get("exit")));
    if (query.has("wait")) await new Promise((resolve) => setTimeout(resolve, Number(query.get("wait"))));
    return new Response(JSON.stringify({ pid: process.pid, count, release: "first" }));
  },
};
`;

export interface PoolOptions {
  app?: string;
  workers?: number;
  args?: string[];
  /** Whether the first worker is waited for. @default {true} */
  isReady?: boolean;
  cwd?: string;
}

/** A pool that a test has started. */
export class TestPool implements AsyncDisposable {
  readonly program: Program;
  readonly directory: string;
  readonly path: string;
  readonly app: string;
  readonly #remove: () => PromiseLike<void>;

  private constructor(program: Program, directory: string, remove: () => PromiseLike<void>) {
    this.program = program;
    this.directory = directory;
    this.path = join(directory, "fcgi.sock");
    this.app = join(directory, "app.mjs");
    this.#remove = remove;
  }

  static async start(
    { app = APP, workers = 2, args = [], isReady = true, cwd }: PoolOptions = {},
  ): Promise<TestPool> {
    const directory = await tempDir();
    const file = join(directory.path, "app.mjs");
    await writeFile(file, app);
    const path = join(directory.path, "fcgi.sock");
    const all = ["serve", file, "--socket", path, "--workers", String(workers), ...args];
    const program = await spawnScript(MAIN, all, {
      ...ALL,
      ...cwd !== undefined && { cwd },
    });
    const pool = new TestPool(program, directory.path, () => directory[Symbol.asyncDispose]());
    if (!isReady) return pool;
    await program.waitForLine("stderr", /^Serving FastCGI on /, 20_000);
    await pool.waitForWorkers(workers);
    return pool;
  }

  /** One request, on a connection of its own. */
  async request(init: PeerRequest = {}): Promise<PeerReply> {
    await using peer = await RawPeer.connect({ transport: "unix", path: this.path });
    return await peer.fetch({ keep: false, ...init });
  }

  /** What the application says. */
  async ask(query = ""): Promise<{ pid: number; count: number; release: string }> {
    return JSON.parse((await this.request({ uri: `/?${query}` })).text);
  }

  async status(): Promise<StatusReport> {
    const reply = await this.request({ params: { FCGI_COMMAND: "status" } });
    return JSON.parse(reply.text);
  }

  /** The processes that serve, by slot. */
  async pids(): Promise<number[]> {
    const { processes } = await this.status();
    return processes.filter(({ state }) => state === "Idle" || state === "Running")
      .sort((one, other) => one.slot - other.slot).map(({ pid }) => pid!);
  }

  async waitForWorkers(count: number): Promise<void> {
    await waitUntil(async () => (await this.pids()).length === count, {
      what: `${count} workers`,
      timeout: 20_000,
    });
  }

  /** Waits for this line of the supervisor; `after` lines have come before. */
  async line(pattern: RegExp, after = 0): Promise<void> {
    await waitUntil(
      () => this.program.stderr.lines.slice(after).some((line) => pattern.test(line)),
      {
        what: `${pattern} in ${JSON.stringify(this.program.stderr.lines.slice(after))}`,
        timeout: 20_000,
      },
    ).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.program.stderr.text}`);
    });
  }

  /** How many lines have come. */
  get lines(): number {
    return this.program.stderr.lines.length;
  }

  /** The supervisor, which the launcher has started. */
  async supervisor(): Promise<number> {
    const [child] = await childrenOf(this.program.pid);
    assert(child !== undefined, "The launcher has no child");
    return child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const everybody = await descendantsOf(this.program.pid);
    await this.program[Symbol.asyncDispose]();
    for (const pid of everybody) kill(pid, "SIGKILL");
    await this.#remove();
  }
}

/** Clients that ask without a pause until they are told to stop. */
export class Load {
  readonly replies: PeerReply[] = [];
  readonly failures: string[] = [];
  readonly #lanes: Promise<void>[];
  #isOver = false;

  constructor(pool: TestPool, lanes: number, request: PeerRequest = {}) {
    this.#lanes = Array.from({ length: lanes }, () => this.#run(pool, request));
  }

  /** Waits until so many more requests were answered. */
  async more(count: number): Promise<void> {
    const enough = this.replies.length + count;
    await waitUntil(() => this.replies.length >= enough, { what: "more answers", timeout: 20_000 });
  }

  /** Ends, after the requests that are under way. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#lanes);
  }

  async #run(pool: TestPool, request: PeerRequest): Promise<void> {
    while (!this.#isOver) {
      try {
        const reply = await pool.request(request);
        if (reply.status === 200) this.replies.push(reply);
        else this.failures.push(`status ${reply.status}: ${reply.text}`);
      } catch (error) {
        this.failures.push(String(error));
      }
    }
  }
}

/** Signals a process that may have ended. */
export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has.
  }
}

/** Whether there is such a process, which is no zombie. */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    return !/^State:\tZ/m.test(await readFile(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

export async function childrenOf(pid: number): Promise<number[]> {
  try {
    const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
    return text.split(" ").filter((word) => word !== "").map(Number);
  } catch {
    return [];
  }
}

/** A process's children and theirs. */
export async function descendantsOf(pid: number): Promise<number[]> {
  const children = await childrenOf(pid);
  return [...children, ...(await Promise.all(children.map(descendantsOf))).flat()];
}

/** Why the processes of a pool cannot be looked at here, or `false`. */
export const skipPools: string | false = process.platform !== "linux" && "needs /proc";
