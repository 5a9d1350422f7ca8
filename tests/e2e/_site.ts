/** A directory that a web server serves, with a configuration that a test writes itself. */
import { readFile, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { assertEquals } from "../_harness.ts";
import { freePort, type Program, spawnProgram, tempDir, waitUntil } from "../_runtime.ts";
import { http } from "./_http_client.ts";

/** A directory, a port, and what runs there; all of it goes when this is disposed of. */
export class Site implements AsyncDisposable {
  readonly directory: string;
  readonly port: number;
  readonly #stack = new AsyncDisposableStack();

  private constructor(directory: string, port: number) {
    this.directory = directory;
    this.port = port;
  }

  /** An empty one. */
  static async make(): Promise<Site> {
    const directory = await tempDir(0o755);
    const site = new Site(directory.path, await freePort());
    site.#stack.use(directory);
    return site;
  }

  /** Starts a web server with a configuration; it answers when this resolves. */
  async start(commandLine: string[], configuration: string): Promise<void> {
    await writeFile(join(this.directory, "site.conf"), `${configuration}\n`);
    const [command = "", ...args] = commandLine;
    const program = await this.run(command, args);
    const isThere = () => http(this.port).then(() => true, () => false);
    const outcome = await waitUntil(() => Promise.race([program.exit, isThere()]), {
      what: command,
    });
    const log = await readFile(join(this.directory, "error.log"), "utf8").catch(() => "");
    assertEquals(outcome, true, program.stderr.text + log);
  }

  /** Starts a program in the directory; `env` finds the runtime of this test there. */
  async run(command: string, args: string[]): Promise<Program> {
    const path = [dirname(process.execPath), process.env.PATH].join(delimiter);
    const program = await spawnProgram(command, args, { cwd: this.directory, env: { PATH: path } });
    return this.#stack.use(program);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

/** What every Apache of such a site begins with; `modules` are those it needs beside. */
export function apacheBasics(site: Site, modules: readonly string[]): string {
  const all = ["mpm_event", "authz_core", "mime", ...modules];
  return `
      ServerName localhost
      PidFile apache.pid
      DefaultRuntimeDir .
      ErrorLog error.log
      DocumentRoot "${site.directory}"
      Listen 127.0.0.1:${site.port}
      ${
    all.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`)
      .join("\n      ")
  }
      TypesConfig /dev/null
      FcgidIPCDir fcgid
      FcgidProcessTableFile fcgid/table`;
}
