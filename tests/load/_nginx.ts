/** nginx with `examples/nginx/rolling_restart.conf` as it is, in a directory of its own. */
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type Program, spawnProgram, tempDir, waitUntil, which } from "../_runtime.ts";

const CONFIGURATION = fileURLToPath(
  new URL("../../examples/nginx/rolling_restart.conf", import.meta.url),
);
/** The ports of the configuration. */
export const FRESH_PORT = 8190;
export const KEPT_PORT = 8191;

const nginx = await which("nginx");
const exists = (path: string) => access(path).then(() => true, () => false);

/** The reason why the tests with nginx cannot run here, or `false`. */
export const skipNginx: string | false = nginx === null
  ? "nginx is not installed"
  : !(await exists("/etc/nginx/fastcgi_params")) && "nginx has no /etc/nginx/fastcgi_params";

/** nginx, and the directory where it looks for the sockets of the application. */
export class Nginx implements AsyncDisposable {
  readonly directory: string;
  readonly #program: Program;
  readonly #files: AsyncDisposable;

  constructor(program: Program, files: { path: string } & AsyncDisposable) {
    this.#program = program;
    this.#files = files;
    this.directory = files.path;
  }

  /** Starts it; it is ready when this resolves. */
  static async start(configuration = CONFIGURATION): Promise<Nginx> {
    const files = await tempDir(0o755);
    const args = ["-p", ".", "-e", "error.log", "-c", configuration];
    // Workers of a root's nginx are another user, who may not open the socket of an application
    // that root has started.
    if (process.getuid?.() === 0) args.push("-g", "user root;");
    const program = await spawnProgram(nginx!, args, { cwd: files.path });
    const server = new Nginx(program, files);
    let isOver = false;
    void program.exit.then(() => isOver = true);
    const isReady = () => exists(join(files.path, "nginx.pid"));
    try {
      await waitUntil(async () => await isReady() || isOver, { what: "nginx to start" });
      if (isOver) throw new Error("nginx ended");
      return server;
    } catch (error) {
      const logged = await server.errorLog().catch(() => "");
      await server[Symbol.asyncDispose]();
      throw new Error(`Cannot start nginx with ${configuration}: ${program.stderr.text}${logged}`, {
        cause: error,
      });
    }
  }

  /** What stands in its error log. */
  errorLog(): Promise<string> {
    return readFile(join(this.directory, "error.log"), "utf8");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
    await this.#files[Symbol.asyncDispose]();
  }
}
