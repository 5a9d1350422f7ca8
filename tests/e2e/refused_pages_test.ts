/**
 * What nginx's `auth_request` is an example of (auth_request_test.ts), on the other servers: they
 * ask for a path that is not the browser's, with the REQUEST_URI of the browser.
 */
import { chmod, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { assert, assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { which } from "../_runtime.ts";
import { apacheCommand } from "./_apache.ts";
import { http } from "./_http_client.ts";
import { askThrough, cookie, startMembers } from "./_members.ts";
import { SETUPS } from "./_servers.ts";
import { APACHE_SITE, MODULES, Site } from "./_site.ts";
import { skipReason, startServer, type WebServer } from "./_web_server.ts";

const FORWARD_AUTH: WebServer = {
  ...SETUPS.caddy.server,
  configuration: "caddy/Caddyfile.forward_auth",
};
const PORT = 8224;
const UPLOAD = new Uint8Array(300_000);
const skipCaddy = await skipReason(FORWARD_AUTH);
const skipApache = await skipReason(SETUPS.apache.server);
const skipLighttpd = await skipReason(SETUPS.lighttpd.server);

describe("examples/caddy/Caddyfile.forward_auth", { skip: skipCaddy, timeout: 30_000 }, () => {
  it("refuses a stranger, and lets a cookie through with its upload", async () => {
    await using server = await startServer(FORWARD_AUTH);
    await using app = await startMembers(server.directory);
    for (const target of ["/members/plans", "//members/plans", "/x/../members/%70lans?/auth"]) {
      for (const method of ["GET", "POST", "DELETE"]) {
        const body = method === "POST" ? UPLOAD : undefined;
        const { answer, asked } = await askThrough(PORT, app, { target, method, body });
        assertEquals([target, answer.status], [target, 401]);
        assertEquals(asked.map(({ path, method }) => [path, method]), [["/auth", "GET"]]);
      }
    }
    const request = { target: "/members/a%2Fb?c", method: "POST", body: UPLOAD, ...cookie("ada") };
    const { answer, asked } = await askThrough(PORT, app, request);
    assertEquals([answer.status, asked.map(({ path }) => path)], [200, ["/auth", request.target]]);
    assertEquals(JSON.parse(answer.text).body, UPLOAD.length);
  });

  it("lets everybody in without its one line", async () => {
    const example = new URL(`../../examples/${FORWARD_AUTH.configuration}`, import.meta.url);
    const text = await readFile(example, "utf8");
    await using site = await Site.make();
    await using _app = await startMembers(site.directory);
    const changed = text.replace(/^\s*env REQUEST_URI \/auth$/m, "");
    assert(changed !== text);
    await site.start(
      [(await which("caddy"))!, "run", "--config", "site.conf", "--adapter", "caddyfile"],
      changed.replaceAll(`:${PORT}`, `:${site.port}`),
    );
    const { status, text: page } = await http(site.port, { target: "/members/plans" });
    assertEquals([status, JSON.parse(page).path], [200, "/members/plans"]);
  });
});

// How the servers and FastCGI are: should one of these fail, the README's warning can go.
describe("a page of the application for a refusal", { timeout: 30_000 }, () => {
  it("is the refused page itself behind Apache's ErrorDocument", { skip: skipApache }, async () => {
    assertEquals(await refusedByApache(""), [200, "/members/plans"]);
  });

  it("is another with a REQUEST_URI of its own", { skip: skipApache }, async () => {
    const line = 'ProxyFCGISetEnvIf "true" REQUEST_URI "/login"';
    assertEquals(await refusedByApache(line), [200, "/login"]);
  });

  it("is the refused page itself behind lighttpd's error-handler", {
    skip: skipLighttpd,
  }, async () => {
    await using site = await Site.make();
    await using _app = await startMembers(site.directory);
    await site.start(
      [(await which("lighttpd"))!, "-D", "-f", "site.conf"],
      `
      server.modules = ("mod_access", "mod_fastcgi")
      server.bind = "127.0.0.1"
      server.port = ${site.port}
      server.document-root = "${site.directory}"
      server.errorlog = "${site.directory}/error.log"
      $HTTP["url"] =~ "^/members/" { url.access-deny = ("") }
      server.error-handler = "/login"
      fastcgi.server = ("/" => ((
        "socket" => "${site.directory}/fcgi.sock",
        "check-local" => "disable",
      )))`,
    );
    const { status, text } = await site.get("/members/plans");
    assertEquals([status, JSON.parse(text).path], [200, "/members/plans"]);
  });
});

/** What a stranger gets whom Apache refuses, and sends to the application's /login. */
async function refusedByApache(line: string): Promise<[status: number, path: string]> {
  await using site = await Site.make();
  await using _app = await startMembers(site.directory);
  await mkdir(join(site.directory, "www"));
  // Apache may be another user.
  await chmod(join(site.directory, "fcgi.sock"), 0o666);
  await site.start(
    await apacheCommand("site.conf"),
    `${APACHE_SITE}
    LoadModule proxy_module ${MODULES}/mod_proxy.so
    LoadModule proxy_fcgi_module ${MODULES}/mod_proxy_fcgi.so
    Listen 127.0.0.1:${site.port}
    DocumentRoot "${site.directory}/www"
    ErrorDocument 403 /login
    <Location "/members/">
      Require all denied
    </Location>
    <Location "/login">
      Require all granted
      ${line}
    </Location>
    ProxyPass "/" "unix:${site.directory}/fcgi.sock|fcgi://localhost/"`,
  );
  const { status, text } = await site.get("/members/plans");
  return [status, JSON.parse(text).path];
}
