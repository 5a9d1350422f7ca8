/**
 * The four set-ups of flup's guide. Those that have a configuration there are word for word as
 * `tests/fixtures/flup-guide/` quotes them, but for the script's name, which has to end in .ts, and
 * the directories, which are the test's own; and but for a pair of parentheses: lighttpd (1.4.69)
 * refuses its block as it is printed.
 *
 * Of Apache it says that the script alone "is enough for Apache to work": without a socket, and
 * without a configuration.
 */
import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { which } from "../_runtime.ts";
import { configurationOf } from "../load/_nginx.ts";
import { apacheCommand } from "./_apache.ts";
import { shebang, writeExecutable } from "./_apps.ts";
import { SETUPS } from "./_servers.ts";
import { FCGID_SITE, Site } from "./_site.ts";
import { skipReason } from "./_web_server.ts";

const MODULE = new URL("../../mod.ts", import.meta.url).href;
const skipLighttpd = await skipReason(SETUPS.lighttpd.server);
const skipNginx = await skipReason(SETUPS.nginx.server);
const skipFcgid = await skipReason(SETUPS.fcgid.server);

describe("flup's guide", { timeout: 20_000 }, () => {
  it("Apache, with the script alone", { skip: skipFcgid }, async () => {
    await using site = await makeSite({ hasSocket: false });
    await site.start(
      await apacheCommand("site.conf"),
      `${FCGID_SITE}
      Listen 127.0.0.1:${site.port}
      DocumentRoot "${site.directory}"
      AddHandler fcgid-script .fcgi
      Options +ExecCGI`,
    );
    assertEquals(await get(site, "/yourapplication.fcgi.ts/a%20b?c=%2F"), {
      url: "http://example.org/yourapplication.fcgi.ts/a%20b?c=%2F",
      scriptName: "/yourapplication.fcgi.ts",
      pathInfo: "/a b",
    });
  });

  it(
    "lighttpd starts the script, which names the same socket",
    { skip: skipLighttpd },
    async () => {
      await using site = await makeSite();
      const block = withParentheses(await quote(site, "lighttpd.conf"));
      await site.start(
        [(await which("lighttpd"))!, "-D", "-f", "site.conf"],
        `
      server.modules = ( "mod_fastcgi" )
      server.bind = "127.0.0.1"
      server.port = ${site.port}
      server.document-root = "${site.directory}"
      server.errorlog = "${site.directory}/error.log"
      server.breakagelog = "${site.directory}/breakage.log"
      ${block}`,
      );
      assertEquals(await get(site, "/yourapplication/x"), {
        url: "http://example.org/yourapplication/x",
        scriptName: "/yourapplication",
        pathInfo: "/x",
      });
      // lighttpd starts four of them, and asks each in turn: whichever it is, it answers.
      const answers = await Promise.all(
        Array.from({ length: 40 }, () => get(site, "/yourapplication/")),
      );
      assertEquals(new Set(answers.map(({ pathInfo }) => pathInfo)), new Set(["/"]));
    },
  );

  for (
    const [what, file, scriptName, pathInfo] of [
      ["mounted at /yourapplication", "nginx-mounted.conf", "/yourapplication", "/a b"],
      ["at the root", "nginx-root.conf", "", "/yourapplication/a b"],
    ] as const
  ) {
    it(`nginx, ${what}`, { skip: skipNginx }, async () => {
      await using site = await makeSite();
      const block = await quote(site, file);
      await copyFile("/etc/nginx/fastcgi_params", join(site.directory, "fastcgi_params"));
      // "you have to do it by yourself", says the guide of starting the script.
      const application = await site.run(join(site.directory, "yourapplication.fcgi.ts"), []);
      await application.waitForLine(
        "stderr",
        /^Serving FastCGI on .*yourapplication-fcgi\.sock \(mode /,
      );
      const asRoot = process.getuid?.() === 0 ? ["-g", "user root;"] : [];
      await site.start(
        [(await which("nginx"))!, "-p", ".", "-e", "error.log", "-c", "site.conf", ...asRoot],
        configurationOf(`
          server {
            listen 127.0.0.1:${site.port};
            ${block}
          }
        `),
      );
      const url = "http://example.org/yourapplication/a%20b?c=%2F";
      assertEquals(await get(site, "/yourapplication/a%20b?c=%2F"), { url, scriptName, pathInfo });
    });
  }
});

/**
 * A mount point has a list of applications in lighttpd, which the guide has only one pair of
 * parentheses for.
 */
function withParentheses(block: string): string {
  const repaired = block.replace(/=>\s*"yourapplication" => \(/, '=> ( "yourapplication" => (')
    .replace(/\)\s*\)\s*$/, ")))\n");
  assertEquals(repaired.split("(").length, repaired.split(")").length);
  return repaired;
}

/** A directory with the guide's script. `hasSocket`: whether it says where to listen. */
async function makeSite({ hasSocket = true } = {}): Promise<Site> {
  const site = await Site.make();
  const socket = join(site.directory, "yourapplication-fcgi.sock");
  const options = hasSocket ? `{ path: ${JSON.stringify(socket)} }, ` : "";
  const flags = ["--allow-net", `--allow-read=${socket}`, `--allow-write=${socket}`];
  await writeExecutable(
    join(site.directory, "yourapplication.fcgi.ts"),
    `${shebang(flags)}
import { serve } from ${JSON.stringify(MODULE)};
serve(${options}({ url }, { scriptName, pathInfo }) => {
  return Response.json({ url, scriptName, pathInfo });
});
`,
  );
  return site;
}

/** A block of the guide, in the site's directory instead of the guide's. */
async function quote({ directory }: Site, file: string): Promise<string> {
  const text = await readFile(
    new URL(`../fixtures/flup-guide/${file}`, import.meta.url),
    "utf8",
  );
  return text.replaceAll(/\/tmp|\/var\/www\/yourapplication(?=\/)/g, directory)
    .replaceAll("yourapplication.fcgi", "yourapplication.fcgi.ts");
}

async function get(
  site: Site,
  target: string,
): Promise<{ url: string; scriptName: string; pathInfo: string }> {
  const answer = await site.get(target);
  assertEquals(answer.status, 200, answer.text);
  return JSON.parse(answer.text);
}
