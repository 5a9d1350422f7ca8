// What has to be built or fetched before servers can start. All of it lands in the cache folder,
// which ignores itself in git.

import { findRuntime, type Found, type Runtime } from "../run.ts";
import { Missing, NotRun, reasonOf } from "./not_run.ts";
import { findTool, output } from "./tools.ts";

/** The one table of what comes from npm. */
const PACKAGES = {
  "@hono/node-server": "2.1.9",
  "bufferlist": "0.1.0",
  "fastcgi-stream": "1.0.0",
  "hono": "4.13.19",
  "node-fastcgi": "2.0.0",
};

/** How a runtime is told to run a script. */
const ARGUMENTS: Record<Runtime, string[]> = {
  deno: ["run", "--no-lock", "--allow-net", "--allow-read", "--allow-write"],
  bun: [],
  node: [],
};

const HERE = new URL("./", import.meta.url);

/** The path of a file of this folder. */
export const source = (name: string): string => decodeURIComponent(new URL(name, HERE).pathname);

export class Workshop {
  readonly cache: string = source("../../.cache/bench");
  /** Those of the runtimes that were asked for. */
  readonly versions: Record<string, string> = {};
  #packages: Promise<string> | undefined;
  readonly #runtimes = new Map<Runtime, Promise<Found>>();

  async open(): Promise<void> {
    await Deno.mkdir(this.cache, { recursive: true });
    await Deno.writeTextFile(`${this.cache}/.gitignore`, "*\n");
  }

  /** The command that runs a script, from PATH or npm. */
  async runtime(name: Runtime): Promise<string[]> {
    let search = this.#runtimes.get(name);
    if (!search) this.#runtimes.set(name, search = findRuntime(name));
    try {
      const { command, version } = await search;
      this.versions[name] = version;
      return [command, ...ARGUMENTS[name]];
    } catch (error) {
      throw new Missing(reasonOf(error));
    }
  }

  /** Compiles a C program of this folder; `flags` follow the source, `remedy` is what it needs. */
  async compileC(file: string, flags: string[], remedy: string): Promise<string> {
    const cc = await findTool(["cc", "gcc", "clang"], "apt-get install gcc libc6-dev");
    return await this.#build(file, remedy, (program) => {
      return output([cc, "-O2", "-o", program, source(file), ...flags]);
    });
  }

  /** Compiles a Go program of this folder that needs nothing but Go's own packages. */
  async compileGo(file: string): Promise<string> {
    const remedy = "apt-get install golang-go";
    const go = await findTool("go", remedy);
    const env = { GO111MODULE: "off", GOCACHE: `${this.cache}/go-build` };
    return await this.#build(file, remedy, (program) => {
      return output([go, "build", "-o", program, source(file)], { env });
    });
  }

  /** The folder whose node_modules has the packages of the table. */
  packages(): Promise<string> {
    return this.#packages ??= this.#install();
  }

  async #install(): Promise<string> {
    const folder = `${this.cache}/npm`;
    const manifest = JSON.stringify({ private: true, dependencies: PACKAGES }, null, 2);
    const stamp = `${folder}/installed.json`;
    if (await Deno.readTextFile(stamp).catch(() => "") === manifest) return folder;
    const npm = await findTool("npm", "apt-get install npm");
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(`${folder}/package.json`, manifest);
    const quiet = ["--ignore-scripts", "--no-audit", "--no-fund"];
    try {
      await output([npm, "install", ...quiet], { cwd: folder });
    } catch (error) {
      throw new Missing(`needs packages from npm: ${reasonOf(error)}`);
    }
    await Deno.writeTextFile(stamp, manifest);
    return folder;
  }

  async #build(
    file: string,
    remedy: string,
    build: (program: string) => Promise<unknown>,
  ): Promise<string> {
    const program = `${this.cache}/${file.split("/").at(-1)!.replace(/\.\w+$/, "")}`;
    try {
      await build(program);
      return program;
    } catch (error) {
      const reason = reasonOf(error);
      // No header file, no library: what is there does compile.
      const Reason = /No such file|cannot find -l/.test(reason) ? Missing : NotRun;
      throw new Reason(`does not compile, needs ${remedy}: ${reason}`);
    }
  }
}
