/** The entries of `examples/troubleshooting.md` for nginx and php-fpm. */
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { assert, assertEquals } from "../_assert.ts";
import { waitUntil } from "../_runtime.ts";
import { listening, skipListening } from "../runtime/_starters.ts";
import { PhpFpm, skipPhp } from "./_php_fpm.ts";
import type { HttpRequest } from "./_http_client.ts";
import { SETUPS } from "./_servers.ts";
import type { Site } from "./_site.ts";
import { type Case, type Cases, httpServer, skipping, type Trouble } from "./_trouble.ts";
import { skipReason } from "./_web_server.ts";

const skip = await skipReason(SETUPS.nginx.server);
const isRoot = process.getuid?.() === 0;

const location = (inside = "", pass = "fastcgi_pass unix:/run/app/fcgi.sock;") =>
  `location / { include /etc/nginx/fastcgi_params; ${inside} ${pass} }`;
const TCP = "fastcgi_pass 127.0.0.1:9000;";
const UPLOAD = { method: "POST", body: new Uint8Array(2_000_000) };

/** The application is not there, and then it is. */
const absent =
  (configuration: string, options?: (port: number) => object) => async (t: Trouble) => {
    const site = await t.nginx(configuration);
    await t.sees(site, 502);
    await t.app(site, options?.(t.port));
    await t.works(site);
  };

const NGINX: Record<string, Case["run"]> = {
  "connect() to unix:/run/app/fcgi.sock failed (2: No such file or directory)": absent(location()),
  "connect() failed (111: Connection refused)": absent(location("", TCP), (port) => ({ port })),
  "connect() to unix:/run/app/fcgi.sock failed (111: Connection refused)": async (t) => {
    const site = await t.nginx(location());
    const app = await t.app(site);
    app.kill("SIGKILL");
    await app.exit;
    await t.sees(site, 502);
    await t.app(site);
    await t.works(site);
  },
  "connect() to unix:/run/app/fcgi.sock failed (13: Permission denied)": async (t) => {
    const site = await t.nginx(location(), { user: "www-data" });
    // As for root's application nginx is for one of any user's: somebody else.
    const app = await t.app(site, { path: "fcgi.sock", mode: isRoot ? 0o600 : 0 });
    await t.sees(site, 502);
    await app[Symbol.asyncDispose]();
    const [, mode, group] = /mode: (\d\w+), group: "([\w-]+)"/.exec(t.cure)!;
    await t.app(site, { path: "fcgi.sock", mode: Number(mode), ...isRoot ? { group } : {} });
    await t.works(site);
  },
  "recv() failed (104: Connection reset by peer)": async (t) => {
    const site = await t.nginx(location("", TCP));
    const app = await t.app(site, { port: t.port, webServerAddrs: ["10.0.0.5"] });
    await t.sees(site, 502);
    await app[Symbol.asyncDispose]();
    await t.app(site, { port: t.port, ...JSON.parse(`{${t.cure.replace(/^\w+/, '"$&"')}}`) });
    await t.works(site);
  },
  "upstream sent too big header": (t) => cured(t, 502, "/cookies"),
  "upstream sent unsupported FastCGI protocol version: 72": async (t) => {
    t.use(await httpServer(t.port));
    await t.sees(await t.nginx(location("", TCP)), 502);
    await t.works(await t.nginx(location("", t.cure)));
  },
  "upstream prematurely closed connection while reading response header from upstream": async (
    t,
  ) => {
    const ended = await t.nginx(location());
    const app = await t.app(ended);
    await t.sees(ended, 502, "/exit");
    assertEquals((await app.exit).code, 1);
    // Of HTTP there is nothing to see in what nginx says.
    t.seen = "";
    const site = await t.nginx(
      `location /a/ { proxy_pass http://unix:/run/app/fcgi.sock; } ${location("", t.cure)}`,
    );
    await t.app(site);
    await t.sees(site, 502, "/a/");
    await t.works(site);
  },
  "upstream timed out (110: Connection timed out)": async (t) => {
    const params = "include /etc/nginx/fastcgi_params;";
    const pass = `${params} fastcgi_pass unix:/run/app/fcgi.sock;`;
    const held = `${params} fastcgi_pass unix:/run/app/held.sock;`;
    const site = await t.nginx(
      `location /a/ { fastcgi_read_timeout 1s; ${pass} }
      location /held/ { fastcgi_read_timeout 1s; ${held} }
      location / { ${t.cure} ${pass} }`,
    );
    const app = await t.app(site);
    const answer = site.get("/slow");
    await app.waitForLine("stderr", /^slow$/);
    // A socket that is there, and nobody who takes what comes: as systemd's is without its service.
    const socket = join(site.directory, "held.sock");
    if (!skipListening) {
      const [command = "", ...args] = listening({ path: socket });
      await site.run(command, [...args, "/bin/sleep", "60"]);
      await waitUntil(() => stat(socket).then(() => true, () => false), { what: socket });
    }
    const nobody = site.get("/held/");
    await t.sees(site, 504, "/a/slow");
    if (!skipListening) assertEquals((await nobody).status, 504);
    await site.get("/go");
    assertEquals((await answer).status, 200);
  },
  "no live upstreams": async (t) => {
    const upstream = (more: string) =>
      `upstream app { server unix:/run/app/a.sock ${more}; server unix:/run/app/b.sock ${more}; }`;
    const pass = location("", "fastcgi_pass app;");
    await t.sees(await t.nginx(pass, { http: upstream("") }), 502);
    const cured = await t.nginx(pass, { http: upstream(t.cure) });
    assertEquals((await cured.get("/")).status, 502);
    await t.app(cured, { path: "b.sock", mode: 0o666 });
    await t.works(cured);
  },
  "client intended to send too large body": (t) => cured(t, 413, "/upload", UPLOAD),
  'open() "/srv/www/hello" failed (2: No such file or directory)': async (t) => {
    const root = "root /srv/www;";
    await t.sees(await t.nginx(root), 404, "/hello");
    const cured = await t.nginx(
      `${root} location / { ${t.cure} } ${location().replace("location /", "location @app")}`,
    );
    await t.app(cured);
    await t.works(cured, "/hello");
  },
  "An empty page with the status 400, behind nginx": async (t) => {
    const pass = "fastcgi_pass unix:/run/app/fcgi.sock;";
    const include = t.cure.replace("fastcgi_params", "/etc/nginx/fastcgi_params");
    const site = await t.nginx(`location /a/ { ${pass} } location / { ${include} ${pass} }`);
    await t.app(site);
    assertEquals((await t.sees(site, 400, "/a/")).text, "");
    await t.works(site);
  },
  "Redirects lead to an address without the port": async (t) => {
    const site = await asItIsAndCured(t);
    const host = `localhost:${site.port}`;
    assertEquals(await t.works(site, "/a/", { host }), "GET http://localhost/a/\n");
    assertEquals(await t.works(site, "/", { host }), `GET http://${host}/\n`);
  },
  "The URL is http, and the browser says https": async (t) => {
    const site = await asItIsAndCured(t);
    const host = "localhost";
    assertEquals(await t.works(site, "/a/", { host }), "GET http://localhost/a/\n");
    assertEquals(await t.works(site, "/", { host }), "GET https://localhost/\n");
  },
};

/** nginx as it is in `/a/`, and with the cure elsewhere, in front of the application. */
async function asItIsAndCured(t: Trouble): Promise<Site> {
  const site = await t.nginx(
    `${location().replace("location /", "location /a/")} ${location(t.cure)}`,
  );
  await t.app(site);
  return site;
}

/** A request that fails without the cure, and succeeds with it. */
async function cured(
  t: Trouble,
  status: number,
  target: string,
  request: HttpRequest = {},
): Promise<void> {
  const site = await asItIsAndCured(t);
  await t.sees(site, status, `/a${target}`, request);
  await t.works(site, target, request);
}

const PHP: Record<string, Case["run"]> = {
  "Primary script unknown": async (t) => {
    const php = t.use(await PhpFpm.start());
    await writeFile(join(php.root, "hello.php"), "<?php echo 'Hello';");
    const pass = (script: string) =>
      `location / { include /etc/nginx/fastcgi_params; ${script} fastcgi_pass unix:${php.socket}; }`;
    const wrong = "fastcgi_param SCRIPT_FILENAME /var/nowhere$fastcgi_script_name;";
    await t.sees(await t.nginx(pass(wrong)), 404, "/hello.php");
    const cured = await t.nginx(pass(t.cure.replace("/srv/www", php.root)));
    assertEquals(await t.works(cured, "/hello.php"), "Hello");
  },
  "security.limit_extensions": async (t) => {
    const php = t.use(await PhpFpm.start());
    const site = (where: string) =>
      t.nginx(
        `root ${php.root};
        ${where} { include /etc/nginx/fastcgi.conf; fastcgi_pass unix:${php.socket}; }`,
      );
    await t.sees(await site("location /"), 403, "/style.css");
    const cured = await site(t.cure);
    assert((await t.works(cured, "/style.css")).includes("{"));
    await t.works(cured, "/index.php");
  },
};

export const NGINX_CASES: Cases = {
  ...skipping(NGINX, skip),
  ...skipping(PHP, skip || skipPhp),
};
