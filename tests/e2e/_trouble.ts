/**
 * `examples/troubleshooting.md` as data, and what every entry of it is tested with: a web server
 * with a mistake in it, the application, what all of them have said, and the cure that the page
 * has.
 *
 * The page names one set of places (`/run/app/fcgi.sock`, port 9000). In a test they are in a
 * directory of its own, and the port is any.
 */
import { writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { assert, assertEquals } from "../_assert.ts";
import { readPage } from "../_pages.ts";
import {
  freePort,
  type Program,
  runtime,
  spawnProgram,
  spawnScript,
  type SpawnScriptOptions,
  waitUntil,
  which,
} from "../_runtime.ts";
import { configurationOf } from "../load/_nginx.ts";
import { apacheCommand } from "./_apache.ts";
import { HttpConnection, type HttpRequest, type HttpResponse } from "./_http_client.ts";
import { APACHE_SITE, MODULES, Site } from "./_site.ts";

const PAGE = "examples/troubleshooting.md";
/** What goes wrong, by the last part of the path. */
export const APP: string = fileURLToPath(new URL("./apps/trouble.ts", import.meta.url));
const isRoot = process.getuid?.() === 0;

/** A row of the page. */
export interface Entry {
  /** The heading above. */
  section: string;
  /** Its first message, or what one sees where there is none. */
  name: string;
  /** What must be seen, all of it. */
  messages: string[];
  /** What there is to type. */
  cures: string[];
}

/** How the mistake of a row is made, and put right. */
export interface Case {
  /** The reason why it cannot be made here. */
  skip?: string | false;
  run(trouble: Trouble): Promise<void>;
}
/** By the name of the row. */
export type Cases = Record<string, Case["run"] | Case>;

const spans = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, span = ""]) => span);

/** The rows of all tables of three columns. */
export function entriesOf(page: string): Entry[] {
  const entries: Entry[] = [];
  let section = "";
  let isHead = true;
  for (const line of page.split("\n")) {
    section = /^## (.*)$/.exec(line)?.[1] ?? section;
    if (!line.startsWith("|")) {
      isHead = true;
      continue;
    }
    const cells = line.slice(1, -1).split(/(?<!\\)\|/).map((cell) => cell.trim());
    if (!isHead && cells.length === 3 && !/^[-: ]+$/.test(cells[0]!)) {
      const messages = spans(cells[0]!);
      const name = messages[0] ?? cells[0]!;
      entries.push({ section, name, messages, cures: spans(cells[2]!) });
    }
    isHead = false;
  }
  return entries;
}

const page = await readPage(PAGE);
export const ENTRIES: readonly Entry[] = entriesOf(page);
/** What the browser shows: the first table of the page. */
export const TITLES: readonly string[] = [
  .../^\| page [^]*?\n\n/m.exec(page)![0].matchAll(/^\| `([^`]+)`/gm),
].map(([, title = ""]) => title);

/** One entry at work: whatever it starts ends with it. */
export class Trouble implements AsyncDisposable {
  readonly entry: Entry;
  /** The port of the application, which is 9000 in the page. */
  readonly port: number;
  /** All that has been seen. */
  seen = "";
  readonly #stack = new AsyncDisposableStack();
  readonly #programs: Program[] = [];

  private constructor(entry: Entry, port: number) {
    this.entry = entry;
    this.port = port;
  }

  static async make(entry: Entry): Promise<Trouble> {
    return new Trouble(entry, await freePort());
  }

  /** What the page has to type. */
  get cure(): string {
    const [cure] = this.entry.cures;
    if (cure === undefined) throw new Error(`The page has nothing to type for ${this.entry.name}`);
    return cure;
  }

  /** Has a resource end with the entry. */
  use<T extends AsyncDisposable>(resource: T): T {
    return this.#stack.use(resource);
  }

  /** A directory, and the port of a web server to be. */
  async site(): Promise<Site> {
    return this.use(await Site.make());
  }

  /** A text of the page with this test's places in it. */
  place(text: string, site: Site): string {
    return text.replaceAll("127.0.0.1:9000", `127.0.0.1:${this.port}`)
      .replaceAll("/run/app/", `${site.directory}/`)
      .replaceAll("/srv/app/", `${site.directory}/`)
      .replaceAll("/srv/www", site.directory)
      .replaceAll("env: 'deno'", `env: '${runtime}'`);
  }

  async nginx(location: string, { http = "", user = "root" } = {}): Promise<Site> {
    const site = await this.site();
    const command = [(await which("nginx"))!, "-p", ".", "-e", "error.log", "-c", "site.conf"];
    await site.start(
      [...command, ...isRoot ? ["-g", `user ${user};`] : []],
      this.place(
        configurationOf(`
          ${http}
          server {
            listen 127.0.0.1:${site.port};
            ${location}
          }
        `),
        site,
      ),
    );
    return site;
  }

  async apache(modules: string[], configuration: string, site?: Site): Promise<Site> {
    site ??= await this.site();
    await site.start(
      await apacheCommand("site.conf"),
      this.place(
        `${APACHE_SITE}
        ${modules.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join("\n")}
        Listen 127.0.0.1:${site.port}
        ${configuration}`,
        site,
      ),
    );
    return site;
  }

  /** lighttpd; `backend` is what stands in the parentheses of its `fastcgi.server`. */
  async lighttpd(backend: string, { more = "", site }: { more?: string; site?: Site } = {}) {
    site ??= await this.site();
    await site.start(await lighttpd("site.conf"), this.#lighttpdText(site, backend, more));
    return site;
  }

  /** lighttpd without an application: it ends by itself, or tries again each second. */
  async brokenLighttpd(backend: string, site: Site): Promise<void> {
    await writeFile(join(site.directory, "site.conf"), this.#lighttpdText(site, backend));
    const [command = "", ...args] = await lighttpd("site.conf");
    await using _program = await site.run(command, args);
    await this.says(() => site.errorLog(), site);
  }

  #lighttpdText(site: Site, backend: string, more = ""): string {
    return this.place(
      `server.modules = ( "mod_fastcgi" )
      server.bind = "127.0.0.1"
      server.port = ${site.port}
      server.document-root = "${site.directory}"
      server.errorlog = "${site.directory}/error.log"
      server.breakagelog = "${site.directory}/breakage.log"
      fastcgi.server = ( "/" => (( ${backend} )) )
      ${more}`,
      site,
    );
  }

  /** Caddy; the text stands in its `reverse_proxy`. */
  async caddy(to: string, transport: string): Promise<Site> {
    const site = await this.site();
    await site.start(
      [(await which("caddy"))!, "run", "--config", "site.conf", "--adapter", "caddyfile"],
      this.place(
        `{
          admin off
          log {
            output file error.log
          }
        }
        http://:${site.port} {
          bind 127.0.0.1
          reverse_proxy ${to} {
            ${transport}
          }
        }`,
        site,
      ),
    );
    return site;
  }

  async haproxy(timeout: string, server = "unix@/run/app/fcgi.sock"): Promise<Site> {
    const site = await this.site();
    await site.start(
      ["/bin/sh", "-c", 'exec "$0" -db -f site.conf >error.log 2>&1', (await which("haproxy"))!],
      this.place(
        `global
          log stdout format raw local0
        defaults
          mode http
          log global
          option httplog
          timeout connect 1s
          timeout client 30s
          ${timeout}
        fcgi-app app
          docroot ${site.directory}
        frontend site
          bind 127.0.0.1:${site.port}
          default_backend app
        backend app
          use-fcgi-app app
          server app ${server} proto fcgi`,
        site,
      ),
    );
    return site;
  }

  /** Types what the page says. */
  async shell(command: string, cwd?: string): Promise<void> {
    await using shell = await spawnProgram("/bin/sh", ["-ec", command], { cwd });
    assertEquals((await shell.exit).code, 0, command + shell.stderr.text);
  }

  /** Starts the application on the socket of a site, unless it is told otherwise. */
  async app(site: Site, options: object = { path: "fcgi.sock", mode: 0o666 }): Promise<Program> {
    const app = await this.program([JSON.stringify(options)], { cwd: site.directory });
    await app.waitForLine("stderr", /^Serving FastCGI on/);
    return app;
  }

  /** Starts the application; what it says counts. */
  async program(args: string[], options: SpawnScriptOptions = {}, file = APP): Promise<Program> {
    const program = this.use(
      await spawnScript(file, args, { denoPermissions: ["--allow-all"], ...options }),
    );
    this.#programs.push(program);
    return program;
  }

  /** Sees a request fail, and all messages of the entry. */
  async sees(
    site: Site,
    status: number,
    target = "/",
    request: HttpRequest = {},
  ): Promise<HttpResponse> {
    const answer = await site.get(target, request);
    const page = `${answer.status} ${answer.reason}\n${answer.text}`;
    assertEquals(answer.status, status, page + await site.errorLog());
    this.seen += page;
    await this.says(() => site.errorLog(), site);
    return answer;
  }

  /** Sees all messages of the entry: in what has been seen, in a log, or in what programs say. */
  async says(log: () => Promise<string> = () => Promise.resolve(""), site?: Site): Promise<void> {
    const messages = this.entry.messages.map((text) => site ? this.place(text, site) : text);
    const all = async () => [this.seen, await log(), ...this.#programs.map(saidBy)].join("\n");
    const missing = (text: string) => messages.filter((message) => !text.includes(message));
    const isThere = async () => missing(await all()).length === 0;
    await waitUntil(isThere, { timeout: 3_000 }).catch(async () => {
      const text = await all();
      assertEquals(missing(text), [], text);
    });
    this.seen = await all();
  }

  /** Sees a request succeed. */
  async works(site: Site, target = "/", request: HttpRequest = {}): Promise<string> {
    const { status, text } = await site.get(target, request);
    assertEquals(status, 200, text + await site.errorLog());
    return text;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

const lighttpd = async (file: string) => [(await which("lighttpd"))!, "-D", "-f", file];
const saidBy = ({ stdout, stderr }: Program) => stdout.text + stderr.text;

/**
 * Whether events of the application come through a site one by one. Nothing is timed: the second
 * event is let go when the first has come, or when another request has gone the same way.
 */
export async function passesEvents(site: Site, app: Program): Promise<boolean> {
  const before = app.stderr.lines.length;
  await using connection = await HttpConnection.open(site.port);
  await connection.send({ target: "/events" });
  let isOver = false;
  const first = (async () => {
    await connection.head();
    const part = await connection.read();
    if (!isOver) return new TextDecoder().decode(part ?? undefined);
  })();
  await waitUntil(() => app.stderr.lines.slice(before).includes("event"), { what: "an event" });
  // As long as it takes another answer to come; then the event has had its time, or has come.
  await site.get("/");
  await site.get("/");
  const early = await Promise.race([first, site.get("/").then(() => undefined)]);
  isOver = true;
  await site.get("/go");
  const last = await first;
  assert(early === undefined || early.includes("data: 1"), early);
  assert(early !== undefined || last === undefined || last.includes("data: 1"));
  return early !== undefined;
}

/**
 * What listens on the port of the application, and speaks HTTP: a bad request is answered, and read
 * to its end, as nginx does. Who closes at once has the web server write into a closed connection.
 */
export async function httpServer(port: number): Promise<AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("end", () => socket.end());
    socket.once("data", (data) => {
      const status = data.toString("latin1").startsWith("GET ") ? "200 OK" : "400 Bad Request";
      socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 6\r\nConnection: close\r\n\r\nHello\n`);
    }).on("data", () => {});
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Cases that are skipped for the same reason. */
export const skipping = (cases: Record<string, Case["run"]>, skip: string | false): Cases =>
  Object.fromEntries(Object.entries(cases).map(([name, run]) => [name, { skip, run }]));
