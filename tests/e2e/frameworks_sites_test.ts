/**
 * Sites that are built: Astro, SvelteKit, React Router and TanStack Start, by the recipes of
 * `examples/frameworks/` and behind its nginx.conf, as they stand there.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../_assert.ts";
import { afterAll, beforeAll, describe, it } from "../_harness.ts";
import { runtime } from "../_runtime.ts";
import { checkTypesOf, skipFrameworks } from "./_frameworks.ts";
import { http, HttpConnection, type HttpRequest } from "./_http_client.ts";
import { putRecipe } from "./_recipes.ts";
import { type BuiltSite, KINDS, PORT, startSite } from "./_sites.ts";

/** As a browser says it on this port: frameworks compare it with the Origin. */
const HOST = `127.0.0.1:${PORT}`;
/** What each answers a form from another site. TanStack Start leaves that to middleware. */
const REFUSED: Record<string, number> = { "astro": 403, "react-router": 400, "sveltekit": 403 };

const get = (target: string, request: HttpRequest = {}) =>
  http(PORT, { target, host: HOST, ...request });

const send = (origin: string) =>
  get("/form", {
    method: "POST",
    headers: [
      ["Content-Type", "application/x-www-form-urlencoded"],
      ["Origin", origin],
      ["Accept", "text/html"],
    ],
    body: new TextEncoder().encode("name=Ad%C3%A4"),
  });

describe("built sites", { skip: skipFrameworks, timeout: 90_000 }, () => {
  for (const [name, kind] of Object.entries(KINDS)) {
    describe(name, () => {
      let site: BuiltSite;
      beforeAll(async () => {
        site = await startSite(name);
      });
      afterAll(async () => {
        await site?.[Symbol.asyncDispose]();
      });

      it("shows a page, with the public URL and the client's address", async () => {
        const { status, text, all } = await get("/?a=%20b", {
          localAddress: "127.0.0.9",
          headers: [["X-Forwarded-For", "192.0.2.1"]],
        });
        assertEquals(status, 200);
        assertMatch(all("content-type").join(), /^text\/html/);
        assertStringIncludes(text, `Hello, 127.0.0.9, at http://${HOST}/?a=%20b`);
      });

      it("has static files from nginx, those with a hash for ever", async () => {
        const robots = await get("/robots.txt");
        assertEquals([robots.status, robots.text], [200, "User-agent: *\n"]);
        assertEquals(robots.all("cache-control"), []);
        const { text } = await get("/form");
        const script = /["'](?:\.?\/)?((?:assets|_app\/immutable|_astro)\/[^"']+\.js)["']/.exec(
          text,
        )?.[1];
        assert(script !== undefined && site.files.includes(script), `No script in ${text}`);
        const answer = await get(`/${script}`);
        assertEquals(answer.status, 200);
        assertEquals(answer.all("cache-control"), ["public, max-age=31536000, immutable"]);
        const file = await readFile(join(site.directory, kind.client, script), "utf8");
        assertEquals(answer.text, file);
        assertEquals((await get(`/${script}x`)).status, 404);
      });

      it("takes a form, sets a cookie, and redirects", async () => {
        const answer = await send(`http://${HOST}`);
        assertEquals([answer.status, answer.all("location")], [303, ["/form"]]);
        const [cookie = ""] = answer.all("set-cookie");
        assertMatch(cookie, /^name=/);
        const shown = await get("/form", { headers: [["Cookie", cookie.split(";", 1)[0]!]] });
        assertEquals(shown.status, 200);
        assertStringIncludes(shown.text, 'value="Adä"');
        assertStringIncludes((await get("/form")).text, 'value="nobody"');
        const old = await get("/old");
        assertEquals([old.status, old.all("location")], [307, ["/form"]]);
      });

      if (name in REFUSED) {
        it("refuses a form of another site", async () => {
          const { status, all } = await send("http://elsewhere.example");
          assertEquals([status, all("set-cookie")], [REFUSED[name]!, []]);
        });
      }

      it("sends a page before what it waits for has come", async () => {
        await using connection = await HttpConnection.open(PORT);
        await connection.send({ target: "/slow", host: HOST });
        assertEquals((await connection.head()).status, 200);
        let text = "";
        const decoder = new TextDecoder();
        const read = async () => {
          const bytes = await connection.read();
          if (bytes !== null) text += decoder.decode(bytes, { stream: true });
          return bytes !== null;
        };
        while (!text.includes("<p>Wait</p>") && await read());
        assertStringIncludes(text, "<p>Wait</p>");
        assert(!text.includes("It came late"), text);
        assertEquals((await get("/slow?go")).status, 200);
        while (await read());
        assert(connection.isComplete);
        assertStringIncludes(text, "It came late");
      });

      it("knows what it does not have", async () => {
        const { status, all } = await get("/none");
        assertEquals(status, 404);
        assertMatch(all("content-type").join(), /^text\/html/);
      });

      it("has a recipe with the right types", {
        skip: runtime !== "node" && "The compiler is a program of its own, the same for each",
      }, async () => {
        const file = await putRecipe(`${name}.ts`, undefined, site.directory);
        // What a build makes has no types.
        assertEquals(await checkTypesOf([file], "node", { noImplicitAny: false }), "");
      });
    });
  }
});
