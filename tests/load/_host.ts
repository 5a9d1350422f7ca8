/** A host of several: a machine with `fcgi serve --workers` on a TCP port. */
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { assertEquals } from "../_assert.ts";
import { ALL, MAIN } from "../cli/workers/_pool.ts";
import { type Program, spawnScript, waitUntil } from "../_runtime.ts";
import { WEB_ADDRESS } from "./_front.ts";
import type { Machine } from "./_network.ts";

/** In the gate one, which starts fewer processes; for tests/README.md two. */
const WORKERS = process.env.FCGI_TEST_TIMES === undefined ? 1 : 2;
const PATIENCE = 20_000;

/** Notes each request that it begins, in a file beside it; says who it is. */
const appOf = (host: string, release: number) =>
  `import { appendFileSync } from "node:fs";
export default {
  async fetch(request) {
    const query = new URL(request.url).searchParams;
    const id = query.get("id");
    appendFileSync("begun", query.get("by") + " " + id + "\\n");
    const said = request.method === "POST" ? (await request.text()).replace(" ", "") : id;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return new Response((said + " ${host} ${release} ").padEnd(Number(query.get("size"))));
  },
};
`;

export class Host implements AsyncDisposable {
  readonly name: string;
  readonly machine: Machine;
  readonly #directory: string;
  #program: Program | undefined;

  /** @param directory For what the host has on its disk. */
  constructor(machine: Machine, directory: string) {
    this.name = machine.name;
    this.machine = machine;
    this.#directory = directory;
  }

  /** Puts a release in place, as a whole. */
  async install(release: number): Promise<void> {
    const file = join(this.#directory, "app.mjs");
    await writeFile(`${file}.new`, appOf(this.name, release));
    await rename(`${file}.new`, file);
  }

  /** Starts the application; it serves when this resolves. */
  async start(): Promise<void> {
    const { address, starter } = this.machine;
    const program = await spawnScript(MAIN, [
      ...["serve", "app.mjs", "--listen", `${address}:9000`, "--workers", String(WORKERS)],
      ...["--ping-path", "/ping", "--control", "control.sock"],
    ], {
      ...ALL,
      starter,
      cwd: this.#directory,
      env: { FCGI_WEB_SERVER_ADDRS: WEB_ADDRESS },
    });
    this.#program = program;
    await program.waitForLine("stderr", /^Serving FastCGI on /, PATIENCE);
  }

  /** One of the commands of `fcgi`, at the application's own socket; its exit code. */
  async command(...args: string[]): Promise<number | null> {
    const socket = ["--socket", "control.sock"];
    const { starter } = this.machine;
    await using program = await spawnScript(MAIN, [...args, ...socket], {
      ...ALL,
      starter,
      cwd: this.#directory,
    });
    return (await program.exit).code;
  }

  /** Whether an application on a machine answers, asked from this one. */
  async canAsk(address: string): Promise<boolean> {
    const { starter } = this.machine;
    await using program = await spawnScript(MAIN, ["ping", "--connect", `${address}:9000`], {
      ...ALL,
      starter,
    });
    return (await program.exit).code === 0;
  }

  /** Tells the application to end, and waits for that. */
  async terminate(): Promise<void> {
    this.#program!.kill("SIGTERM");
    await this.ended();
  }

  /** Waits until it has ended as it should. */
  async ended(): Promise<void> {
    assertEquals(await this.#program!.exit, { code: 0, signal: null }, this.#program!.stderr.text);
    await waitUntil(() => this.machine.pids().length === 0, { what: `${this.name} to end` });
  }

  /** Ends every process of the machine at once. */
  async kill(): Promise<void> {
    this.machine.signal("SIGKILL");
    await this.#program!.exit;
    await waitUntil(() => this.machine.pids().length === 0, { what: `${this.name} to end` });
  }

  /** The requests of a load that it has begun, by their numbers, each as often as it has. */
  async begun(load: string): Promise<number[]> {
    const text = await readFile(join(this.#directory, "begun"), "utf8").catch(() => "");
    return [...text.matchAll(/^(\S+) (\d+)$/gm)]
      .filter(([, by]) => by === load).map(([, , id]) => Number(id));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.machine.signal("SIGKILL");
    await this.#program?.exit;
  }
}
