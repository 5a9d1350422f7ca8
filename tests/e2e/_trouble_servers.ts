/** The entries of `examples/troubleshooting.md` for Apache, lighttpd, Caddy and HAProxy. */
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assertEquals } from "../_assert.ts";
import { waitUntil, which } from "../_runtime.ts";
import { shebang, writeExecutable } from "./_apps.ts";
import { SETUPS } from "./_servers.ts";
import type { Site } from "./_site.ts";
import {
  APP,
  type Case,
  type Cases,
  httpServer,
  passesEvents,
  skipping,
  type Trouble,
} from "./_trouble.ts";
import { skipReason } from "./_web_server.ts";

const PROXY = ["proxy", "proxy_fcgi"];
const UNIX = 'ProxyPass "/" "unix:/run/app/fcgi.sock|fcgi://localhost/"';
const TCP = 'ProxyPass "/" "fcgi://127.0.0.1:9000/"';

const APACHE: Record<string, Case["run"]> = {
  "AH02454: FCGI: attempt to connect to Unix domain socket /run/app/fcgi.sock": async (t) => {
    const site = await t.apache(PROXY, UNIX);
    await t.sees(site, 503);
    await t.app(site);
    await t.works(site);
  },
  "AH00957: FCGI: attempt to connect to 127.0.0.1:9000": async (t) => {
    const site = await t.apache(PROXY, TCP);
    await t.sees(site, 503);
    await t.app(site, { port: t.port });
    await t.works(site);
  },
  "AH01067: Failed to read FastCGI header": async (t) => {
    const site = await t.apache(PROXY, UNIX);
    const app = await t.app(site);
    await t.sees(site, 503, "/exit");
    assertEquals((await app.exit).code, 1);
    await t.app(site);
    await t.works(site);
  },
  "AH01068: Got bogus version 72": async (t) => {
    t.use(await httpServer(t.port));
    await t.sees(await t.apache(PROXY, TCP), 503);
    await t.works(await t.apache(["proxy", "proxy_http"], t.cure));
  },
  "AH01075: Error dispatching request to : (polling)": async (t) => {
    const site = await t.apache(PROXY, `${TCP}\nProxyTimeout 1`);
    const cured = await t.apache(PROXY, `${TCP}\n${t.cure}`);
    const app = await t.app(site, { port: t.port });
    const answer = cured.get("/slow");
    await app.waitForLine("stderr", /^slow$/);
    await t.sees(site, 504, "/slow");
    await cured.get("/go");
    assertEquals((await answer).status, 200);
  },
  "AH01144: No protocol handler was valid for the URL": async (t) => {
    await t.sees(await t.apache(["proxy"], UNIX), 500);
    // `a2enmod` has Apache load it.
    const cured = await t.apache(["proxy", t.cure.replace("a2enmod ", "")], UNIX);
    await t.app(cured);
    await t.works(cured);
  },
  "Events come all at once, at the end, behind Apache": async (t) => {
    const site = await t.apache(PROXY, TCP);
    const app = await t.app(site, { port: t.port });
    assertEquals(await passesEvents(site, app), false);
    assertEquals(await passesEvents(await t.apache(PROXY, `${TCP} ${t.cure}`), app), true);
  },
};

const FCGID = ["mime", "rewrite", "dir", "autoindex", "fcgid"];
const HTACCESS = `AddHandler fcgid-script .fcgi
Options +ExecCGI -Indexes
RewriteEngine On
RewriteCond %{REQUEST_FILENAME} !-f
RewriteRule ^ app.fcgi.ts [L]
`;

/** A site of a customer who has nothing but `.htaccess`; `override` is what the host permits. */
async function fcgid(
  t: Trouble,
  { override = "AllowOverride All", more = "", htaccess = HTACCESS, mode = 0o755 } = {},
): Promise<{ site: Site }> {
  const site = await t.site();
  const root = join(site.directory, "www");
  await mkdir(root);
  if (htaccess !== "") await writeFile(join(root, ".htaccess"), htaccess);
  const script = join(root, "app.fcgi.ts");
  await writeExecutable(script, `${shebang(["--allow-all"])}\nimport ${JSON.stringify(APP)};\n`);
  await chmod(script, mode);
  await t.apache(
    FCGID,
    `TypesConfig /dev/null
    FcgidIPCDir fcgid
    FcgidProcessTableFile fcgid/table
    ${more}
    DocumentRoot "${root}"
    <Directory "${root}">
      Options FollowSymLinks
      ${override}
    </Directory>`,
    site,
  );
  return { site };
}

const MOD_FCGID: Record<string, Case["run"]> = {
  "End of script output before headers: app.fcgi.ts": async (t) => {
    // A script that fails to start has to wait longer and longer.
    const more = "FcgidSpawnScoreUpLimit 1000";
    const { site } = await fcgid(t, { mode: 0o644, more });
    await t.sees(site, 500);
    await t.shell(t.cure, join(site.directory, "www"));
    await t.works(site);
  },
  "exceeds MaxRequestLen (131072)": async (t) => {
    const upload = { method: "POST", body: new Uint8Array(200_000) };
    const { site } = await fcgid(t);
    await t.sees(site, 500, "/upload", upload);
    const cured = await fcgid(t, { more: t.cure });
    assertEquals(await t.works(cured.site, "/upload", upload), "200000\n");
  },
  "mod_fcgid: read data timeout in 40 seconds": async (t) => {
    const { site } = await fcgid(t, { more: "FcgidIOTimeout 1" });
    const cured = await fcgid(t, { more: t.cure });
    // The test has less patience than 40 seconds.
    t.entry.messages[0] = t.entry.messages[0]!.replace("40", "1");
    const answer = cured.site.get("/nap");
    await t.sees(site, 500, "/nap");
    assertEquals((await answer).status, 200);
  },
  "Options not allowed here": async (t) => {
    const { site } = await fcgid(t, { override: "AllowOverride FileInfo" });
    await t.sees(site, 500);
    const cured = await fcgid(t, { override: t.cure });
    await t.works(cured.site);
  },
  "AH01276: Cannot serve directory": async (t) => {
    const { site } = await fcgid(t, { htaccess: "" });
    await t.sees(site, 403);
    await writeFile(join(site.directory, "www", ".htaccess"), HTACCESS);
    await t.works(site);
  },
};

const BACKEND = '"socket" => "/run/app/fcgi.sock", "check-local" => "disable"';

const LIGHTTPD: Record<string, Case["run"]> = {
  "establishing connection failed: socket: unix:/run/app/fcgi.sock: No such file or directory":
    async (t) => {
      const site = await t.lighttpd(BACKEND);
      await t.sees(site, 503);
      await t.app(site);
      // lighttpd looks again after a second.
      await waitUntil(async () => (await site.get("/")).status === 200);
    },
  "unexpected end-of-file (perhaps the fastcgi process died)": async (t) => {
    const { site, app } = await withApp(t, BACKEND);
    await t.sees(site, 500, "/exit");
    assertEquals((await app.exit).code, 1);
    await t.app(site);
    await waitUntil(async () => (await site.get("/")).status === 200);
  },
  'invalid "bin-path" => "/srv/app/app.fcgi.ts"': async (t) => {
    const backend = `${BACKEND}, "bin-path" => "/srv/app/app.fcgi.ts", "max-procs" => 1`;
    const site = await t.site();
    const script = join(site.directory, "app.fcgi.ts");
    await writeExecutable(script, `${shebang(["--allow-all"])}\nimport ${JSON.stringify(APP)};\n`);
    await chmod(script, 0o644);
    await t.brokenLighttpd(backend, site);
    await t.shell(t.place(t.cure, site));
    await t.lighttpd(backend, { site });
    await t.works(site);
  },
  "All is 404, behind lighttpd, and its log says nothing": async (t) => {
    const backend = '"socket" => "/run/app/fcgi.sock"';
    const { site } = await withApp(t, backend);
    assertEquals((await site.get("/hello")).status, 404);
    assertEquals((await site.errorLog()).trim().split("\n").length, 1);
    const cured = await withApp(t, `${backend}, ${t.cure}`);
    await t.works(cured.site, "/hello");
  },
  "Events come all at once, at the end, behind lighttpd": async (t) => {
    for (const more of ["", t.cure]) {
      const { site, app } = await withApp(t, BACKEND, more);
      assertEquals(await passesEvents(site, app), more !== "");
    }
  },
};

/** lighttpd, which leaves an application alone for a second that it has not found. */
async function withApp(t: Trouble, backend: string, more = "") {
  const site = await t.site();
  const app = await t.app(site);
  await t.lighttpd(backend, { more, site });
  return { site, app };
}

const FASTCGI = "transport fastcgi";

const CADDY: Record<string, Case["run"]> = {
  "connect: no such file or directory": async (t) => {
    const site = await t.caddy("unix//run/app/fcgi.sock", FASTCGI);
    await t.sees(site, 502);
    await t.app(site);
    await t.works(site);
  },
  "connect: connection refused": async (t) => {
    const site = await t.caddy("127.0.0.1:9000", FASTCGI);
    await t.sees(site, 502);
    await t.app(site, { port: t.port });
    await t.works(site);
  },
  "fcgi: invalid header version": async (t) => {
    t.use(await httpServer(t.port));
    await t.sees(await t.caddy("127.0.0.1:9000", FASTCGI), 502);
    assertEquals(t.cure, FASTCGI);
    await t.works(await t.caddy("127.0.0.1:9000", ""));
  },
  '"msg":"EOF"': async (t) => {
    const site = await t.caddy("127.0.0.1:9000", "");
    await t.app(site, { port: t.port });
    await t.sees(site, 502);
    const cured = await t.caddy("127.0.0.1:9000", t.cure);
    await t.works(cured);
    t.seen = "";
    await t.sees(cured, 502, "/exit");
  },
};

const HAPROXY: Record<string, Case["run"]> = {
  "503 217 - - SC--": async (t) => {
    const site = await t.haproxy("timeout server 30s");
    await t.sees(site, 503);
    await t.app(site);
    await t.works(site);
  },
  "SH--": async (t) => {
    const site = await t.haproxy("timeout server 30s");
    await t.app(site);
    await t.sees(site, 502, "/exit");
    await t.app(site);
    await t.works(site);
  },
  "sH--": async (t) => {
    // HAProxy takes three seconds to see that nobody is there, and that before it has started.
    const app = await t.app(await t.site(), { port: t.port });
    const site = await t.haproxy("timeout server 1s", "127.0.0.1:9000");
    const cured = await t.haproxy(t.cure, "127.0.0.1:9000");
    const answer = cured.get("/slow");
    await app.waitForLine("stderr", /^slow$/);
    await t.sees(site, 504, "/slow");
    await cured.get("/go");
    assertEquals((await answer).status, 200);
  },
};

const skipOf = async (setup: keyof typeof SETUPS) => await skipReason(SETUPS[setup].server);
const skipHaproxy = await which("haproxy") === null && "haproxy is not installed";

export const SERVER_CASES: Cases = {
  ...skipping(APACHE, await skipOf("apache")),
  ...skipping(MOD_FCGID, await skipOf("fcgid")),
  ...skipping(LIGHTTPD, await skipOf("lighttpd")),
  ...skipping(CADDY, await skipOf("caddy")),
  ...skipping(HAPROXY, skipHaproxy),
};
