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

/** A configuration that keeps all its files in the directory of nginx, with this in its `http`. */
export function configurationOf(http: string): string {
  return `daemon off;
pid nginx.pid;
error_log error.log;
worker_processes 1;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path body_temp;
  fastcgi_temp_path fastcgi_temp;
  proxy_temp_path proxy_temp;
  uwsgi_temp_path uwsgi_temp;
  scgi_temp_path scgi_temp;
  ${http}
}
`;
}

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
