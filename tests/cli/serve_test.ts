/** `fcgi serve`: programs of the command line, and what it says where nothing can be served. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { assertEquals, assertMatch, assertStringIncludes } from "../_assert.ts";
import { utf8 } from "../_bytes.ts";
import { describe, it } from "../_harness.ts";
import { runtime, spawnScript, tempDir } from "../_runtime.ts";
import { RawPeer } from "../runtime/_raw_peer.ts";
import { listening, skipListening } from "../runtime/_starters.ts";
import { FakeTerminal, fcgi } from "./_terminal.ts";

/** The command is installed with every permission. */
const ALL = { denoPermissions: ["-A"] };
const MAIN = new URL("../../src/cli/main.ts", import.meta.url);

/** What a module may export, and what comes of `/x` then. */
const MODULES: Record<string, [source: string, text: string]> = {
  "export default { fetch }": [
    `export default { fetch: (request: Request) => new Response(new URL(request.url).pathname) };`,
    "/x",
  ],
  "a default handler": [
    `export default (request: Request) => new Response(new URL(request.url).pathname);`,
    "/x",
  ],
  "an instance with a fetch method": [
    `class App { #text = "app"; fetch() { return new Response(this.#text); } }
    export default new App();`,
    "app",
  ],
  "a named fetch": [`export const fetch = () => new Response("named");`, "named"],
  "options beside fetch": [
    `export default { mount: "/", fetch: (_: Request, info: { scriptName: string }) =>
      new Response("mounted at " + info.scriptName) };`,
    "mounted at ",
  ],
};

describe("fcgi serve", () => {
  for (const [what, [source, text]] of Object.entries(MODULES)) {
    it(`serves ${what}`, async () => {
      await using directory = await tempDir();
      const path = join(directory.path, "fcgi.sock");
      const app = join(directory.path, "app.ts");
      await writeFile(app, source);
      const args = ["serve", app, "--socket", path, "--mode", "600"];
      await using program = await spawnScript(MAIN, args, ALL);
      await program.waitForLine("stderr", /^Serving FastCGI on .*fcgi\.sock \(mode 0600/);
      await using peer = await RawPeer.connect({ transport: "unix", path });
      assertEquals((await peer.fetch({ uri: "/x" })).text, text);
      program.kill("SIGTERM");
      assertEquals(await program.exit, { code: 0, signal: null });
    });
  }

  it("listens where its starter says, with the limits of the command line", {
    skip: skipListening,
  }, async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "fcgi.sock");
    const app = join(directory.path, "app.ts");
    await writeFile(
      app,
      `export default async (request: Request) => {
      return new Response(await request.text());
    };`,
    );
    const args = ["serve", app, "--max-body-bytes", "3"];
    await using program = await spawnScript(MAIN, args, { ...ALL, starter: listening({ path }) });
    await program.waitForLine("stderr", /^Serving FastCGI on .*descriptor 0/);
    for (const [body, status] of [["abc", 200], ["abcd", 413]] as const) {
      await using peer = await RawPeer.connect({ transport: "unix", path });
      const request = { method: "POST", body: utf8(body) };
      assertEquals((await peer.fetch(request)).status, status);
    }
  });

  it("says with exit code 3 why a module cannot be loaded", async () => {
    await using directory = await tempDir();
    for (
      const [source, message] of [
        [`throw new Error("no database");`, "no database"],
        [`export default {};`, "exports no application"],
        [`export const x = 1;`, "exports no application"],
      ] as const
    ) {
      const app = join(directory.path, `${message.length}${source.length}.ts`);
      await writeFile(app, source);
      await using program = await spawnScript(MAIN, ["serve", app, "-l", "0"], ALL);
      assertEquals((await program.exit).code, 3);
      assertStringIncludes(program.stderr.text, message);
      assertEquals(program.stdout.text, "");
    }
    for (const args of [["./none.ts"], ["none", "--workers", "2"]]) {
      await using program = await spawnScript(MAIN, ["serve", ...args, "-l", "0"], ALL);
      assertEquals((await program.exit).code, 3);
      assertMatch(program.stderr.text, /^fcgi serve: There is no file \/\S+\/none(\.ts)?\n$/);
    }
  });

  it("on Deno, names the way to the application's own import map", {
    skip: runtime !== "deno" && "is about Deno's import maps",
  }, async () => {
    await using directory = await tempDir();
    const app = join(directory.path, "app.ts");
    await writeFile(join(directory.path, "deno.json"), `{"imports":{"lib":"./lib.ts"}}`);
    await writeFile(join(directory.path, "lib.ts"), `export const text = "mapped";`);
    await writeFile(app, `import { text } from "lib"; export default () => new Response(text);`);
    await using alone = await spawnScript(MAIN, ["serve", app, "-l", "0"], ALL);
    assertEquals((await alone.exit).code, 3);
    assertMatch(alone.stderr.text, /\n {4}Add --workers 1: a worker has the deno\.json of the app/);
    const path = join(directory.path, "fcgi.sock");
    await using pool = await spawnScript(MAIN, ["serve", app, "-s", path, "-w", "1"], ALL);
    await pool.waitForLine("stderr", /^Serving FastCGI/);
    await using peer = await RawPeer.connect({ transport: "unix", path });
    assertEquals((await peer.fetch()).text, "mapped");
  });

  it("says with exit code 1 why it cannot listen", async () => {
    const modules = { app: { default: () => new Response() } };
    const args = ["serve", "app", "--socket", "/none/of/this/fcgi.sock"];
    const { code, err } = await fcgi(args, new FakeTerminal({ modules }));
    assertEquals([code, err.length], [1, 1]);
    assertMatch(err[0]!, /^fcgi serve: Cannot listen on \/none\/of\/this\/fcgi\.sock: ENOENT/);
  });

  for (
    const [args, message] of [
      [["--socket", "a", "--fd", "3"], "--socket and --fd exclude each other"],
      [
        ["--socket", "a", "--mode", "999"],
        "--mode cannot be 999: it is three octal digits, such as 660",
      ],
      [
        ["--max-requests", "many"],
        "--max-requests cannot be many: it is a whole number, 0 or more",
      ],
      [["--fd", "-1"], "--fd cannot be -1: it is a whole number, 0 or more"],
    ] as const
  ) {
    it(`${args.join(" ")} is a mistake, and nothing is loaded`, async () => {
      const { code, err } = await fcgi(["serve", "app", ...args]);
      assertEquals([code, err[0]], [2, `fcgi serve: ${message}`]);
    });
  }
});
