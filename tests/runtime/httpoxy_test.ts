/**
 * httpoxy (CVE-2016-5385): the `Proxy` header of a client is `HTTP_PROXY` in the environment of a
 * CGI program, where runtimes and programs look for a proxy. Two real HTTP servers: what the
 * handler asks of one must not reach the other.
 */
import http, { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { assert, assertEquals } from "../_assert.ts";
import { afterEach, beforeEach, describe, it } from "../_harness.ts";
import { runtime } from "../_runtime.ts";
import { runScript } from "./_script.ts";

/** Answers with its name, whatever is asked and in whichever form. */
async function serverNamed(name: string): Promise<{ server: Server; url: string }> {
  const server = createServer((_, response) => response.end(name));
  server.on("connect", (_, socket) => {
    socket.on("error", () => {});
    socket.end(`HTTP/1.1 502 ${name}\r\n\r\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** What a handler of a CGI program sees, and where its requests end. */
const SCRIPT = `
  import { execFileSync } from "node:child_process";
  import http from "node:http";
  import process from "node:process";

  const names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY"];
  const get = (url) => new Promise((resolve, reject) => {
    http.get(url, (message) => {
      let text = "";
      message.on("data", (chunk) => text += chunk);
      message.on("end", () => resolve(text));
    }).on("error", reject);
  });
  const reason = (error) => "failed: " + error.message;
  const textOf = (response) => response.text();

  serve(async (_request, info) => Response.json({
    fetch: await fetch(process.env.UPSTREAM).then(textOf, reason),
    get: await get(process.env.UPSTREAM).catch(reason),
    child: execFileSync("sh", ["-c", 'echo "$HTTP_PROXY"'], { encoding: "utf8" }).trim(),
    environment: names.map((name) => process.env[name] ?? null),
    param: info.params.get("HTTP_PROXY"),
  }));`;

describe("serve: the Proxy header of a CGI request", { sanitize: false, timeout: 30_000 }, () => {
  let upstream: Awaited<ReturnType<typeof serverNamed>>;
  let proxy: Awaited<ReturnType<typeof serverNamed>>;

  beforeEach(async () => {
    upstream = await serverNamed("upstream");
    proxy = await serverNamed("proxy");
  });

  afterEach(() => {
    for (const { server } of [upstream, proxy]) {
      server.close();
      server.closeAllConnections();
    }
  });

  async function seen(env: Record<string, string | undefined>, denoPermissions = ["--allow-all"]) {
    await using script = await runScript(SCRIPT, [], {
      stdin: { text: "" },
      denoPermissions,
      env: {
        GATEWAY_INTERFACE: "CGI/1.1",
        REQUEST_METHOD: "GET",
        REQUEST_URI: "/",
        HTTP_HOST: "example.org",
        UPSTREAM: `${upstream.url}/`,
        HTTP_PROXY: proxy.url,
        http_proxy: undefined,
        HTTPS_PROXY: undefined,
        https_proxy: undefined,
        NO_PROXY: undefined,
        no_proxy: undefined,
        NODE_OPTIONS: undefined,
        ...env,
      },
    });
    await script.program.exit;
    const [head, body] = script.program.stdout.text.split("\r\n\r\n");
    assert(head?.includes("Status: 200"), script.program.stdout.text + script.program.stderr.text);
    return JSON.parse(body!);
  }

  const direct = { fetch: "upstream", get: "upstream", child: "" };

  it("is no proxy for fetch, for node:http, or for a child, and still a parameter", async () => {
    const expected = { ...direct, environment: [null, null, null], param: proxy.url };
    assertEquals(await seen({}), expected);
  });

  it("is none with the permissions that a CGI request takes", async () => {
    const permissions = ["--allow-env", "--allow-net", "--allow-run"];
    assertEquals((await seen({}, permissions)).environment, [null, null, null]);
  });

  it("leaves the variables alone that no header becomes", async () => {
    const env = { HTTPS_PROXY: "http://127.0.0.1:9" };
    const { environment, ...rest } = await seen(env);
    assertEquals(environment, [null, null, "http://127.0.0.1:9"]);
    assertEquals([rest.fetch, rest.get, rest.child], ["upstream", "upstream", ""]);
    // A proxy that the administrator means is in lower case. Node does not look, nor does Deno in
    // a CGI program.
    const own = await serverNamed("own");
    try {
      const { environment, fetch } = await seen({ http_proxy: own.url });
      assertEquals(environment, [null, own.url, null]);
      assertEquals(fetch, runtime === "bun" ? "own" : "upstream");
    } finally {
      own.server.close();
      own.server.closeAllConnections();
    }
  });

  const skip = runtime !== "node"
    ? "Only Node reads its proxies when it starts"
    : !("setGlobalProxyFromEnv" in http) && "This Node cannot take a proxy back";
  for (
    const options of [
      { NODE_USE_ENV_PROXY: "1" },
      { NODE_OPTIONS: "--use-env-proxy" },
      { NODE_OPTIONS: "--use_env_proxy" },
      { NODE_OPTIONS: '  "--use-env-proxy"' },
    ] as Record<string, string>[]
  ) {
    it(`is taken back where Node was told to use it: ${Object.entries(options)}`, {
      skip,
    }, async () => {
      const { fetch, get } = await seen(options);
      assertEquals([fetch, get], ["upstream", "upstream"]);
      const both = await seen({ ...options, HTTPS_PROXY: "http://127.0.0.1:9" });
      assertEquals([both.fetch, both.get], ["upstream", "upstream"]);
    });
  }
});
