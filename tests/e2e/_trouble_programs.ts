/** The entries of `examples/troubleshooting.md` for what the application says itself. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { FastCgiClient, gateway } from "../../src/client/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../_assert.ts";
import { installFrameworks } from "../_npm.ts";
import { runtime, spawnProgram, which } from "../_runtime.ts";
import { shebang, writeExecutable } from "./_apps.ts";
import { formOf, startForms } from "./_forms.ts";
import { SETUPS } from "./_servers.ts";
import { APP, type Cases, type Trouble } from "./_trouble.ts";
import { skipReason } from "./_web_server.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const skipNginx = await skipReason(SETUPS.nginx.server);
const curl = await which("curl");

/** The application cannot listen: exit code 1. */
async function cannotListen(t: Trouble, options: object, more = {}): Promise<void> {
  const app = await t.program([JSON.stringify(options)], more);
  assertEquals((await app.exit).code, 1);
}

const ask = async (port: number, path = "/") => {
  await using client = new FastCgiClient({ port });
  return await (await client.fetch(new Request(`http://localhost${path}`))).text();
};

export const PROGRAM_CASES: Cases = {
  "Cannot listen on /run/app/fcgi.sock: ENOENT": async (t) => {
    const site = await t.site();
    const directory = join(site.directory, "run");
    t.entry.messages[0] = t.entry.messages[0]!.replace("/run/app", directory);
    await cannotListen(t, { path: join(directory, "fcgi.sock") });
    await t.says();
    await t.shell(
      t.cure.replace("/run/app", directory)
        .replace("-g www-data", process.getuid?.() === 0 ? "$&" : ""),
    );
    await t.app(site, { path: join(directory, "fcgi.sock") });
  },
  "Cannot listen on 127.0.0.1:9000: EADDRINUSE": async (t) => {
    const site = await t.site();
    const first = await t.app(site, { port: t.port });
    await cannotListen(t, { port: t.port });
    await t.says(undefined, site);
    await first[Symbol.asyncDispose]();
    await t.app(site, { port: t.port });
  },
  "There is a file that is no socket, which is left alone": async (t) => {
    const site = await t.site();
    const path = join(site.directory, "notes");
    await writeFile(path, "Mine\n");
    await cannotListen(t, { path });
    await t.says();
    assertEquals(await readFile(path, "utf8"), "Mine\n");
    await t.app(site, { path: `${path}.sock` });
  },
  "Cannot listen on 127.0.0.1:9000: Requires net access": {
    skip: runtime !== "deno" && "The other runtimes have no permissions",
    async run(t) {
      const site = await t.site();
      // With none at all, node:child_process of Deno gives it every permission.
      await cannotListen(t, { port: t.port }, { denoPermissions: ["--allow-env=HOME"] });
      await t.says(undefined, site);
      const flags = t.cure.replace("deno run ", "").split(" ");
      const app = await t.program([JSON.stringify({ port: t.port })], { denoPermissions: flags });
      await app.waitForLine("stderr", /^Serving FastCGI/);
    },
  },
  "systemd passed a socket to process 1, not to this one": async (t) => {
    await cannotListen(t, {}, { env: { LISTEN_FDS: "1", LISTEN_PID: "1" } });
    await t.says();
    // What `exec` makes of a wrapper: the process that systemd means. 3 is no socket here, and it
    // is that one that it looks at.
    const starter = [
      "/bin/sh",
      "-c",
      `LISTEN_FDS=1 LISTEN_PID=$$ ${t.cure.split(" ")[0]} "$@"`,
      "x",
    ];
    const app = await t.program(["{}"], { starter });
    await app.exit;
    assertStringIncludes(app.stderr.text, "descriptor 3");
  },
  "Refused a connection: 127.0.0.1 is not one of the web servers": async (t) => {
    const site = await t.site();
    const app = await t.app(site, { port: t.port, webServerAddrs: ["10.0.0.5"] });
    await ask(t.port).catch(() => {});
    await t.says();
    await app[Symbol.asyncDispose]();
    await t.app(site, { port: t.port, ...JSON.parse(`{${t.cure.replace(/^\w+/, '"$&"')}}`) });
    assertStringIncludes(await ask(t.port), "GET ");
  },
  "the other end speaks HTTP, not FastCGI": {
    skip: curl === null && "curl is not installed",
    async run(t) {
      await t.app(await t.site(), { port: t.port });
      await using asked = await spawnProgram(curl!, ["-sS", `http://127.0.0.1:${t.port}/`]);
      await asked.exit;
      t.seen = asked.stderr.text;
      await t.says();
      const args = t.cure.replace("9000", String(t.port)).split(" ").slice(1);
      const cli = await t.program(args, {}, MAIN);
      assertEquals((await cli.exit).code, 0, cli.stderr.text);
      assertStringIncludes(cli.stdout.text, "GET ");
    },
  },
  "env: 'deno': No such file or directory": async (t) => {
    const site = await t.site();
    const script = join(site.directory, "app.fcgi.ts");
    const text = `\nimport ${JSON.stringify(APP)};\n`;
    const start = async () => {
      const env = { PATH: "/nowhere", LC_ALL: "C" };
      const program = t.use(await spawnProgram(script, [`{"port":${t.port}}`], { env }));
      t.seen = (await program.waitForLine("stderr", /.+/))[0];
      return t.seen;
    };
    await writeExecutable(script, `#!/usr/bin/env ${runtime}${text}`);
    await start();
    await t.says(undefined, site);
    // The page's own, for the runtime that runs this.
    const flags = shebang(["--allow-all"]).split(`${runtime}`)[1]!;
    const line = t.cure.replace(/\/usr\/local\/bin\/deno .*/, `${process.execPath}${flags}`);
    await writeExecutable(script, `${line}${text}`);
    assertStringIncludes(await start(), "Serving FastCGI on");
  },
  "ERR_UNKNOWN_FILE_EXTENSION": {
    skip: runtime !== "node" && "Only Node refuses the name",
    async run(t) {
      const site = await t.site();
      const file = join(site.directory, "app.fcgi");
      await writeFile(file, `import ${JSON.stringify(APP)};\n`);
      const program = await t.program([`{"port":${t.port}}`], {}, file);
      await program.exit;
      await t.says();
      await t.shell(t.cure, site.directory);
      const cured = await t.program([`{"port":${t.port}}`], {}, `${file}.ts`);
      await cured.waitForLine("stderr", /^Serving FastCGI/);
    },
  },
  "exit code 1": async (t) => {
    const site = await t.site();
    const app = await t.app(site, { port: t.port });
    await ask(t.port, "/unawaited").catch(() => {});
    t.seen = `exit code ${(await app.exit).code}`;
    await t.says();
    assert(/The queue is full\n[^]*\bat /.test(app.stderr.text), app.stderr.text);
    const cured = await t.app(site, { port: t.port });
    assertStringIncludes(t.cure, "info.waitUntil(");
    for (let i = 0; i < 2; i++) assertEquals(await ask(t.port, "/awaited"), "Hello\n");
    await cured.waitForLine("stderr", /The queue is full/);
  },
  "Forms are refused by a framework, mostly with 403": {
    skip: skipNginx || await installFrameworks(),
    async run(t) {
      for (const cure of ["", t.cure]) {
        const site = await t.nginx(
          `location / { include /etc/nginx/fastcgi_params; ${cure} fastcgi_pass 127.0.0.1:9000; }`,
        );
        await using _app = await startForms("hono", { port: t.port });
        const { status, reason } = await site.get("/", formOf("hono", `localhost:${site.port}`));
        t.seen += `${status} ${reason}\n`;
        assertEquals(status, cure === "" ? 403 : 200);
      }
    },
  },
  "Every page is the front page, of an application behind gateway": async (t) => {
    await t.app(await t.site(), { port: t.port });
    const to = { port: t.port };
    const page = async (options: object) => {
      const handler = gateway({ to, ...options });
      try {
        return await (await handler(new Request("http://localhost/a/path-info"))).text();
      } finally {
        await handler[Symbol.asyncDispose]();
      }
    };
    assertEquals(await page({}), "");
    assertEquals(
      await page(JSON.parse(`{${t.cure.replace(/^\w+/, '"$&"')}}`)),
      "/a/path-info",
    );
  },
  "A change of the program changes nothing": async (t) => {
    const site = await t.site();
    const file = join(site.directory, "app.ts");
    const MODULE = new URL("../../mod.ts", import.meta.url).href;
    const write = (text: string) =>
      writeFile(
        file,
        `import { serve } from ${JSON.stringify(MODULE)};
serve({ port: ${t.port} }, () => new Response(${JSON.stringify(text)}));
`,
      );
    const start = async () => {
      const program = await t.program([], {}, file);
      await program.waitForLine("stderr", /^Serving FastCGI/);
      return program;
    };
    await write("old");
    const old = await start();
    await write("new");
    assertEquals(await ask(t.port), "old");
    await old[Symbol.asyncDispose]();
    await start();
    assertEquals(await ask(t.port), "new");
  },
};
