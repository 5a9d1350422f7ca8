/**
 * The programs of `examples/frameworks/`, each beside `node_modules`, as a user has it. They are as
 * they stand there, but for two things that are the machine's: the module is the one of the
 * checkout, and `/run/app` and `/srv/app` are a directory of the test's.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FRAMEWORKS, writeProgram } from "../_npm.ts";
import {
  freePort,
  type Program,
  runtime,
  spawnScript,
  type SpawnScriptOptions,
  tempDir,
} from "../_runtime.ts";
import { configurationOf, Nginx } from "../load/_nginx.ts";
import { http, type HttpRequest, type HttpResponse } from "./_http_client.ts";

const RECIPES = new URL("../../examples/frameworks/", import.meta.url);
const MODULE = fileURLToPath(new URL("../../mod.ts", import.meta.url));
/** Where those are that need nothing but the packages. */
const DIRECTORY = join(FRAMEWORKS, "recipes");
/** A file that they may give away: `files/plans.bin`. */
export const PLANS: Uint8Array = new Uint8Array(3 * 1024 * 1024).map((_, at) => at / 1000);
/** How long one of them may take to start while all do, in milliseconds. */
const START_PATIENCE = 50_000;

/** Writes a recipe down, and resolves with the file; `run` is the directory that it is told. */
export async function putRecipe(
  name: string,
  run = "/run/app",
  directory = DIRECTORY,
): Promise<string> {
  const text = await readFile(new URL(name, RECIPES), "utf8");
  const file = join(directory, name);
  await writeProgram(
    file,
    text.replaceAll(`"@fastcgi/serve"`, JSON.stringify(MODULE))
      .replaceAll(/\/(?:run|srv)\/app\b/g, run),
  );
  return file;
}

/** Starts a recipe, which listens on `fcgi.sock` in the directory `run`. */
export async function startRecipe(
  name: string,
  run: string,
  { directory, ...options }: SpawnScriptOptions & { directory?: string } = {},
): Promise<Program> {
  const file = await putRecipe(name, run, directory);
  const denoPermissions = [
    "--allow-net",
    "--allow-env",
    `--allow-read=${run}`,
    `--allow-write=${run}`,
  ];
  // Runners of tests say "test" here, and better-auth lets everybody in then.
  const env = { NODE_ENV: "production", ...options.env };
  const program = await spawnScript(file, [], { denoPermissions, ...options, env });
  try {
    await program.waitForLine("stderr", /^Serving FastCGI on /, START_PATIENCE);
    return program;
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw new Error(`Cannot start ${name} on ${runtime}: ${(error as Error).message}`);
  }
}

const configuration = (ports: ReadonlyMap<string, number>) =>
  configurationOf(`
  client_max_body_size 64m;
  # As examples/nginx/README.md has it, where TLS ends in front of nginx.
  map $http_x_forwarded_proto $tls { https on; default ""; }
  ${
    [...ports].map(([name, port]) => `
  server {
    listen 127.0.0.1:${port};
    location / {
      include /etc/nginx/fastcgi_params;
      fastcgi_param HTTP_HOST $http_host;
      fastcgi_param HTTPS $tls if_not_empty;
      fastcgi_pass unix:${name}/fcgi.sock;
    }
  }`).join("\n")
  }
`);

/** nginx, as the README has it, and recipes behind it, each on a port of its own. */
export class Recipes implements AsyncDisposable {
  readonly #ports: ReadonlyMap<string, number>;
  readonly #programs: Map<string, PromiseSettledResult<Program>>;
  readonly #nginx: Nginx;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    ports: ReadonlyMap<string, number>,
    programs: Map<string, PromiseSettledResult<Program>>,
    nginx: Nginx,
    stack: AsyncDisposableStack,
  ) {
    this.#ports = ports;
    this.#programs = programs;
    this.#nginx = nginx;
    this.#stack = stack;
  }

  /**
   * Starts them all at once.
   *
   * @param env What is added to the environment of each; it is given the address of the site.
   */
  static async start(
    names: readonly string[],
    env: (origin: string) => Record<string, string>,
  ): Promise<Recipes> {
    await using stack = new AsyncDisposableStack();
    const files = stack.use(await tempDir(0o755));
    const ports = new Map<string, number>();
    for (const name of names) ports.set(name, await freePort());
    const file = join(files.path, "recipes.conf");
    await writeFile(file, configuration(ports));
    const nginx = await Nginx.start(file);
    const started = await Promise.allSettled([...ports].map(async ([name, port]) => {
      const run = join(nginx.directory, name);
      await mkdir(join(run, "files"), { recursive: true });
      await writeFile(join(run, "files/plans.bin"), PLANS);
      return await startRecipe(`${name}.ts`, run, { env: env(`http://127.0.0.1:${port}`) });
    }));
    stack.defer(async () => {
      const running = started.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
      await Promise.all(running.map((program) => program[Symbol.asyncDispose]()));
    });
    // nginx goes first: an application waits a while for those that keep connections to close them.
    stack.use(nginx);
    const programs = new Map(names.map((name, index) => [name, started[index]!]));
    return new Recipes(ports, programs, nginx, stack.move());
  }

  /** Where a recipe's site is. */
  origin(name: string): string {
    return `http://127.0.0.1:${this.#ports.get(name)}`;
  }

  /**
   * The program of a recipe.
   *
   * @throws {Error} If it could not be started.
   */
  program(name: string): Program {
    const started = this.#programs.get(name)!;
    if (started.status === "rejected") throw started.reason;
    return started.value;
  }

  get(name: string, target: string, request: HttpRequest = {}): Promise<HttpResponse> {
    this.program(name);
    const port = this.#ports.get(name)!;
    return http(port, { target, host: `127.0.0.1:${port}`, ...request });
  }

  /** What the recipes have said to nginx, and nginx itself. */
  errorLog(): Promise<string> {
    return this.#nginx.errorLog();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}
