/**
 * `examples/shared-hosting/site/.htaccess` as it is: a site on shared hosting with mod_fcgid, with
 * nothing but `.htaccess`.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assertEquals, assertStringIncludes } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { runtime } from "../_runtime.ts";
import { apacheCommand } from "./_apache.ts";
import { shebang, writeExecutable } from "./_apps.ts";
import { SETUPS } from "./_servers.ts";
import { FCGID_SITE, Site } from "./_site.ts";
import { skipReason } from "./_web_server.ts";

const MODULE = new URL("../../mod.ts", import.meta.url).href;
const HTACCESS = await readFile(
  new URL("../../examples/shared-hosting/site/.htaccess", import.meta.url),
  "utf8",
);
const skip = await skipReason(SETUPS.fcgid.server);

const JAVASCRIPT = `
import { serve } from ${JSON.stringify(MODULE)};
serve(async (request, { scriptName, pathInfo }) =>
  Response.json({
    url: request.url,
    authorization: request.headers.get("authorization"),
    body: await request.text(),
    scriptName,
    pathInfo,
  })
);
`;
const TYPESCRIPT = `${JAVASCRIPT}export type Name = string;\n`;

const ADA: [string, string][] = [["Authorization", "Bearer ada"]];

/** Apache with the file in its document root, and the script. */
async function startSite(script = "app.fcgi.mjs", htaccess = HTACCESS): Promise<Site> {
  const site = await Site.make();
  const root = join(site.directory, "www");
  await mkdir(root);
  await writeFile(join(root, ".htaccess"), htaccess);
  await writeFile(join(root, "plan.txt"), "Our plan\n");
  const text = script.endsWith(".ts") ? TYPESCRIPT : JAVASCRIPT;
  await writeExecutable(join(root, script), `${shebang()}${text}`);
  try {
    await site.start(
      await apacheCommand("site.conf"),
      `${FCGID_SITE}
      Listen 127.0.0.1:${site.port}
      DocumentRoot "${root}"
      <Directory "${root}">
        AllowOverride All
      </Directory>`,
    );
  } catch (error) {
    await site[Symbol.asyncDispose]();
    throw error;
  }
  return site;
}

describe("examples/shared-hosting/site/.htaccess", { skip, timeout: 30_000 }, () => {
  it("gives files to Apache and all else to the application, with the Authorization", async () => {
    await using site = await startSite();
    assertEquals((await site.get("/plan.txt")).text, "Our plan\n");
    for (const target of ["/", "/a%20b/c?d=%2F", "/plan"]) {
      const { status, text } = await site.get(target, {
        method: "POST",
        headers: ADA,
        body: new TextEncoder().encode("name=ada"),
      });
      assertEquals(status, 200, text);
      assertEquals(JSON.parse(text), {
        url: `http://example.org${target}`,
        authorization: "Bearer ada",
        body: "name=ada",
        scriptName: "",
        pathInfo: decodeURIComponent(target.replace(/\?.*/, "")),
      });
    }
  });

  it("takes app.fcgi.ts as well as app.fcgi.mjs", async () => {
    await using site = await startSite(
      "app.fcgi.ts",
      HTACCESS.replace(/app\.fcgi\.mjs \[L\]/, "app.fcgi.ts [L]"),
    );
    const { status, text } = await site.get("/a");
    assertEquals([status, JSON.parse(text).url], [200, "http://example.org/a"]);
  });

  it("has CGIPassAuth for the Authorization", async () => {
    await using site = await startSite(undefined, HTACCESS.replace(/^CGIPassAuth On$/m, ""));
    assertEquals(JSON.parse((await site.get("/", { headers: ADA })).text).authorization, null);
  });

  it("may not have FcgidPassHeader: every page and file would be a 500", async () => {
    await using site = await startSite(
      undefined,
      HTACCESS.replace(/^CGIPassAuth On$/m, "FcgidPassHeader Authorization"),
    );
    assertEquals((await site.get("/")).status, 500);
    assertEquals((await site.get("/plan.txt")).status, 500);
    assertStringIncludes(await site.errorLog(), "FcgidPassHeader not allowed here");
  });
});

describe("a script named app.fcgi", { timeout: 30_000 }, () => {
  /** Runs the script by its name alone, and resolves with the line that says how that went. */
  async function start(text: string): Promise<string> {
    await using site = await Site.make();
    const file = join(site.directory, "app.fcgi");
    await writeExecutable(
      file,
      `${shebang()}${text.replace("serve(async", "serve({ port: 0 }, async")}`,
    );
    const program = await site.run(file, []);
    const [line] = await program.waitForLine("stderr", /^Serving FastCGI on|^.*Error\b.*/);
    return line;
  }

  it("starts as JavaScript on Deno and Bun, and never on Node", async () => {
    const outcome = await start(JAVASCRIPT);
    if (runtime === "node") assertStringIncludes(outcome, "ERR_UNKNOWN_FILE_EXTENSION");
    else assertEquals(outcome, "Serving FastCGI on");
  });

  it("starts as TypeScript on Bun only", async () => {
    const outcome = await start(TYPESCRIPT);
    if (runtime === "node") assertStringIncludes(outcome, "ERR_UNKNOWN_FILE_EXTENSION");
    else if (runtime === "deno") assertStringIncludes(outcome, "SyntaxError");
    else assertEquals(outcome, "Serving FastCGI on");
  });
});
