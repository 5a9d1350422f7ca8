/**
 * `examples/nginx/other_port.conf` as it is, with frameworks that compare the `Origin` of a form
 * with the URL; and the same without its line, where they refuse every form.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assert, assertEquals, assertStringIncludes } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { installFrameworks } from "../_npm.ts";
import { freePort, type Program, spawnScript, tempDir } from "../_runtime.ts";
import { Nginx } from "../load/_nginx.ts";
import { formOf, FORMS, type FormsName, skipForms, startForms } from "./_forms.ts";
import { http } from "./_http_client.ts";
import { SETUPS } from "./_servers.ts";
import { APP } from "./_trouble.ts";
import { skipReason, startServer, type WebServer } from "./_web_server.ts";

const PORT = 8187;
const TLS_PORT = 8188;
const EXAMPLE = new URL("../../examples/nginx/other_port.conf", import.meta.url);
const SERVER: WebServer = { ...SETUPS.nginx.server, configuration: "nginx/other_port.conf" };
const LINE = "fastcgi_param HTTP_HOST $http_host;";
const skip = await skipReason(SERVER);
const skipFrameworks = skip || await installFrameworks();
const skips = new Map(
  await Promise.all(
    (Object.keys(FORMS) as FormsName[]).map(async (name) => [name, await skipForms(name)] as const),
  ),
);

/** Starts an application that says which URL it was asked for. */
async function startApp(directory: string): Promise<Program> {
  const app = await spawnScript(APP, [JSON.stringify({ path: "fcgi.sock", mode: 0o666 })], {
    cwd: directory,
    denoPermissions: ["--allow-all"],
  });
  await app.waitForLine("stderr", /^Serving FastCGI on/);
  return app;
}

/** The example without its line, and on another port. */
async function startWithoutLine(): Promise<AsyncDisposable & { directory: string; port: number }> {
  const port = await freePort();
  const text = await readFile(EXAMPLE, "utf8");
  const changed = text.replaceAll(LINE, "").replace(`:${PORT};`, `:${port};`)
    .replace(`:${TLS_PORT};`, `:${await freePort()};`);
  assertEquals(text.split(LINE).length, 3);
  await using stack = new AsyncDisposableStack();
  const file = join(stack.use(await tempDir(0o755)).path, "changed.conf");
  await writeFile(file, changed);
  const { directory } = stack.use(await Nginx.start(file));
  const owned = stack.move();
  return { directory, port, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

describe("examples/nginx/other_port.conf", { skip, timeout: 30_000 }, () => {
  it("has the URL of the browser, on another port and behind TLS", async () => {
    await using server = await startServer(SERVER);
    await using _app = await startApp(server.directory);
    const url = async (port: number, host: string, proto?: string) => {
      const headers: [string, string][] = proto === undefined ? [] : [["X-Forwarded-Proto", proto]];
      return (await http(port, { target: "/a?b", host, headers })).text.trim();
    };
    assertEquals(await url(PORT, "localhost:8187"), "GET http://localhost:8187/a?b");
    assertEquals(await url(PORT, "localhost"), "GET http://localhost/a?b");
    // Nobody is in front here: what a client says of TLS counts for nothing.
    assertEquals(await url(PORT, "localhost:8187", "https"), "GET http://localhost:8187/a?b");
    assertEquals(await url(TLS_PORT, "example.org", "https"), "GET https://example.org/a?b");
    assertEquals(await url(TLS_PORT, "localhost:8443", "https"), "GET https://localhost:8443/a?b");
    assertEquals(await url(TLS_PORT, "localhost:8188", "http"), "GET http://localhost:8188/a?b");
    assertEquals(await url(TLS_PORT, "localhost:8188"), "GET http://localhost:8188/a?b");
  });

  it("would not have the port without its line", async () => {
    await using nginx = await startWithoutLine();
    await using _app = await startApp(nginx.directory);
    const { text } = await http(nginx.port, { host: `localhost:${nginx.port}` });
    assertEquals(text, "GET http://localhost/\n");
  });
});

describe("examples/nginx/other_port.conf, forms of frameworks", { timeout: 30_000 }, () => {
  for (const [name, skipName] of skips) {
    it(name, { skip: skipFrameworks || skipName }, async () => {
      const options = { path: "fcgi.sock", mode: 0o666 };
      {
        await using nginx = await startWithoutLine();
        await using _app = await startForms(name, options, nginx.directory);
        const refused = await http(nginx.port, formOf(name, `localhost:${nginx.port}`));
        assertEquals(refused.status, 403, refused.text);
        assertStringIncludes(refused.text, FORMS[name].refusal);
      }
      await using server = await startServer(SERVER);
      await using _app = await startForms(name, options, server.directory);
      const taken = await http(PORT, formOf(name, `localhost:${PORT}`));
      assertEquals(taken.status, 200, taken.text);
      // A stranger's page is refused all the same.
      const { headers = [], ...form } = formOf(name, `localhost:${PORT}`);
      const foreign = headers.map(([key, value]): [string, string] => [
        key,
        key === "Origin" ? "http://elsewhere.example" : value,
      ]);
      const stranger = await http(PORT, { ...form, headers: foreign });
      assertEquals(stranger.status, 403, stranger.text);
      assert(stranger.text.includes(FORMS[name].refusal));
    });
  }
});
