/**
 * `examples/coming-from/`: each program before and after, both as they are, behind the same nginx.
 * What a client sees is the same, and what nginx logs.
 *
 * What is changed are the places, which are the machine's (`/run/app` is a directory of the
 * test's), and where the module is.
 */
import { cp, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertMatch } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import {
  freePort,
  type Program,
  spawnProgram,
  spawnScript,
  tempDir,
  waitUntil,
  which,
} from "../_runtime.ts";
import { configurationOf, Nginx } from "../load/_nginx.ts";
import { writeExecutable } from "./_apps.ts";
import { skipFcgiwrap, startFcgiwrap, startOnSocket } from "./_fcgiwrap.ts";
import { bytesOf, http, type HttpRequest, type HttpResponse } from "./_http_client.ts";
import { PhpFpm, skipPhp } from "./_php_fpm.ts";
import { SETUPS } from "./_servers.ts";
import { findRuntime } from "./_shared_host.ts";
import { skipReason } from "./_web_server.ts";

const ROOT = new URL("../../", import.meta.url);
const EXAMPLES = new URL("examples/coming-from/", ROOT);
const NODE_FASTCGI = "node-fastcgi@2.0.0";

const skip = await skipReason(SETUPS.nginx.server);
const node = await findRuntime("node");
const skipNode = node === null
  ? "node is not here"
  : await which("npm") === null && "npm is not installed, and node-fastcgi comes from there";
const python = await which("python3");
const hasFlup = python !== null && await succeeds(python, ["-c", "import flup.server.fcgi"]);

async function succeeds(command: string, args: string[], cwd?: string): Promise<boolean> {
  await using program = await spawnProgram(command, args, { cwd });
  return (await program.exit).code === 0;
}

/** What a browser sends to all of them, and the status that it gets. */
const ASKS: [what: string, status: number, request: HttpRequest][] = [
  ["no name", 200, {}],
  ["a query", 200, { target: "/?name=Ada%20L" }],
  ["a form", 200, {
    method: "POST",
    headers: [["Content-Type", "application/x-www-form-urlencoded"]],
    body: bytesOf("name=Ada+L%C3%B6velace"),
  }],
  ["a redirect", 301, { target: "/old?x" }],
  ["an answer in pieces", 200, { target: "/count" }],
  ["no such page", 404, { target: "/none?x" }],
];

/** Of an answer, what the program has said. */
const essence = ({ status, text, isComplete, all }: HttpResponse) => ({
  status,
  text,
  isComplete,
  type: all("content-type"),
  location: all("location"),
  cookies: all("set-cookie").map((cookie) => cookie.replace(/=[^;]+/, "=…")),
});

/** Both programs, each with a directory, a port and a log of its own in one nginx. */
class Pair implements AsyncDisposable {
  readonly directory: string;
  readonly #stack: AsyncDisposableStack;
  #ports: number[] = [];
  #nginx?: Nginx;

  private constructor(directory: string, stack: AsyncDisposableStack) {
    this.directory = directory;
    this.#stack = stack;
  }

  static async make(): Promise<Pair> {
    const stack = new AsyncDisposableStack();
    const { path } = stack.use(await tempDir(0o755));
    for (const side of ["before", "after"]) await mkdir(join(path, side));
    return new Pair(path, stack);
  }

  use<T extends AsyncDisposable>(resource: T): T {
    return this.#stack.use(resource);
  }

  /** A copy of a program of the examples, in its directory. */
  async put(example: string): Promise<string> {
    const side = example.includes("before") ? "before" : "after";
    const text = await readFile(new URL(example, EXAMPLES), "utf8");
    const file = join(this.directory, side, example.split("/").at(-1)!);
    const module = JSON.stringify(new URL("mod.ts", ROOT).href);
    await writeExecutable(
      file,
      text.replaceAll("/run/app", join(this.directory, side))
        .replace('"../../../mod.ts"', module),
    );
    return file;
  }

  /** Starts the program after, with the permissions that its first line has on Deno. */
  async startAfter(example: string): Promise<Program> {
    const file = await this.put(example);
    const cwd = join(this.directory, "after");
    const [, flags] = /^#!.* deno run (.*)\n/.exec(await readFile(file, "utf8")) ?? [];
    const denoPermissions = flags?.split(" ") ??
      ["--allow-net", `--allow-read=${cwd}`, `--allow-write=${cwd}`];
    const app = this.use(await spawnScript(file, [], { cwd, denoPermissions }));
    await app.waitForLine("stderr", /^Serving FastCGI on/);
    return app;
  }

  /** Starts nginx with the same location for both, but for the socket. */
  async startNginx(sockets: [before: string, after: string], { path = "/", before = "" } = {}) {
    const server = (name: string, port: number, socket: string, more: string) => `
      server {
        listen 127.0.0.1:${port};
        error_log ${this.directory}/${name}.log;
        location ${path} {
          ${path === "/" ? "" : `fastcgi_split_path_info ^(${path.slice(0, -1)})(/.*)$;`}
          include /etc/nginx/fastcgi_params;
          ${path === "/" ? "" : "fastcgi_param PATH_INFO $fastcgi_path_info;"}
          ${more}
          fastcgi_pass unix:${socket};
        }
      }`;
    this.#ports = [await freePort(), await freePort()];
    const file = join(this.directory, "nginx.conf");
    await writeFile(
      file,
      configurationOf(`
        ${server("before", this.#ports[0]!, sockets[0], before)}
        ${server("after", this.#ports[1]!, sockets[1], "")}
      `),
    );
    this.#nginx = this.use(await Nginx.start(file));
  }

  /** Asks both, and sees that they answer the same. */
  async same(status: number, ...requests: [HttpRequest, HttpRequest?]): Promise<HttpResponse[]> {
    const [before, after = before] = requests;
    const answers = [await http(this.#ports[0]!, before), await http(this.#ports[1]!, after)];
    const [one, other] = answers.map(essence);
    assertEquals(one!.status, status, `${one!.text}${await this.log("before")}`);
    assertEquals(other, one, await this.log("after"));
    return answers;
  }

  /** What nginx has logged of a program. */
  log(side: "before" | "after"): Promise<string> {
    return readFile(join(this.directory, `${side}.log`), "utf8");
  }

  /** All of them, below a path. */
  async sameAll(path = ""): Promise<void> {
    assert(this.#nginx !== undefined);
    for (const [, status, request] of ASKS) {
      await this.same(status, { ...request, target: `${path}${request.target ?? "/"}` });
    }
    for (const side of ["before", "after"] as const) {
      assertMatch(await this.log(side), /Greeted stranger[^]*Greeted Ada L[^]*Greeted Ada L/);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

describe("examples/coming-from", { skip, timeout: 60_000 }, () => {
  it(
    "PHP: the same, with sessions and what is done after the answer",
    { skip: skipPhp },
    async () => {
      await using pair = await Pair.make();
      const php = pair.use(await PhpFpm.start());
      await cp(await pair.put("php/before.php"), join(php.root, "before.php"));
      await pair.startAfter("php/after.ts");
      await pair.startNginx([php.socket, join(pair.directory, "after/fcgi.sock")], {
        before: `fastcgi_param SCRIPT_FILENAME ${php.root}/before.php;`,
      });
      await pair.sameAll();
      // A second visit, each with the cookie of its own.
      const first = await pair.same(200, { target: "/?name=Ada" });
      const cookies = first.map((answer) => answer.all("set-cookie")[0]!.split(";")[0]!);
      const again = cookies.map((value): HttpRequest => ({
        target: "/?name=Ada",
        headers: [["Cookie", value]],
      }));
      const [second] = await pair.same(200, again[0]!, again[1]);
      assertEquals(second!.text, "Hello, Ada, from 127.0.0.1: visit 2\n");
      const visits = "stranger\nAda L\nAda Lövelace\nAda\nAda\n";
      const file = join(pair.directory, "after/visits.log");
      const left = async () => [await php.read("www/visits.log"), await readFile(file, "utf8")];
      // It is written after the answer.
      await waitUntil(async () => (await left()).every((text) => text === visits)).catch(() => {});
      assertEquals(await left(), [visits, visits]);
    },
  );

  it("node-fastcgi: the same", { skip: skipNode }, async () => {
    await using pair = await Pair.make();
    const file = await pair.put("node-fastcgi/before.cjs");
    const place = await installNodeFastcgi();
    await cp(place, join(pair.directory, "before/node_modules"), { recursive: true });
    const socket = join(pair.directory, "before/fcgi.sock");
    pair.use(await startOnSocket(socket, node!, [file]));
    await pair.startAfter("node-fastcgi/after.ts");
    await pair.startNginx([socket, join(pair.directory, "after/fcgi.sock")]);
    await pair.sameAll();
  });

  const skipFlup = !hasFlup &&
    "flup is not here: Debian 12 has no python3-flup, nor has pip's index";
  it("flup: the same, below a path", { skip: skipFlup }, async () => {
    await using pair = await Pair.make();
    const socket = join(pair.directory, "before/fcgi.sock");
    pair.use(await startOnSocket(socket, python!, [await pair.put("flup/before.py")]));
    await pair.startAfter("flup/after.ts");
    await pair.startNginx([socket, join(pair.directory, "after/fcgi.sock")], { path: "/app/" });
    await pair.sameAll("/app");
  });

  const skipWsgi = python === null ? "python3 is not installed" : skipFcgiwrap;
  it(
    "flup's WSGI application, started by Python's own CGI: the same",
    { skip: skipWsgi },
    async () => {
      await using pair = await Pair.make();
      const file = await pair.put("flup/before.py");
      const script = join(pair.directory, "before/cgi.py");
      await writeExecutable(script, WSGI_AS_CGI.replace("FILE", file).replace("PYTHON", python!));
      const socket = join(pair.directory, "before/fcgi.sock");
      pair.use(await startFcgiwrap(socket));
      await pair.startAfter("flup/after.ts");
      await pair.startNginx([socket, join(pair.directory, "after/fcgi.sock")], {
        path: "/app/",
        before: `fastcgi_param SCRIPT_FILENAME ${script};`,
      });
      await pair.sameAll("/app");
    },
  );
});

/** In flup's place: what serves the application of the program by CGI. */
const WSGI_AS_CGI = `#!PYTHON
import runpy, sys, types
from wsgiref.handlers import CGIHandler

class WSGIServer:
    def __init__(self, application, bindAddress=None):
        self.application = application
    def run(self):
        CGIHandler().run(self.application)

for name in ("flup", "flup.server", "flup.server.fcgi"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["flup.server.fcgi"].WSGIServer = WSGIServer
runpy.run_path("FILE")
`;

/** node-fastcgi, from npm, in a directory that stays. */
async function installNodeFastcgi(): Promise<string> {
  const place = fileURLToPath(new URL(".cache/coming-from/", ROOT));
  const there = join(place, "node_modules");
  const isThere = await stat(join(there, "node-fastcgi")).then(() => true, () => false);
  if (!isThere) {
    await mkdir(place, { recursive: true });
    await writeFile(join(place, "package.json"), `{ "private": true }\n`);
    const args = ["install", "--prefix", place, "--no-audit", "--no-fund", "--ignore-scripts"];
    assert(await succeeds((await which("npm"))!, [...args, NODE_FASTCGI], place), "npm failed");
  }
  return there;
}
