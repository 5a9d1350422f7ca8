/**
 * nginx with stock parameters, and behind it the applications of `apps/frameworks/`, each a program
 * of its own on the runtime that runs the test, as a user has it: beside `node_modules`.
 *
 * Each runs twice, and the host says which is meant: `hono.test` says `serve(app)` and has a socket
 * that was handed to it, `hono-options.test` says `serve({ path }, app)`.
 */
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { FRAMEWORKS, installFrameworks, writeProgram } from "../_npm.ts";
import {
  freePort,
  type Program,
  runtime,
  spawnProgram,
  spawnScript,
  tempDir,
} from "../_runtime.ts";
import { configurationOf, Nginx, skipNginx } from "../load/_nginx.ts";
import { listening, skipListening } from "../runtime/_starters.ts";
import { http, HttpConnection, type HttpRequest, type HttpResponse } from "./_http_client.ts";

const APPS = new URL("./apps/frameworks/", import.meta.url);
/** What the name of an application ends with that is served with options. */
const OPTIONS = /-options$/;
/** How long one of them may take to start while all do, in milliseconds. */
const START_PATIENCE = 50_000;
const MODULE = new URL("../../mod.ts", import.meta.url).href;

/** The reason why no framework can be tested here, or `false`. */
export const skipFrameworks: string | false = skipNginx || skipListening ||
  await installFrameworks();

const configuration = (port: number) =>
  configurationOf(`
  client_max_body_size 64m;
  server {
    listen 127.0.0.1:${port};
    server_name ~^(?<app>[a-z0-9-]+)\\.test$;
    # For events, as the README has it.
    fastcgi_buffering off;
    location / {
      include /etc/nginx/fastcgi_params;
      fastcgi_pass unix:$app.sock;
    }
    # What the README says of ports other than 80 and 443.
    location /guarded/port/ {
      include /etc/nginx/fastcgi_params;
      fastcgi_param HTTP_HOST $http_host;
      fastcgi_pass unix:$app.sock;
    }
  }
`);

/** nginx and all the applications. */
export class Site implements AsyncDisposable {
  readonly port: number;
  readonly #stack: AsyncDisposableStack;
  readonly #programs: Map<string, PromiseSettledResult<Program>>;

  private constructor(
    port: number,
    programs: Map<string, PromiseSettledResult<Program>>,
    stack: AsyncDisposableStack,
  ) {
    this.port = port;
    this.#programs = programs;
    this.#stack = stack;
  }

  /** Starts nginx and these applications, all at once. */
  static async start(apps: readonly string[]): Promise<Site> {
    await using stack = new AsyncDisposableStack();
    const directory = stack.use(await tempDir(0o755));
    const port = await freePort();
    const file = join(directory.path, "frameworks.conf");
    await writeFile(file, configuration(port));
    const nginx = await Nginx.start(file);
    const started = await Promise.allSettled(apps.map((app) => startApp(app, nginx.directory)));
    const programs = new Map(apps.map((app, index) => [app, started[index]!]));
    stack.defer(async () => {
      const running = started.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
      await Promise.all(running.map((program) => program[Symbol.asyncDispose]()));
    });
    // nginx goes first: an application waits a while for those that keep connections to close them.
    stack.use(nginx);
    return new Site(port, programs, stack.move());
  }

  /**
   * The program of an application.
   *
   * @throws {Error} If it could not be started.
   */
  program(app: string): Program {
    const started = this.#programs.get(app)!;
    if (started.status === "rejected") throw started.reason;
    return started.value;
  }

  get(app: string, target: string, request: HttpRequest = {}): Promise<HttpResponse> {
    this.program(app);
    return http(this.port, { target, host: `${app}.test`, ...request });
  }

  /** Asks for a stream, reads it until all of `parts` have come, and goes. */
  async peek(
    app: string,
    target: string,
    parts: readonly string[],
    request: HttpRequest = {},
  ): Promise<{ status: number; type: string | undefined }> {
    this.program(app);
    await using connection = await HttpConnection.open(this.port);
    await connection.send({ target, host: `${app}.test`, ...request });
    const { status, headers } = await connection.head(request.method);
    const decoder = new TextDecoder();
    let text = "";
    while (!parts.every((part) => text.includes(part))) {
      const bytes = await connection.read();
      if (bytes === null) throw new Error(`The stream ended (${status}): ${text}`);
      text += decoder.decode(bytes, { stream: true });
    }
    return { status, type: headers.find(([name]) => name === "content-type")?.[1] };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

async function startApp(app: string, directory: string): Promise<Program> {
  const name = app.replace(OPTIONS, "");
  const socket = join(directory, `${app}.sock`);
  const [starter, args] = app === name ? [listening({ path: socket }), []] : [[], [socket]];
  // The environment is for them: they look for NODE_ENV and the like.
  const access = [`--allow-read=${socket}`, `--allow-write=${socket}`];
  const denoPermissions = ["--allow-net", "--allow-env", ...args.length === 0 ? [] : access];
  const program = await spawnScript(await copyApp(name), args, { starter, denoPermissions });
  try {
    await program.waitForLine("stderr", /^Serving FastCGI on /, START_PATIENCE);
    return program;
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw new Error(`Cannot start ${name} on ${runtime}: ${(error as Error).message}`);
  }
}

/** The type errors of programs beside the packages, as Deno sees them: `""` if there is none. */
export async function checkTypes(files: readonly string[]): Promise<string> {
  // In its directory: in the project's, Deno leaves out whatever is in `.cache`.
  const options = { cwd: FRAMEWORKS };
  await using program = await spawnProgram(
    process.execPath,
    ["check", "--quiet", ...files],
    options,
  );
  const { code } = await program.exit;
  return code === 0 ? "" : program.stderr.text;
}

/** Writes down a program that imports this module as `MODULE`, for the compiler alone. */
export async function writeTypes(text: string): Promise<string> {
  const file = join(FRAMEWORKS, "types.ts");
  await writeProgram(file, text.replace("MODULE", JSON.stringify(MODULE)));
  return file;
}

/** The type errors of programs in one directory, as `tsc` sees them with the types of a runtime. */
export async function checkTypesOf(
  files: readonly string[],
  types: "bun" | "node",
  more: Record<string, unknown> = {},
): Promise<string> {
  const compilerOptions = {
    ...{ strict: true, module: "nodenext", target: "esnext", lib: ["esnext"], types: [types] },
    ...{ noEmit: true, skipLibCheck: true, allowImportingTsExtensions: true },
    ...{ erasableSyntaxOnly: true, verbatimModuleSyntax: true, ...more },
  };
  const project = join(dirname(files[0]!), `tsconfig.${types}.json`);
  await writeFile(project, JSON.stringify({ compilerOptions, files }));
  const compiler = join(FRAMEWORKS, "node_modules/typescript/bin/tsc");
  await using program = await spawnScript(compiler, ["-p", project]);
  await program.exit;
  return program.stdout.text + program.stderr.text;
}

/** Puts an application beside the packages, as a file that imports this module. */
export async function copyApp(name: string): Promise<string> {
  const file = join(FRAMEWORKS, `${name}.mjs`);
  const text = await readFile(new URL(`${name}.mjs`, APPS), "utf8");
  await writeProgram(file, text.replace(`"../../../../mod.ts"`, JSON.stringify(MODULE)));
  return file;
}
