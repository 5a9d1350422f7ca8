/**
 * `examples/shared-hosting/` as a new user has it: the page's own commands, a folder copied below a
 * document root by `cp`, and a real Apache under another user, who knows nothing but
 * `AllowOverride All`.
 */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { runtime } from "../_runtime.ts";
import { SERVERS } from "./_cgi_server.ts";
import { SETUPS } from "./_servers.ts";
import { BUNDLERS, CAUSES, findRuntime, SharedHost, SHEBANGS, shown } from "./_shared_host.ts";
import { skipReason } from "./_web_server.ts";

const skipFcgid = await skipReason(SETUPS.fcgid.server);
const skipCgi = await skipReason(SERVERS["Apache mod_cgid"]);

const made = await Promise.all(BUNDLERS.map(async (bundler) => {
  const program = await findRuntime(bundler.command);
  return { ...bundler, program, missing: program === null && `${bundler.command} is not here` };
}));
/** The bundler for tests of something else: any that is here. */
const some = made.find(({ program }) => program !== null)!;
const skip = skipFcgid || some === undefined && "Neither deno nor bun is here, to bundle";

/** A host with the site of the example, in a folder of the document root. */
async function upload(
  { bundler = some, folder = "hello" } = {},
): Promise<SharedHost> {
  const host = await SharedHost.make();
  await host.sh(bundler.line, host.project, bundler.program!);
  await host.sh(shown("chmod +x site/app.fcgi.mjs"));
  await host.copy(folder);
  return host;
}

describe("examples/shared-hosting, a folder below a document root", { timeout: 40_000 }, () => {
  it("app.ts begins as the page says", async () => {
    const app = await readFile(
      new URL("../../examples/shared-hosting/app.ts", import.meta.url),
      "utf8",
    );
    assertEquals(app.split("\n")[0], SHEBANGS.deno);
  });

  for (const bundler of made) {
    it(`works, as one file of ${bundler.line}`, { skip: skip || bundler.missing }, async () => {
      await using host = await upload({ bundler });
      // It needs nothing but itself.
      await host.sh(`rm -r ${host.project}`, host.home);
      await host.start();
      const page = await host.site.get("/hello/");
      assertEquals(page.status, 200, page.text + await host.site.errorLog());
      assertStringIncludes(page.text, `href="/hello/style.css">\n<p>Hello from /hello/\n`);
      const style = await host.site.get("/hello/style.css");
      assertEquals([style.status, style.all("content-type")], [200, ["text/css"]]);
      const none = await host.site.get("/hello/a%20b?c=%2F");
      assertEquals([none.status, none.text], [404, "There is no /hello/a%20b\n"]);
      // Without the slash: Apache's own redirect, for it is a directory.
      const { status, all } = await host.site.get("/hello");
      assertEquals([status, all("location")], [301, ["http://example.org/hello/"]]);
    });
  }

  it("is mounted at the document root, and at a folder in a folder", { skip }, async () => {
    for (const folder of ["", "a/b"]) {
      await using host = await upload({ folder });
      await host.start();
      const { text } = await host.site.get(folder === "" ? "/" : `/${folder}/`);
      const at = folder === "" ? "" : `/${folder}`;
      assertStringIncludes(text, `href="${at}/style.css">\n<p>Hello from ${at}/\n`);
    }
  });

  it(
    "is plain CGI with the other .htaccess, and takes larger uploads",
    { skip: skipCgi },
    async () => {
      await using host = await upload();
      await host.sh(`cp cgi.htaccess ${join(host.documentRoot, "hello/.htaccess")}`);
      await host.start("cgid");
      const { status, text } = await host.site.get("/hello/");
      assertEquals(status, 200, text + await host.site.errorLog());
      assertStringIncludes(text, "Hello from /hello/");
      const body = new Uint8Array(1_000_000);
      assertEquals(
        (await host.site.get("/hello/", { method: "POST", body })).text,
        "Took 1000000 bytes\n",
      );
      assertEquals((await host.site.get("/hello/style.css")).status, 200);
    },
  );

  it("takes uploads up to 128 kB, and no larger ones", { skip }, async () => {
    await using host = await upload();
    await host.start();
    const post = (size: number) =>
      host.site.get("/hello/", { method: "POST", body: new Uint8Array(size) });
    assertEquals((await post(128 * 1024)).text, `Took ${128 * 1024} bytes\n`);
    assertEquals((await post(128 * 1024 + 8192)).status, 500);
    assertMatch(
      await host.site.errorLog(),
      /HTTP request length \d+ \(so far\) exceeds MaxRequestLen \(131072\)/,
    );
    // What the host's configuration can raise, .htaccess cannot.
    await host.sh(
      `echo 'FcgidMaxRequestLen 1000000' >> ${join(host.documentRoot, "hello/.htaccess")}`,
    );
    assertEquals((await host.site.get("/hello/style.css")).status, 500);
    assertStringIncludes(await host.site.errorLog(), "FcgidMaxRequestLen not allowed here");
  });
});

describe("examples/shared-hosting, a new version", { skip, timeout: 40_000 }, () => {
  it("is taken up by a rename without a lost request, and not in place", async () => {
    await using host = await upload();
    await host.start();
    const folder = join(host.documentRoot, "hello");
    const greeting = async () => {
      const { status, text } = await host.site.get("/hello/");
      assertEquals(status, 200, text);
      return /<p>(.*) from/.exec(text)?.[1];
    };
    assertEquals(await greeting(), "Hello");
    // As an editor does that keeps the file; and by `touch`.
    const before = await stat(join(folder, "app.fcgi.mjs"));
    await host.sh(
      "sed 's/Hello from/Second from/' app.fcgi.mjs > new.mjs && cat new.mjs > app.fcgi.mjs",
      folder,
    );
    await host.sh("touch -d '+1 hour' app.fcgi.mjs", folder);
    assertEquals((await stat(join(folder, "app.fcgi.mjs"))).ino, before.ino);
    for (let i = 0; i < 20; i++) assertEquals(await greeting(), "Hello");

    await host.sh(
      "sed 's/Second from/Third from/' app.fcgi.mjs > new.mjs && chmod +x new.mjs",
      folder,
    );
    let isOver = false;
    const seen = new Set<string | undefined>();
    let requests = 0;
    const lane = async () => {
      for (; !isOver; requests++) {
        const now = await greeting();
        seen.add(now);
        // What has taken a new one up does not go back.
        if (now === "Third") isOver = true;
      }
    };
    const lanes = Promise.all([lane(), lane(), lane(), lane()]);
    await host.sh(shown("cp -p new.mjs app.fcgi.new && mv app.fcgi.new app.fcgi.mjs"), folder);
    await lanes;
    for (let i = 0; i < 20; i++) assertEquals(await greeting(), "Third");
    assert(seen.has("Third") && requests > 3, [...seen].join());
  });
});

describe(
  "examples/shared-hosting, code outside the document root",
  { skip, timeout: 40_000 },
  () => {
    it("has a stub inside, which is all that is shown without .htaccess", async () => {
      await using host = await SharedHost.make();
      await host.sh(some.line.replace("site/app.fcgi.mjs", "app.mjs"), host.project, some.program!);
      await host.sh(shown("{ head -n 1 app.ts;").replace("/home/me", host.home));
      await host.sh(shown("chmod +x site/app.fcgi.mjs"));
      await host.copy("hello");
      await host.start();
      const { status, text } = await host.site.get("/hello/");
      assertEquals(status, 200, text + await host.site.errorLog());
      assertStringIncludes(text, "Hello from /hello/");
      await host.sh("rm hello/.htaccess", host.documentRoot);
      const source = await host.site.get("/hello/app.fcgi.mjs");
      assertEquals(source.status, 200);
      assertMatch(source.text, /^#!.*\nimport ".*\/app\.mjs";\n$/);
    });

    it("would be shown, were it inside", async () => {
      await using host = await upload();
      await host.sh("rm hello/.htaccess", host.documentRoot);
      await host.start();
      const { text } = await host.site.get("/hello/app.fcgi.mjs");
      assertStringIncludes(text, "Hello from ${pathname}");
    });
  },
);

describe("examples/shared-hosting, End of script output", { skip, timeout: 40_000 }, () => {
  /** What spoils the first version, in the order of the page's table. */
  const causes: [name: string, spoil: string][] = [
    ["no chmod +x", "chmod -x app.fcgi.mjs"],
    ["no runtime on PATH", `sed -i '1s|.*|#!/usr/bin/env ${runtime}|' app.fcgi.mjs`],
    ["no env -S", `sed -i '1s|.*|#!/usr/bin/env ${runtime} run --allow-net|' app.fcgi.mjs`],
  ];

  it("has as many causes as the page", () => assertEquals(CAUSES.length, causes.length));

  for (const [index, [name, spoil]] of causes.entries()) {
    it(`${name}, and what the page says of the log`, async () => {
      await using host = await upload();
      const folder = join(host.documentRoot, "hello");
      await host.sh(`cp -p app.fcgi.mjs good && ${spoil}`, folder);
      // Node may be in /usr/bin.
      await host.start("fcgid", "/nowhere");
      assertEquals((await host.site.get("/hello/")).status, 500);
      const log = await host.site.errorLog();
      assertStringIncludes(log, "End of script output before headers: app.fcgi.mjs");
      assertStringIncludes(log, CAUSES[index]!.replace("'deno", `'${runtime}`));
      assertEquals(log.includes("/usr/bin/env: "), index > 0, log);
      // The cure, as a new file.
      await host.sh("mv good app.fcgi.mjs", folder);
      assertEquals((await host.site.get("/hello/")).status, 200, await host.site.errorLog());
    });
  }

  it("says which path leads nowhere", async () => {
    await using host = await upload();
    await host.sh("mv .deno gone || mv .bun gone || mv node gone", host.home);
    await host.start();
    assertEquals((await host.site.get("/hello/")).status, 500);
    const path = /\/home\/me\/\S+\/bin\/\w+/.exec(SHEBANGS[runtime])![0];
    const line = `/usr/bin/env: '${
      path.replace("/home/me", host.home)
    }': No such file or directory`;
    assertStringIncludes(await host.site.errorLog(), line);
  });

  it("says more where it is CGI", { skip: skipCgi }, async () => {
    await using host = await upload();
    const folder = join(host.documentRoot, "hello");
    await host.sh(`chmod -x ${folder}/app.fcgi.mjs && cp cgi.htaccess ${folder}/.htaccess`);
    await host.start("cgid");
    assertEquals((await host.site.get("/hello/")).status, 500);
    assertMatch(await host.site.errorLog(), /Permission denied.*app\.fcgi\.mjs/);
  });
});
