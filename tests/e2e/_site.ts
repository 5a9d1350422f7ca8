/** A directory of a test's own with a web server in it, whose configuration the test writes. */
import { readFile, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { assertEquals } from "../_assert.ts";
import { freePort, type Program, spawnProgram, tempDir, waitUntil } from "../_runtime.ts";
import { http, type HttpRequest, type HttpResponse } from "./_http_client.ts";

/** Where Debian has Apache's modules. */
export const MODULES = "/usr/lib/apache2/modules";

/** What every Apache begins with. */
export const APACHE_SITE = `
ServerName localhost
PidFile apache.pid
DefaultRuntimeDir .
ErrorLog error.log
LoadModule mpm_event_module ${MODULES}/mod_mpm_event.so
LoadModule authz_core_module ${MODULES}/mod_authz_core.so
`;

/** What every Apache with mod_fcgid begins with. */
export const FCGID_SITE = `${APACHE_SITE}
LoadModule mime_module ${MODULES}/mod_mime.so
LoadModule rewrite_module ${MODULES}/mod_rewrite.so
LoadModule fcgid_module ${MODULES}/mod_fcgid.so
TypesConfig /dev/null
FcgidIPCDir fcgid
FcgidProcessTableFile fcgid/table
`;

/** The directory, the port, and what runs there. */
export class Site implements AsyncDisposable {
  readonly directory: string;
  readonly port: number;
  readonly #stack = new AsyncDisposableStack();

  private constructor(directory: string, port: number) {
    this.directory = directory;
    this.port = port;
  }

  static async make(): Promise<Site> {
    const directory = await tempDir(0o755);
    const site = new Site(directory.path, await freePort());
    site.#stack.use(directory);
    return site;
  }

  /** Starts a web server with `site.conf`, of this text; it answers when this resolves. */
  async start(commandLine: string[], configuration: string): Promise<Program> {
    await writeFile(join(this.directory, "site.conf"), `${configuration}\n`);
    const [command = "", ...args] = commandLine;
    const program = await this.run(command, args);
    const isThere = () => http(this.port).then(() => true, () => false);
    const outcome = await waitUntil(() => Promise.race([program.exit, isThere()]), {
      what: command,
    });
    assertEquals(outcome, true, program.stderr.text + await this.errorLog());
    return program;
  }

  /** Starts a program in the directory, with the runtime that runs the test first for `env`. */
  async run(command: string, args: string[]): Promise<Program> {
    const path = [dirname(process.execPath), process.env.PATH].join(delimiter);
    const program = await spawnProgram(command, args, { cwd: this.directory, env: { PATH: path } });
    return this.#stack.use(program);
  }

  get(target: string, request: HttpRequest = {}): Promise<HttpResponse> {
    return http(this.port, { target, ...request });
  }

  /** What stands in the web server's error log. */
  errorLog(): Promise<string> {
    return readFile(join(this.directory, "error.log"), "utf8").catch(() => "");
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
