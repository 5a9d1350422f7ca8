/** php-fpm with a pool of the test's own, and the scripts of `apps/php/`. */
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type Program, spawnProgram, tempDir, waitUntil, which } from "../_runtime.ts";

/** The scripts, and files beside them. */
const SCRIPTS = fileURLToPath(new URL("./apps/php/", import.meta.url));
/** Where Debian has php-fpm, whose name there has the version in it: `php-fpm8.2`. */
const FOLDERS = ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin"];

const phpFpm = await findPhpFpm();

/** The reason why php-fpm cannot be tested here, or `false`. */
export const skipPhp: string | false = phpFpm === null && "php-fpm is not installed";

/** php-fpm's program, the newest of several; or `null`. */
async function findPhpFpm(): Promise<string | null> {
  const plain = await which("php-fpm");
  if (plain !== null) return plain;
  for (const folder of FOLDERS) {
    const names = await readdir(folder).catch(() => []);
    const found = names.filter((name) => /^php-fpm\d+\.\d+$/.test(name))
      .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    if (found.length > 0) return join(folder, found.at(-1)!);
  }
  return null;
}

const configuration = (directory: string) => `
[global]
error_log = ${directory}/php-fpm.log
daemonize = no
[test]
listen = ${directory}/php.sock
${process.getuid?.() === 0 ? "user = root\ngroup = root" : ""}
pm = static
pm.max_children = 4
ping.path = /ping
catch_workers_output = no
php_admin_value[session.save_path] = ${directory}/sessions
php_admin_value[upload_tmp_dir] = ${directory}/uploads
php_admin_value[sys_temp_dir] = ${directory}/uploads
; Debian's php.ini would hold 4 kB back, which flush() does not send.
php_value[output_buffering] = 0
php_value[upload_max_filesize] = 64M
php_value[post_max_size] = 64M
php_value[date.timezone] = UTC
php_flag[display_errors] = off
php_flag[log_errors] = on
php_flag[html_errors] = off
; A script that is written anew is seen at once.
php_admin_value[opcache.revalidate_freq] = 0
`;

/** The location for PHP of an nginx, as in Debian's `snippets/fastcgi-php.conf`. */
export const phpLocation = (socket: string): string => `
  location ~ [.]php(/|$) {
    fastcgi_split_path_info ^(.+?\\.php)(/.*)$;
    try_files $fastcgi_script_name =404;
    set $path_info $fastcgi_path_info;
    include /etc/nginx/fastcgi.conf;
    fastcgi_param PATH_INFO $path_info;
    fastcgi_pass unix:${socket};
  }`;

/** A running pool of four workers. */
export class PhpFpm implements AsyncDisposable {
  /** Where everything is that belongs to it. */
  readonly directory: string;
  /** A copy of the scripts. */
  readonly root: string;
  readonly socket: string;
  readonly #program: Program;
  readonly #files: AsyncDisposable;

  private constructor(program: Program, files: { path: string } & AsyncDisposable) {
    this.#program = program;
    this.#files = files;
    this.directory = files.path;
    this.root = join(files.path, "www");
    this.socket = join(files.path, "php.sock");
  }

  /** Starts it; it answers when this resolves. */
  static async start(): Promise<PhpFpm> {
    const files = await tempDir(0o755);
    const directory = files.path;
    await cp(SCRIPTS, join(directory, "www"), { recursive: true });
    for (const name of ["sessions", "uploads"]) await mkdir(join(directory, name));
    const file = join(directory, "php-fpm.conf");
    await writeFile(file, configuration(directory));
    const root = process.getuid?.() === 0 ? ["-R"] : [];
    const program = await spawnProgram(phpFpm!, ["-F", "-y", file, ...root]);
    const log = () => readFile(join(directory, "php-fpm.log"), "utf8").catch(() => "");
    try {
      const isReady = async () => /ready to handle connections/.test(await log());
      const outcome = await waitUntil(async () => await isReady() || program.process.exitCode, {
        what: "php-fpm to start",
      });
      if (outcome !== true) throw new Error("php-fpm ended");
      return new PhpFpm(program, files);
    } catch (error) {
      await program[Symbol.asyncDispose]();
      const said = program.stderr.text + await log();
      await files[Symbol.asyncDispose]();
      throw new Error(`Cannot start php-fpm: ${said}`, { cause: error });
    }
  }

  /** A file of its directory as text; `""` if it is not there. */
  read(name: string): Promise<string> {
    return readFile(join(this.directory, name), "utf8").catch(() => "");
  }

  /** Lets a script go on that waits for this. */
  async mark(id: string): Promise<void> {
    await writeFile(join(this.directory, `${id}.mark`), "");
  }

  /** Resolves when a script has marked this. */
  async marked(id: string): Promise<void> {
    const names = () => readdir(this.directory);
    await waitUntil(async () => (await names()).includes(`${id}.mark`), { what: `${id}.mark` });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
    await this.#files[Symbol.asyncDispose]();
  }
}
