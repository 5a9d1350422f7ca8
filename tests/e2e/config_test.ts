/**
 * What `fcgi config` prints, as it is: in each web server as its distribution includes such a file,
 * in front of `fcgi serve`, with one process and with workers.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { assert, assertEquals, assertMatch } from "../_assert.ts";
import { afterAll, beforeAll, describe, it } from "../_harness.ts";
import { freePort, type Program, spawnProgram, spawnScript, which } from "../_runtime.ts";
import { RawPeer } from "../runtime/_raw_peer.ts";
import { apacheCommand } from "./_apache.ts";
import { writeExecutable } from "./_apps.ts";
import { SETUPS } from "./_servers.ts";
import { APACHE_SITE, FCGID_SITE, MODULES, Site } from "./_site.ts";
import { skipReason, type WebServer } from "./_web_server.ts";

const MAIN = new URL("../../src/cli/main.ts", import.meta.url);
/** The command is installed with every permission. */
const ALL = { denoPermissions: ["-A"] };
const HOST = "example.org";
/** More than nginx takes by itself. */
const LARGE = 2 * 1024 * 1024;

const APP = `import process from "node:process";
export default {
  async fetch(request, { scriptName, pathInfo }) {
    if (pathInfo === "/pid") return Response.json({ pid: process.pid });
    const authorization = request.headers.get("authorization");
    const { method, url } = request;
    const { byteLength } = await request.arrayBuffer();
    return Response.json({ method, url, scriptName, pathInfo, authorization, byteLength });
  },
};
`;

/** A web server, and how its distribution starts it with a site. */
interface Front {
  server: WebServer;
  servesFiles: boolean;
  /** Whether it keeps connections. */
  keeps?: boolean;
  /** Writes the main file; returns the command line. */
  start(site: Site): Promise<string[]>;
  /** Variables by which its own test does not depend on what is configured here. */
  forCheck?(site: Site): Promise<Record<string, string>>;
}

const TEMP_PATHS = ["client_body", "fastcgi", "proxy", "uwsgi", "scgi"];

const APACHE_MAIN = `${APACHE_SITE}
${
  ["dir", "proxy", "proxy_fcgi", "env", "rewrite"]
    .map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so\n`).join("")
}`;

const FRONTS: Record<string, Front> = {
  nginx: {
    server: SETUPS.nginx.server,
    servesFiles: true,
    keeps: true,
    async start({ directory }) {
      const params = await readFile("/etc/nginx/fastcgi_params");
      await writeFile(join(directory, "fastcgi_params"), params);
      await writeFile(
        join(directory, "nginx.conf"),
        `daemon off; pid nginx.pid; error_log error.log; events {}
        http {
          access_log off;
          ${TEMP_PATHS.map((name) => `${name}_temp_path ${name}_temp;`).join("\n")}
          include site.conf;
        }`,
      );
      const asRoot = process.getuid?.() === 0 ? SETUPS.nginx.server.rootArgs : [];
      const nginx = (await which("nginx"))!;
      return [nginx, "-p", ".", "-e", "error.log", "-c", "nginx.conf", ...asRoot];
    },
  },
  lighttpd: {
    server: SETUPS.lighttpd.server,
    servesFiles: true,
    async start({ directory }) {
      await writeFile(
        join(directory, "lighttpd.conf"),
        `server.document-root = var.CWD
        server.bind = "127.0.0.1"
        server.port = ${await freePort()}
        server.errorlog = "error.log"
        server.upload-dirs = ( "." )
        include "site.conf"\n`,
      );
      return [(await which("lighttpd"))!, "-D", "-f", join(directory, "lighttpd.conf")];
    },
  },
  apache: {
    server: SETUPS.apache.server,
    servesFiles: true,
    async start({ directory }) {
      await writeFile(join(directory, "main.conf"), `${APACHE_MAIN}Include site.conf\n`);
      return await apacheCommand("main.conf");
    },
    async forCheck({ directory }) {
      const file = join(directory, "main.conf");
      await writeFile(file, APACHE_MAIN);
      return { APACHE_ARGUMENTS: `-d ${directory} -f ${file}` };
    },
  },
  caddy: {
    server: SETUPS.caddy.server,
    servesFiles: true,
    async start() {
      const variables = ["XDG_CONFIG_HOME=.", "XDG_DATA_HOME=."];
      const admin = `CADDY_ADMIN=127.0.0.1:${await freePort()}`;
      const caddy = (await which("caddy"))!;
      const args = ["run", "--adapter", "caddyfile", "--config", "site.conf"];
      return ["env", ...variables, admin, caddy, ...args];
    },
  },
  haproxy: {
    server: SETUPS.haproxy.server,
    servesFiles: false,
    keeps: true,
    start: async () => [(await which("haproxy"))!, "-db", "-f", "site.conf"],
  },
};

interface Form {
  workers: string | undefined;
  basePath: string;
  hasFiles: boolean;
  isTcp?: boolean;
  /** Whether each worker has its own socket, for web servers that keep connections. */
  isOwn?: boolean;
}

/** The sites of each server: every form that a file may have. */
const SITES: readonly Form[] = [
  { workers: undefined, basePath: "", hasFiles: false },
  { workers: "2", basePath: "/app", hasFiles: true },
  { workers: "2", basePath: "", hasFiles: true },
  { workers: undefined, basePath: "/a.b/app", hasFiles: false, isTcp: true },
  { workers: "2", basePath: "", hasFiles: false, isOwn: true },
];

/** The programs that test a file. */
const PROGRAMS: Record<string, string> = {
  nginx: "nginx",
  lighttpd: "lighttpd",
  apache: "apachectl",
  caddy: "caddy",
  haproxy: "haproxy",
};

/** Runs `fcgi config`. */
async function run(args: string[], env: Record<string, string> = {}) {
  await using program = await spawnScript(MAIN, ["config", ...args], { ...ALL, env });
  const { code } = await program.exit;
  return { code, text: program.stdout.text, err: program.stderr.lines };
}

/** Runs `fcgi config`; returns what it prints. */
async function print(...args: string[]): Promise<{ text: string; hints: string[] }> {
  const { code, text, err } = await run(args);
  assertEquals(code, 0, err.join("\n"));
  return { text, hints: err };
}

/** Starts `fcgi serve` with a module. */
async function startApp(app: string, place: string[], pool: string[]): Promise<Program> {
  const mode = place.includes("--socket") ? ["--mode", "666"] : [];
  const args = ["serve", app, ...place, ...mode, ...pool];
  const program = await spawnScript(MAIN, args, ALL);
  await program.waitForLine("stderr", /^Serving FastCGI on /);
  return program;
}

const ADA: [string, string][] = [["Authorization", "Bearer ada"]];

for (const [name, front] of Object.entries(FRONTS)) {
  const skip = await skipReason(front.server);
  describe(`fcgi config ${name}`, { skip, timeout: 60_000 }, () => {
    for (const form of SITES) {
      if (form.isOwn && !front.keeps) continue;
      const hasFiles = form.hasFiles && front.servesFiles;
      const { workers, basePath } = form;
      const what = `${workers ? "two workers" : "one process"}, ${
        basePath === "" ? "at the root" : `below ${basePath}`
      }${hasFiles ? ", with files" : ""}${form.isTcp ? ", on TCP" : ""}${
        form.isOwn ? ", a socket each" : ""
      }`;

      describe(what, () => {
        const stack = new AsyncDisposableStack();
        let site: Site;
        const ask = async (target: string, request = {}) => {
          const host = `${HOST}:${site.port}`;
          const { status, text } = await site.get(target, { host, headers: ADA, ...request });
          return { status, text, said: status === 200 ? JSON.parse(text) : undefined };
        };

        beforeAll(async () => {
          site = stack.use(await Site.make());
          const { directory, port } = site;
          // As a newcomer may have it: quotes are needed.
          const socket = join(directory, "the app; 1.sock");
          const app = join(directory, "app.mjs");
          const root = join(directory, "the files");
          await writeFile(app, APP);
          await mkdir(join(root, basePath), { recursive: true });
          await writeFile(join(root, basePath, "plan.txt"), "Our plan\n");
          await writeFile(join(root, basePath, "index.html"), "Not the application\n");
          if (basePath !== "") await writeFile(join(root, "index.html"), "Our site\n");
          const place = form.isTcp ? ["--listen", `${await freePort()}`] : ["--socket", socket];
          const pool = [
            ...workers === undefined ? [] : ["--workers", workers],
            ...form.isOwn ? ["--socket-per-worker"] : [],
          ];
          stack.use(await startApp(app, place, pool));
          const { text } = await print(
            ...[
              name,
              form.isTcp ? "--connect" : "--socket",
              place[1]!,
              "--host",
              HOST,
              "--port",
              String(port),
            ],
            ...basePath === "" ? [] : ["--base-path", basePath],
            ...hasFiles ? ["--root", root] : [],
            ...pool,
          );
          await site.start(await front.start(site), text);
        });
        afterAll(() => stack.disposeAsync());

        it("asks the application with the URL of the client, and where it is mounted", async () => {
          for (const [path, query] of [["/", ""], ["/a%20b/c", "?d=1&e=%C3%A4"], ["/x/", ""]]) {
            const target = `${basePath}${path}${query}`;
            const { status, text, said } = await ask(target);
            assertEquals(status, 200, text);
            assertEquals(said, {
              method: "GET",
              url: `http://${HOST}:${site.port}${target}`,
              scriptName: basePath,
              pathInfo: decodeURIComponent(path!),
              authorization: "Bearer ada",
              byteLength: 0,
            });
          }
        });

        it("hands on a form, and an upload of 2 MB", async () => {
          for (const length of [9, LARGE]) {
            const body = new Uint8Array(length);
            const { status, text, said } = await ask(`${basePath}/form`, { method: "POST", body });
            assertEquals(status, 200, text);
            assertEquals([said.method, said.byteLength], ["POST", length]);
          }
        });

        if (form.isOwn) {
          it("asks both workers, on connections that it keeps", async () => {
            const pids = new Set<number>();
            for (let count = 0; count < 20; count++) pids.add((await ask("/pid")).said.pid);
            assertEquals(pids.size, 2);
          });
        }

        if (basePath !== "") {
          it("gives the application nothing else", async () => {
            assertEquals((await ask(basePath)).said.url, `http://${HOST}:${site.port}${basePath}`);
            for (const target of [`${basePath}le/`, "/other", ...hasFiles ? [] : ["/"]]) {
              const { status } = await site.get(target, { host: HOST });
              assert(status === 404 || status === 403, `${status} for ${target}`);
            }
          });
        }

        if (hasFiles) {
          it("serves files first", async () => {
            const { status, text } = await site.get(`${basePath}/plan.txt?x`, { host: HOST });
            assertEquals([status, text], [200, "Our plan\n"]);
            if (basePath !== "") {
              assertEquals((await site.get("/", { host: HOST })).text, "Our site\n");
            }
            // A directory of the application's is none.
            assertEquals((await ask(`${basePath}/`)).said.pathInfo, "/");
          });
        }

        if (hasFiles && name === "lighttpd") {
          it("has a path inside that is not for clients", async () => {
            for (const target of ["/.fcgi", "/.fcgi/x", "/%2efcgi/x", "//.fcgi/x", "/a/../.fcgi"]) {
              assertEquals((await site.get(target, { host: HOST })).status, 404, target);
            }
          });
        }
      });
    }

    it("--check lets it test the file, and says what is wrong", async () => {
      await using site = await Site.make();
      const args = [name, "--socket", "/run/a b.sock", "--port", String(site.port), "--check"];
      const env = await front.forCheck?.(site);
      const good = await run(args, env);
      assertEquals(
        [good.code, good.err.at(-1)],
        [0, `${PROGRAMS[name]} takes it`],
        good.err.join(),
      );
      if (name !== "apache") return;
      // Without the modules, as a newcomer's Apache.
      await writeFile(join(site.directory, "main.conf"), APACHE_SITE);
      const bad = await run(args, env);
      assertEquals(bad.code, 1);
      assertMatch(bad.err.join("\n"), /apachectl does not take it:\n.*Invalid command/s);
    });
  });
}

const skipFcgid = await skipReason(SETUPS.fcgid.server);

describe("fcgi config htaccess", { skip: skipFcgid, timeout: 30_000 }, () => {
  it("gives all but files to a program of two lines", async () => {
    await using site = await Site.make();
    const root = join(site.directory, "www");
    const app = join(site.directory, "the app's", "my-app.mjs");
    await mkdir(root);
    await mkdir(dirname(app));
    await writeFile(app, APP);
    await writeFile(join(root, "plan.txt"), "Our plan\n");
    const { text, hints } = await print("htaccess", "--app", app);
    await writeFile(join(root, ".htaccess"), text);
    const script = hints.filter((line) => line.startsWith("    ")).map((line) => line.trim());
    await writeExecutable(join(root, "my-app.fcgi"), `${script[0]}\n${script[1]}\n`);
    await site.start(
      await apacheCommand("site.conf"),
      `${FCGID_SITE}
      Listen 127.0.0.1:${site.port}
      DocumentRoot "${root}"
      <Directory "${root}">
        AllowOverride All
      </Directory>`,
    );
    assertEquals((await site.get("/plan.txt")).text, "Our plan\n");
    const body = new TextEncoder().encode("name=ada");
    const answer = await site.get("/a%20b?c=d", { method: "POST", headers: ADA, body });
    assertEquals(answer.status, 200, answer.text);
    assertEquals(JSON.parse(answer.text), {
      method: "POST",
      url: `http://${HOST}/a%20b?c=d`,
      scriptName: "",
      pathInfo: "/a b",
      authorization: "Bearer ada",
      byteLength: 8,
    });
  });
});

const activate = await which("systemd-socket-activate");
const analyze = await which("systemd-analyze");

describe("fcgi config systemd", { timeout: 30_000 }, () => {
  it("--check has systemd-analyze verify the units", {
    skip: analyze === null && "There is no systemd-analyze",
  }, async () => {
    await using site = await Site.make();
    const app = join(site.directory, "the $app 100%.mjs");
    await writeFile(app, APP);
    const socket = join(site.directory, "a b.sock");
    const args = ["systemd", "--socket", socket, "--app", app, "--workers", "2", "--check"];
    const { code, err } = await run(args);
    assertEquals([code, err.at(-1)], [0, "systemd-analyze takes it"], err.join("\n"));
  });

  for (const workers of [undefined, "2"]) {
    it(`serves on the socket of systemd, ${workers ? "with workers" : "alone"}`, {
      skip: activate === null && "There is no systemd-socket-activate",
    }, async () => {
      await using site = await Site.make();
      const app = join(site.directory, "the $app; 100%.mjs");
      await writeFile(app, APP);
      const path = join(site.directory, "a 1%.sock");
      const { text } = await print(
        ...["systemd", "--socket", path, "--app", app, "--base-path", "/app"],
        ...workers === undefined ? [] : ["--workers", workers],
      );
      const value = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(text)?.[1] ?? "";
      const socket = value("ListenStream").replaceAll("%%", "%");
      const words = Array.from(
        value("ExecStart").matchAll(/"([^"]*)"|[^ ]+/g),
        ([word, quoted]) => (quoted ?? word).replaceAll("%%", "%").replaceAll("$$", "$"),
      );
      const kept = ["PATH", "HOME", "TMPDIR"].flatMap((name) => ["-E", name]);
      // As StandardInput=socket has it.
      const onStdin = value("StandardInput") === "socket" ? ["sh", "-c", 'exec "$@" <&3', "-"] : [];
      await using program = await spawnProgram(
        activate!,
        [...kept, "-l", socket, ...onStdin, ...words],
      );
      await program.waitForLine("stderr", /^Listening on/);
      await using peer = await RawPeer.connect({ transport: "unix", path });
      const said = JSON.parse((await peer.fetch({ uri: "/app/x" })).text);
      assertEquals([said.scriptName, said.pathInfo], ["/app", "/x"]);
      await peer[Symbol.asyncDispose]();
      // The first process alone, as with KillMode=mixed.
      assertEquals(value("KillMode"), "mixed");
      program.kill("SIGTERM");
      assertEquals(await program.exit, { code: 0, signal: null }, program.stderr.text);
    });
  }
});
