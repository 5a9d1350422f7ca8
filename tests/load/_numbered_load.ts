/** Requests that are numbered, from a machine of the test's network, and what became of each. */
import type { Readable } from "node:stream";
import { type Program, spawnScript, waitUntil } from "../_runtime.ts";
import type { Machine } from "./_network.ts";

const SCRIPT = new URL("./apps/numbered_load.ts", import.meta.url);

/** What became of one request. */
export interface Outcome {
  id: number;
  method: string;
  /**
   * The status; 0 for none; `cut` for an answer that broke off, `wrong` for one that is not the
   * answer to this request; `again` if the client sends it once more, on another connection.
   */
  status: number | "cut" | "wrong" | "again";
  /** Who has answered. */
  host?: string;
  release?: string;
  /** How long it has taken. */
  ms: number;
}

export class NumberedLoad implements AsyncDisposable {
  readonly outcomes: Outcome[] = [];
  readonly again = new Set<number>();
  readonly #program: Program;
  readonly #lanes: number;
  #isOver = false;

  private constructor(program: Program, lanes: number) {
    this.#program = program;
    this.#lanes = lanes;
    let rest = "";
    (program.process.stdout as Readable).on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#take(JSON.parse(line));
    });
  }

  /** @param name What its requests say that they come from. */
  static async start(
    { starter }: Machine,
    { port, lanes, name }: { port: number; lanes: number; name: string },
  ): Promise<NumberedLoad> {
    const args = [String(port), String(lanes), name];
    return new NumberedLoad(
      await spawnScript(SCRIPT, args, { starter, denoPermissions: ["-A"] }),
      lanes,
    );
  }

  /** No request that has been sent by now has a higher number. */
  get lastId(): number {
    return Math.max(...this.outcomes.map(({ id }) => id)) + this.#lanes;
  }

  /** Waits until so many more have been answered, on each of these hosts if there are any. */
  async more(count: number, hosts: readonly string[] = []): Promise<void> {
    const from = this.outcomes.length;
    await waitUntil(() => {
      const answered = this.outcomes.slice(from).filter(({ status }) => status === 200);
      return answered.length >= count &&
        hosts.every((host) => answered.some((outcome) => outcome.host === host));
    }, { timeout: 30_000, what: "more answers" }).catch((error) => {
      const last = JSON.stringify(this.outcomes.slice(-20));
      throw new Error(`${error.message}: ${last} ${this.#program.stderr.text}`);
    });
  }

  /** Waits until all that are under way now are over. */
  async settled(): Promise<void> {
    const last = this.lastId;
    const open = new Set(Array.from({ length: last + 1 }, (_, id) => id));
    let seen = 0;
    await waitUntil(() => {
      while (seen < this.outcomes.length) open.delete(this.outcomes[seen++]!.id);
      return open.size === 0;
    }, { timeout: 30_000, what: "what was under way" });
  }

  /** Ends, after the requests that are under way. */
  async stop(): Promise<void> {
    this.#program.kill("SIGTERM");
    await waitUntil(() => this.#isOver, { timeout: 40_000, what: "the load to end" });
    await this.#program.exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#program.kill("SIGKILL");
    await this.#program.exit;
  }

  #take(said: Outcome | "end"): void {
    if (said === "end") this.#isOver = true;
    else if (said.status === "again") this.again.add(said.id);
    else this.outcomes.push(said);
  }
}
