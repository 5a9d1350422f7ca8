/**
 * The recipes of `examples/frameworks/`, as they stand there, with the frameworks from npm behind
 * nginx. What else a router does is in frameworks_test.ts.
 */
import { Buffer } from "node:buffer";
import { assertEquals, assertMatch } from "../_assert.ts";
import { afterAll, beforeAll, describe, it } from "../_harness.ts";
import { runtime, spawnScript, waitUntil } from "../_runtime.ts";
import { checkTypes, checkTypesOf, copyApp, skipFrameworks } from "./_frameworks.ts";
import type { HttpRequest } from "./_http_client.ts";
import { PLANS, putRecipe, Recipes } from "./_recipes.ts";

const MEGABYTE = 1024 * 1024;
/** Where the client is: not where nginx is, nor where an application would be by chance. */
const CLIENT = "127.0.0.9";

/** Where each says hello, and what it says but for the address. */
const HELLOS: Record<string, [target: string, text: string]> = {
  "elysia": ["/", "Hello, ADDRESS\n"],
  "express": ["/", "Hello, ADDRESS\n"],
  "fetch-router": ["/", "Hello, ADDRESS\n"],
  "graphql-yoga": ["/graphql?query={hello}", '{"data":{"hello":"Hello, ADDRESS"}}'],
  "h3": ["/", "Hello, ADDRESS\n"],
  "hono": ["/", "Hello, ADDRESS\n"],
  "itty-router": ["/", "Hello, ADDRESS\n"],
  "koa": ["/", "Hello, ADDRESS\n"],
  "trpc": ["/trpc/hello", '{"result":{"data":"Hello, ADDRESS"}}'],
};
/** These are asked otherwise. */
const OTHERS = ["better-auth", "mcp", "orpc"];
const ALL = [...Object.keys(HELLOS), ...OTHERS];

describe("recipes for frameworks", { skip: skipFrameworks, timeout: 60_000 }, () => {
  let site: Recipes;
  beforeAll(async () => {
    site = await Recipes.start(ALL, (origin) => ({
      BETTER_AUTH_SECRET: "qJ3v9Zs7Lw2Xn5Tb8Rk1Yc4Fm6Hd0Pg",
      BETTER_AUTH_URL: origin,
    }));
  });
  afterAll(async () => {
    await site?.[Symbol.asyncDispose]();
  });

  for (const [name, [target, text]] of Object.entries(HELLOS)) {
    it(`${name} knows the client's address`, async () => {
      const forged: [string, string][] = [["X-Forwarded-For", "192.0.2.1"]];
      const answer = await site.get(name, target, { localAddress: CLIENT, headers: forged });
      assertEquals([answer.status, answer.text], [200, text.replace("ADDRESS", CLIENT)]);
    });
  }

  it("hono has an executionCtx, and tells the web server's log of an error", async () => {
    const later = await site.get("hono", "/later");
    assertEquals([later.status, later.text], [200, "Later\n"]);
    const { status, text } = await site.get("hono", "/fail");
    assertEquals([status, text], [500, "Internal Server Error\n"]);
    const isLogged = async () => (await site.errorLog()).includes("Error: It failed");
    await waitUntil(isLogged, { what: "the line in nginx's log" });
  });

  for (const name of ["express", "koa"]) {
    it(`${name} sets a cookie, knows TLS, and what it does not have`, async () => {
      const { all } = await site.get(name, "/");
      assertMatch(all("set-cookie").join(), /^visited=yes; path=\/(; httponly)?$/i);
      const behindTls = await site.get(name, "/", { headers: [["X-Forwarded-Proto", "https"]] });
      assertMatch(behindTls.all("set-cookie").join(), /^visited=yes; .*\bsecure\b/i);
      assertEquals((await site.get(name, "/none")).status, 404);
    });

    it(`${name} takes 3 MB in pieces, and gives a file away in pieces`, async () => {
      async function* pieces() {
        for (let n = 0; n < 12; n++) yield await Promise.resolve(new Uint8Array(MEGABYTE / 4));
      }
      const up = await site.get(name, "/upload", { method: "POST", body: pieces() });
      assertEquals([up.status, JSON.parse(up.text)], [200, { size: 3 * MEGABYTE }]);
      const down = await site.get(name, "/files/plans.bin");
      assertEquals([down.status, down.isComplete], [200, true]);
      assertEquals(Buffer.from(down.body).equals(PLANS), true);
    });
  }

  it("express takes a form", async () => {
    const { status, text } = await site.get("express", "/form", form("name=Ad%C3%A4&a=1"));
    assertEquals([status, JSON.parse(text)], [200, { name: "Adä", a: "1" }]);
  });

  it("orpc answers its own client: calls, errors, a file, an event iterator", async () => {
    assertEquals(await ask("orpc"), {
      hello: "Hello, adä, from 127.0.0.1",
      refused: ["FORBIDDEN", 403, "Not for you"],
      uploaded: { name: "plans.bin", size: 3 * MEGABYTE },
      ticks: ["é 0", "é 1", "é 2"],
    });
    await site.program("orpc").waitForLine("stderr", /^Nobody listens to é any more$/);
    assertEquals((await site.get("orpc", "/none")).status, 404);
  });

  it("mcp answers its SDK's client: session, tools, a call, an error, the end", async () => {
    assertEquals(await ask("mcp"), {
      server: "hello",
      tools: ["hello"],
      content: [{ type: "text", text: "Hello, adä, from 127.0.0.1" }],
      wrong: true,
      after: 404,
    });
    assertEquals((await site.get("mcp", "/none")).status, 404);
  });

  describe("better-auth", () => {
    const post = (path: string, value: unknown, headers: [string, string][] = []) =>
      site.get("better-auth", `/api/auth${path}`, {
        method: "POST",
        headers: [["Content-Type", "application/json"], ...headers],
        body: new TextEncoder().encode(JSON.stringify(value)),
        localAddress: CLIENT,
      });
    const own = (): [string, string] => ["Origin", site.origin("better-auth")];
    const ada = { name: "Adä", email: "ada@example.org", password: "correct horse" };

    it("signs up, knows a session and its address, signs out and in", async () => {
      const forged: [string, string][] = [
        ["X-Forwarded-For", "192.0.2.1"],
        ["X-Client-Address", "192.0.2.2"],
      ];
      const hello = (cookie: string) =>
        site.get("better-auth", "/", { headers: [["Cookie", cookie]] });
      assertEquals((await hello("")).status, 401);
      const up = await post("/sign-up/email", ada, [own(), ...forged]);
      assertEquals([up.status, JSON.parse(up.text).user?.name], [200, "Adä"]);
      const cookie = up.all("set-cookie").map((value) => value.split(";", 1)[0]).join("; ");
      const { status, text } = await hello(cookie);
      assertEquals([status, text], [200, `Hello, Adä, since ${CLIENT}\n`]);
      assertEquals((await post("/sign-out", {}, [own(), ["Cookie", cookie]])).status, 200);
      assertEquals((await hello(cookie)).status, 401);
      assertEquals((await post("/sign-in/email", ada, [own()])).status, 200);
      assertEquals((await post("/sign-in/email", { ...ada, password: "x" }, [own()])).status, 401);
    });

    it("refuses another Origin", async () => {
      const { status, text } = await post("/sign-in/email", ada, [
        ["Origin", "http://elsewhere.example"],
        ["Cookie", "a=1"],
      ]);
      assertEquals([status, JSON.parse(text).code], [403, "INVALID_ORIGIN"]);
    });
  });

  /** Runs a client from npm, and resolves with what it has printed. */
  async function ask(name: string): Promise<unknown> {
    site.program(name);
    const file = await copyApp(`${name}-client`);
    const denoPermissions = ["--allow-net", "--allow-env"];
    await using client = await spawnScript(file, [site.origin(name)], { denoPermissions });
    const { code } = await client.exit;
    assertEquals([client.stderr.text, code], ["", 0]);
    return JSON.parse(client.stdout.text);
  }
});

describe("recipes for frameworks, types", { skip: skipFrameworks, timeout: 60_000 }, () => {
  // Node's and Bun's users have tsc and their own types, Deno's have those of Deno.
  const names = {
    deno: ["websocket.deno"],
    bun: ["websocket.bun"],
    node: [...ALL, "websocket.node"],
  };
  it(`are right: ${runtime}'s`, async () => {
    const files = await Promise.all(names[runtime].map((name) => putRecipe(`${name}.ts`)));
    const faults = runtime === "deno"
      ? await checkTypes(files)
      : await checkTypesOf(files, runtime);
    assertEquals(faults, "");
  });
});

function form(text: string): HttpRequest {
  const headers: [string, string][] = [["Content-Type", "application/x-www-form-urlencoded"]];
  return { method: "POST", headers, body: new TextEncoder().encode(text) };
}
