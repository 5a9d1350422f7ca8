// What has to be built or fetched before servers can start. All of it lands in the cache folder,
// which ignores itself in git.

import { NotRun, reasonOf } from "./not_run.ts";
import { findTool, output } from "./tools.ts";

/** The one table of what comes from npm. */
const PACKAGES = {
  "@hono/node-server": "2.1.9",
  "bufferlist": "0.1.0",
  "fastcgi-stream": "1.0.0",
  "hono": "4.13.19",
  "node-fastcgi": "2.0.0",
};

const HERE = new URL("./", import.meta.url);

/** The path of a file of this folder. */
export const source = (name: string): string => decodeURIComponent(new URL(name, HERE).pathname);

export class Workshop {
  readonly cache: string = source("../../.cache/bench");
  #packages: Promise<string> | undefined;

  async open(): Promise<void> {
    await Deno.mkdir(this.cache, { recursive: true });
    await Deno.writeTextFile(`${this.cache}/.gitignore`, "*\n");
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
    await output([npm, "install", ...quiet], { cwd: folder });
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
      throw new NotRun(`does not compile, needs ${remedy}: ${reasonOf(error)}`);
    }
  }
}
