/**
 * A host as its customers have it: a home with a runtime in it, a document root, and an Apache
 * under another user with no more in its environment than a PATH where no runtime is. Nothing but
 * `.htaccess` is the customer's, and `examples/shared-hosting/` is copied there by hand.
 */
import { copyFile, link, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { blocksOf, readPage } from "../_pages.ts";
import { type Runtime, runtime, spawnProgram, which } from "../_runtime.ts";
import { APACHE_SITE, MODULES, Site } from "./_site.ts";

const ROOT = new URL("../../", import.meta.url);
const EXAMPLE = "examples/shared-hosting/";
const page = await readPage(`${EXAMPLE}README.md`);

/** The first lines of the script that the page has, one for each runtime. */
export const SHEBANGS: Readonly<Record<Runtime, string>> = {
  deno: line(/^#!\/usr\/bin\/env -S DENO_DIR=.*/m),
  bun: line(/^#!.*\/bin\/bun$/m),
  node: line(/^#!.*\/bin\/node$/m),
};

/** The commands of the page that make one file of the application. */
export const BUNDLERS: readonly { command: "bun" | "deno"; line: string }[] = [
  { command: "bun", line: line(/^bun build .*$/m) },
  { command: "deno", line: line(/^deno bundle .*$/m) },
];

/** The line of the page's blocks that begins so. */
export const shown = (beginning: string): string =>
  line(new RegExp(`^${RegExp.escape(beginning)}.*$`, "m"));

/** What Apache's log says of the causes of one message: the first column of the page's table. */
export const CAUSES: readonly string[] = [
  .../^\| the lines above[^]*?\n\n/m.exec(page)![0].matchAll(/^\| [^`|]*`([^`]*)` /gm),
].map(([, said = ""]) => said);

/** What stands in a block of the page. */
function line(pattern: RegExp): string {
  const found = blocksOf("", page).map(({ text }) => pattern.exec(text)?.[0]).find(Boolean);
  if (found === undefined) throw new Error(`No block of ${EXAMPLE}README.md has ${pattern}`);
  return found;
}

/** Where a runtime is, this one or another, or `null`: on PATH, or what `deno task test` got. */
export async function findRuntime(name: Runtime): Promise<string | null> {
  if (name === runtime) return process.execPath;
  const onPath = await which(name);
  if (onPath !== null) return onPath;
  const cache = fileURLToPath(new URL(".cache/runtimes/", ROOT));
  const directories = await readdir(cache).catch(() => []);
  for (const directory of directories.filter((entry) => entry.startsWith(`${name}-`))) {
    const files = await readdir(join(cache, directory), { recursive: true });
    const file = files.find((entry) =>
      entry.endsWith(`/bin/${name}`) || entry.endsWith(`.bin/${name}`)
    );
    if (file !== undefined) return join(cache, directory, file);
  }
  return null;
}

/** The host, and the customer on it. */
export class SharedHost implements AsyncDisposable {
  readonly site: Site;
  /** Of the customer. */
  readonly home: string;
  /** The copy of the example, below it. */
  readonly project: string;
  readonly documentRoot: string;

  private constructor(site: Site) {
    this.site = site;
    this.home = join(site.directory, "home", "me");
    this.project = join(this.home, "shared-hosting");
    this.documentRoot = join(site.directory, "www");
  }

  /** The customer has put the runtime where the page says, and has a copy of the example. */
  static async make(): Promise<SharedHost> {
    const host = new SharedHost(await Site.make());
    await mkdir(host.documentRoot);
    const program = host.#here(/\/home\/me\/\S+\/bin\/\w+/.exec(SHEBANGS[runtime])![0]);
    await mkdir(dirname(program), { recursive: true });
    // The runtime has 100 MB: where it can, it is there twice under one inode.
    await link(process.execPath, program).catch(() => copyFile(process.execPath, program));
    await host.sh(`cp -r ${fileURLToPath(new URL(EXAMPLE, ROOT))} ${host.project}`, host.home);
    await host.edit("app.ts", (text) =>
      text.replace(/^#!.*/, host.#here(SHEBANGS[runtime]))
        .replace("../../mod.ts", fileURLToPath(new URL("mod.ts", ROOT))));
    return host;
  }

  /** Starts Apache. `module` says what it may run programs with, `path` what its PATH is. */
  async start(module: "fcgid" | "cgid" = "fcgid", path = "/usr/bin:/bin"): Promise<void> {
    const apache = (await which("apache2"))!;
    // What Debian's Apache has by itself, beside those that the host has added.
    const modules = ["mime", "dir", "negotiation", "autoindex", "setenvif", "rewrite", module];
    const asRoot = ["-C", "User www-data", "-C", "Group www-data"];
    await this.site.start(
      [
        ...["/usr/bin/env", "-i", `PATH=${path}`, apache],
        ...["-D", "FOREGROUND", "-d", ".", "-f", "site.conf"],
        ...process.getuid?.() === 0 ? asRoot : [],
      ],
      `${APACHE_SITE}
      ${modules.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join("\n")}
      TypesConfig /etc/mime.types
      ${
        module === "fcgid"
          ? "FcgidIPCDir fcgid\nFcgidProcessTableFile fcgid/table"
          : "ScriptSock cgid.sock"
      }
      Listen 127.0.0.1:${this.site.port}
      DocumentRoot "${this.documentRoot}"
      DirectoryIndex index.html
      <Directory "${this.documentRoot}">
        Options Indexes FollowSymLinks
        AllowOverride All
      </Directory>`,
    );
  }

  /** Runs a command of the page in the project, with a runtime on PATH. */
  async sh(command: string, cwd = this.project, program = process.execPath): Promise<void> {
    const PATH = [dirname(program), process.env.PATH].join(delimiter);
    await using shell = await spawnProgram("/bin/sh", ["-ec", command], { cwd, env: { PATH } });
    const { code } = await shell.exit;
    if (code !== 0) throw new Error(`${command}: ${shell.stdout.text}${shell.stderr.text}`);
  }

  /** Copies the site to a folder of the document root, or to the document root itself. */
  async copy(folder: string): Promise<void> {
    await mkdir(dirname(join(this.documentRoot, folder)), { recursive: true });
    // Where the directory is there already, what is in it, `.htaccess` too.
    const from = folder === "" ? "site/." : "site";
    await this.sh(`cp -r ${from} ${join(this.documentRoot, folder)}`);
  }

  /** Changes a file of the project. */
  async edit(file: string, change: (text: string) => string): Promise<void> {
    const path = join(this.project, file);
    const text = await readFile(path, "utf8");
    if (change(text) === text) throw new Error(`Nothing to change in ${file}`);
    await writeFile(path, change(text));
  }

  /** A line of the page, with this host's home in it. */
  #here(text: string): string {
    return text.replaceAll("/home/me/", `${this.home}/`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.site[Symbol.asyncDispose]();
  }
}
