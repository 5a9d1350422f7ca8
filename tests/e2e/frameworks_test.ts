/**
 * Frameworks from npm, served as they are behind nginx: what their users do with them. Each is
 * served twice, by `serve(app)` and by `serve({ path }, app)`. The client's address, and others,
 * are in frameworks_recipes_test.ts.
 */
import { assert, assertEquals, assertMatch } from "../_assert.ts";
import { afterAll, beforeAll, describe, it } from "../_harness.ts";
import { runtime } from "../_runtime.ts";
import { newId } from "./_checks.ts";
import { checkTypes, Site, skipFrameworks, writeTypes } from "./_frameworks.ts";
import type { HttpRequest, HttpResponse } from "./_http_client.ts";

const MEGABYTE = 1024 * 1024;

/** Those that route requests to handlers: all do the same. */
const ROUTERS = ["hono", "h3", "elysia", "itty-router", "fetch-router"] as const;
const OTHERS = ["graphql-yoga", "trpc"] as const;

describe("frameworks behind nginx", { skip: skipFrameworks, timeout: 60_000 }, () => {
  let site: Site;
  beforeAll(async () => {
    const names = [...ROUTERS, ...OTHERS];
    site = await Site.start([...names, ...names.map((name) => `${name}-options`), "responses"]);
  });
  afterAll(async () => {
    await site?.[Symbol.asyncDispose]();
  });

  /** The two ways to an application. */
  function served(name: string, tests: (app: string) => void): void {
    describe(`serve(${name})`, () => tests(name));
    describe(`serve(options, ${name})`, () => tests(`${name}-options`));
  }

  for (const name of ROUTERS) {
    served(name, (app) => {
      it("routes, answers JSON, and knows what it does not have", async () => {
        const hello = await site.get(app, "/hello/ada");
        assertEquals([hello.status, hello.text], [200, "Héllo, ada"]);
        assertMatch(hello.all("content-type")[0]!, /^text\/plain/);
        const json = await site.get(app, "/json");
        assertEquals([json.status, JSON.parse(json.text)], [200, { ok: true }]);
        assertMatch(json.all("content-type")[0]!, /^application\/json/);
        assertEquals((await site.get(app, "/none")).status, 404);
      });

      it("takes a cookie and sets two", async () => {
        const { status, text, all } = await site.get(app, "/cookies", {
          headers: [["Cookie", "x=y; visit=third"]],
        });
        assertEquals([status, text], [200, "third"]);
        assertEquals(all("set-cookie").map((value) => value.split(";", 1)[0]), ["a=1", "b=2"]);
      });

      it("takes a form and an upload of 3 MB", async () => {
        const fields = await post(new URLSearchParams({ name: "Adä" }));
        const form = await site.get(app, "/form", fields);
        assertEquals([form.status, JSON.parse(form.text)], [200, { name: "Adä" }]);
        const data = new FormData();
        const bytes = new Uint8Array(3 * MEGABYTE);
        bytes[bytes.length - 1] = 77;
        data.append("file", new File([bytes], "plans.bin"));
        const upload = await site.get(app, "/upload", await post(data));
        assertEquals([upload.status, JSON.parse(upload.text)], [200, {
          name: "plans.bin",
          size: bytes.length,
          last: 77,
        }]);
      });

      it("sends events as they come, and hears of a client that goes", async () => {
        const id = newId();
        const { status, type } = await site.peek(app, `/events?id=${id}`, ["0 é\n\n", "2 é\n\n"]);
        assertEquals(status, 200);
        assertMatch(type!, /^text\/event-stream/);
        await site.program(app).waitForLine("stderr", new RegExp(`^over ${id}$`));
      });

      it("answers an error with 500, and goes on", async () => {
        assertEquals((await site.get(app, "/fail")).status, 500);
        assertEquals((await site.get(app, "/json")).status, 200);
      });
    });
  }

  it("hono's csrf refuses a form on another port, until HTTP_HOST has it", async () => {
    const host = `hono.test:${site.port}`;
    const send = async (target: string, origin: string) => {
      const form = await post(new URLSearchParams({ name: "ada" }), [["Origin", origin]]);
      const { status } = await site.get("hono", target, { ...form, host });
      return status;
    };
    assertEquals(await send("/guarded/form", `http://${host}`), 403);
    assertEquals(await send("/guarded/port/form", `http://${host}`), 200);
    assertEquals(await send("/guarded/port/form", "http://elsewhere.test"), 403);
  });

  it("hono's getConnInfo for Deno knows the client's address", {
    skip: runtime !== "deno" && "Its module cannot be loaded elsewhere, and others want a server",
  }, async () => {
    const { status, text } = await site.get("hono", "/address", { localAddress: "127.0.0.9" });
    assertEquals([status, text], [200, "127.0.0.9"]);
  });

  it("elysia sends a generator's strings", async () => {
    const { status, text, isComplete } = await site.get("elysia", "/lines");
    assertEquals([status, text, isComplete], [200, "0 é\n1 é\n2 é\n", true]);
  });

  served("graphql-yoga", (app) => {
    const ask = async (query: string, headers: [string, string][] = []) =>
      site.get(app, "/graphql", await postJson({ query }, headers));

    it("answers queries, with info as its context", async () => {
      const query = '{ hello(name: "adä") address params }';
      const { status, text } = await ask(query);
      assertEquals([status, JSON.parse(text)], [200, {
        data: { hello: "Hello, adä", address: "127.0.0.1", params: query },
      }]);
    });

    it("takes an upload of 3 MB", async () => {
      const data = new FormData();
      const query = "mutation ($file: File!) { upload(file: $file) }";
      data.append("operations", JSON.stringify({ query, variables: { file: null } }));
      data.append("map", JSON.stringify({ 0: ["variables.file"] }));
      data.append("0", new File([new Uint8Array(3 * MEGABYTE).fill(7)], "plans.bin"));
      const { status, text } = await site.get(app, "/graphql", await post(data));
      assertEquals([status, JSON.parse(text)], [200, {
        data: { upload: `plans.bin ${3 * MEGABYTE} 7` },
      }]);
    });

    it("sends a subscription as it comes, and hears of a client that goes", async () => {
      const id = newId();
      const request = await postJson({ query: `subscription { ticks(id: "${id}") }` }, [
        ["Accept", "text/event-stream"],
      ]);
      const { status, type } = await site.peek(app, "/graphql", ["0 é", "2 é"], request);
      assertEquals(status, 200);
      assertMatch(type!, /^text\/event-stream/);
      await site.program(app).waitForLine("stderr", new RegExp(`^over ${id}$`));
    });

    it("answers errors, and has its page", async () => {
      const { text } = await ask("{ fail }");
      assertEquals(JSON.parse(text).errors.length, 1);
      assertEquals((await ask("{ none }")).status, 200);
      const page = await site.get(app, "/graphql", { headers: [["Accept", "text/html"]] });
      assertEquals([page.status, page.text.includes("<html")], [200, true]);
      assertEquals((await site.get(app, "/none")).status, 404);
    });
  });

  served("trpc", (app) => {
    const input = (value: unknown) => `input=${encodeURIComponent(JSON.stringify(value))}`;

    it("answers queries, with info spread into its context", async () => {
      const hello = await site.get(app, `/trpc/hello?${input("adä")}`);
      assertEquals([hello.status, JSON.parse(hello.text)], [200, {
        result: { data: "Hello, adä" },
      }]);
      const address = await site.get(app, "/trpc/address");
      assertEquals([address.status, JSON.parse(address.text)], [200, {
        result: { data: "127.0.0.1" },
      }]);
    });

    it("takes a form with a file, and sets two cookies", async () => {
      const data = new FormData();
      data.append("name", "Adä");
      data.append("file", new File([new Uint8Array(3 * MEGABYTE)], "plans.bin"));
      const { status, text, all } = await site.get(app, "/trpc/form", await post(data));
      assertEquals([status, JSON.parse(text)], [200, {
        result: { data: { name: "Adä", size: 3 * MEGABYTE } },
      }]);
      assertEquals(all("set-cookie").length, 2);
    });

    it("streams a batch", async () => {
      const inputs = encodeURIComponent(JSON.stringify({ 0: "ada" }));
      const { status, text, isComplete } = await site.get(
        app,
        `/trpc/hello,slow?batch=1&input=${inputs}`,
        { headers: [["trpc-accept", "application/jsonl"]] },
      );
      assertEquals([status, isComplete], [200, true]);
      for (const part of ["Hello, ada", "slow"]) assert(text.includes(part), text);
    });

    it("sends a subscription as it comes, and hears of a client that goes", async () => {
      const id = newId();
      const { status, type } = await site.peek(app, `/trpc/ticks?${input(id)}`, ["0 é", "2 é"], {
        headers: [["Accept", "text/event-stream"]],
      });
      assertEquals(status, 200);
      assertMatch(type!, /^text\/event-stream/);
      await site.program(app).waitForLine("stderr", new RegExp(`^over ${id}$`));
    });

    it("answers an error with 500, and goes on", async () => {
      const { status, text } = await site.get(app, "/trpc/fail");
      assertEquals([status, JSON.parse(text).error.message], [500, "The application failed"]);
      assertEquals((await site.get(app, "/trpc/none")).status, 404);
    });
  });

  describe("Responses of another making", () => {
    for (const maker of ["undici", "node-fetch", "whatwg"]) {
      it(`are answers: ${maker}'s own, and what its fetch resolves with`, async () => {
        for (const what of ["text", "bytes", "fetch"]) {
          const answer = await site.get("responses", `/${what}/${maker}`);
          assertForeign(answer, what);
        }
        const { status, body } = await site.get("responses", `/nothing/${maker}`);
        assertEquals([status, body.length], [204, 0]);
      });
    }
  });
});

/** As their users write them, with the types that they come with. */
const TYPES = `
import { serve, type ServeHandlerInfo } from MODULE;
import { createRouter } from "@remix-run/fetch-router";
import { Elysia } from "elysia";
import { createSchema, createYoga } from "graphql-yoga";
import { H3 } from "h3";
import { Hono } from "hono";
import { AutoRouter } from "itty-router";

const hono = new Hono<{ Bindings: ServeHandlerInfo }>();
hono.get("/", (c) => c.text(c.env.remoteAddr.hostname));
const yoga = createYoga({ schema: createSchema({ typeDefs: "type Query { a: Int }" }) });

serve(createRouter());
serve(new Elysia());
serve(yoga);
serve(new H3());
serve(new Hono());
serve(hono);
serve(AutoRouter());
serve({ port: 9000 }, createRouter());
serve({ port: 9000 }, new Elysia());
serve({ port: 9000 }, yoga);
serve({ port: 9000 }, new H3());
serve({ port: 9000 }, new Hono());
serve({ port: 9000 }, hono);
serve({ port: 9000 }, AutoRouter());
serve(hono.fetch);
serve((request, info) => hono.fetch(request, info));
serve((request) => yoga.fetch(request));
`;

describe("frameworks", {
  skip: skipFrameworks || (runtime !== "deno" && "Deno checks the types, once for all"),
  timeout: 60_000,
}, () => {
  it("have types that serve takes", async () => {
    assertEquals(await checkTypes([await writeTypes(TYPES)]), "");
  });
});

function assertForeign({ status, text, isComplete, all }: HttpResponse, what: string): void {
  assertEquals([what, status, text, isComplete], [what, 203, "from é", true]);
  assertEquals(all("set-cookie"), ["a=1", "b=2"]);
  assertEquals(all("content-type"), ["text/plain"]);
}

/** A request with a body, and the Content-Type that a browser gives it. */
async function post(
  body: BodyInit,
  headers: [string, string][] = [],
): Promise<HttpRequest> {
  const request = new Request("http://example.org/", { method: "POST", body });
  const type = request.headers.get("content-type") ?? "text/plain";
  return {
    method: "POST",
    headers: [["Content-Type", type], ...headers],
    body: new Uint8Array(await request.arrayBuffer()),
  };
}

async function postJson(value: unknown, headers: [string, string][]): Promise<HttpRequest> {
  const request = await post(JSON.stringify(value), headers);
  return { ...request, headers: [["Content-Type", "application/json"], ...headers] };
}
