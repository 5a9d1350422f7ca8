/**
 * A script in a folder of a site, as on shared hosting: copied there, with what makes every URL
 * below the folder its own, and told nothing of its path.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { which } from "../_runtime.ts";
import { apacheCommand } from "./_apache.ts";
import { shebang, writeExecutable } from "./_apps.ts";
import { SERVERS } from "./_cgi_server.ts";
import { http } from "./_http_client.ts";
import { SETUPS } from "./_servers.ts";
import { apacheBasics, Site } from "./_site.ts";
import { skipReason } from "./_web_server.ts";

const MODULE = new URL("../../mod.ts", import.meta.url).href;
const skipLighttpd = await skipReason(SETUPS.lighttpd.server);
/** The extension that makes a file a script, with what has to be installed. */
const KINDS = [
  ["mod_fcgid", "fcgi", await skipReason(SETUPS.fcgid.server)],
  ["mod_cgid", "cgi", await skipReason(SERVERS["Apache mod_cgid"])],
] as const;

/** What makes the script answer for the whole folder. */
const HTACCESS: Record<string, (script: string) => string> = {
  "rule": (script) =>
    `RewriteEngine On
    RewriteCond %{REQUEST_FILENAME} !-f
    RewriteRule ^(.*)$ ${script}/$1 [E=HTTP_AUTHORIZATION:%{HTTP:Authorization},QSA,L]`,
  "bare rule": (script) =>
    `RewriteEngine On
    RewriteCond %{REQUEST_FILENAME} !-f
    RewriteRule ^ ${script} [E=HTTP_AUTHORIZATION:%{HTTP:Authorization},L]`,
  "two rules": (script) =>
    `RewriteEngine On
    RewriteCond %{REQUEST_FILENAME} !-f
    RewriteRule ^(?!again/)(.*)$ again/$1 [E=HTTP_AUTHORIZATION:%{HTTP:Authorization},L]
    RewriteRule ^again/(.*)$ ${script}/$1 [L]`,
  "FallbackResource": (script) =>
    `FallbackResource /sub/deep/${script}
    SetEnvIf Authorization "(.*)" HTTP_AUTHORIZATION=$1`,
};

async function writeScript(file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeExecutable(
    file,
    `${shebang(["--allow-all"])}
import { serve } from ${JSON.stringify(MODULE)};
serve((request, { scriptName, pathInfo }) => {
  const authorization = request.headers.get("authorization");
  return Response.json({ url: request.url, scriptName, pathInfo, authorization });
});
`,
  );
}

/** What the handler sees of a GET, without the host. */
async function seen(site: Site, target: string, headers: [string, string][] = []) {
  const answer = await http(site.port, { target, headers });
  assertEquals(answer.status, 200, `${target}: ${answer.text}`);
  const { url, scriptName, pathInfo, authorization } = JSON.parse(answer.text);
  return [url.replace("http://example.org", ""), scriptName, pathInfo, authorization];
}

const AUTHORIZATION: [string, string] = ["Authorization", "Basic dXNlcjpwYXNz"];

describe("a script in a folder", { timeout: 60_000 }, () => {
  for (const [module, extension, skip] of KINDS) {
    for (const [name, htaccess] of Object.entries(HTACCESS)) {
      it(`of Apache, ${module}, ${name}`, { skip }, async () => {
        await using site = await Site.make();
        const script = `app.${extension}.ts`;
        const folder = join(site.directory, "sub", "deep");
        await writeScript(join(folder, script));
        await writeFile(join(folder, ".htaccess"), htaccess(script));
        await site.start(
          await apacheCommand("site.conf"),
          `${apacheBasics(site, ["dir", "rewrite", "setenvif", "fcgid", "cgid"])}
          ScriptSock cgid.sock
          AddHandler fcgid-script .fcgi
          AddHandler cgi-script .cgi
          Options +ExecCGI +FollowSymLinks
          <Directory "${site.directory}">
            AllowOverride All
          </Directory>`,
        );
        const target = "/sub/deep/a%20b/c?d=/e";
        assertEquals(await seen(site, target), [target, "/sub/deep", "/a b/c", null]);
        assertEquals(await seen(site, "/sub/deep/"), ["/sub/deep/", "/sub/deep", "/", null]);
        const [, , , authorization] = await seen(site, "/sub/deep/x", [AUTHORIZATION]);
        assertEquals(authorization, AUTHORIZATION[1]);
        // Called by its name.
        const file = `/sub/deep/${script}`;
        assertEquals(await seen(site, file), [file, file, "", null]);
        // A process for each request takes its time.
        if (extension === "cgi") return;
        assertEquals(await seen(site, `${file}/x`), [`${file}/x`, file, "/x", null]);
        // No client's header becomes what the rule says.
        const forged = ["REDIRECT_HTTP_AUTHORIZATION", "Redirect-Http-Authorization"];
        const [, , , none] = await seen(site, "/sub/deep/x", forged.map((n) => [n, "Basic Zg=="]));
        assertEquals(none, null);
      });
    }
  }

  const rules: [name: string, from: string, to: string][] = [
    ["with the path", "^/sub/deep/(.*)$", "/sub/deep/app.fcgi.ts/$1"],
    ["without the path", "^/sub/deep/([^?]*)(?:\\\\?(.*))?$", "/sub/deep/app.fcgi.ts?$2"],
  ];
  for (const [name, from, to] of rules) {
    it(`of lighttpd, url.rewrite-if-not-file ${name}`, { skip: skipLighttpd }, async () => {
      await using site = await Site.make();
      const script = join(site.directory, "sub", "deep", "app.fcgi.ts");
      await writeScript(script);
      await site.start(
        [(await which("lighttpd"))!, "-D", "-f", "site.conf"],
        `
        server.modules = ( "mod_rewrite", "mod_fastcgi" )
        server.bind = "127.0.0.1"
        server.port = ${site.port}
        server.document-root = "${site.directory}"
        server.errorlog = "${site.directory}/error.log"
        server.breakagelog = "${site.directory}/breakage.log"
        fastcgi.server = ( ".fcgi.ts" => ((
          "socket" => "${site.directory}/app.sock", "bin-path" => "${script}", "max-procs" => 1
        )))
        url.rewrite-if-not-file = ( "${from}" => "${to}" )`,
      );
      const target = "/sub/deep/a%20b/c?d=/e";
      assertEquals(await seen(site, target), [target, "/sub/deep", "/a b/c", null]);
      assertEquals(await seen(site, "/sub/deep/"), ["/sub/deep/", "/sub/deep", "/", null]);
      const file = "/sub/deep/app.fcgi.ts";
      assertEquals(await seen(site, file), [file, file, "", null]);
    });
  }
});
