/**
 * `examples/containers/Containerfile`, carried out without an engine: that what it builds serves as
 * nobody with a read-only root, and that its health check tells whether it does.
 */
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FastCgiClient } from "../../src/client/mod.ts";
import { assertEquals, assertMatch } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { tempDir } from "../_runtime.ts";
import { Container, skipContainer } from "./_container.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const EXAMPLE = join(ROOT, "examples/containers");

describe("a container", { skip: skipContainer, timeout: 60_000 }, () => {
  it("serves as nobody with a read-only root, and says whether it is well", async () => {
    await using context = await tempDir(0o755);
    await cp(join(EXAMPLE, "app.ts"), join(context.path, "app.ts"));
    const vendor = join(context.path, "vendor/fastcgi");
    await mkdir(vendor, { recursive: true });
    for (const name of ["mod.ts", "deno.json", "src"]) {
      await cp(join(ROOT, name), join(vendor, name), { recursive: true });
    }
    await using container = await Container.build(join(EXAMPLE, "Containerfile"), context.path);
    const isWell = async () => (await container.run(...container.health)).code;

    assertEquals((await container.run("id", "-un")).text, "nobody\n");
    for (const path of ["/x", "/srv/app/x", "/opt/fastcgi/x", "/usr/local/bin/x"]) {
      assertMatch((await container.run("touch", path)).text, /Read-only file system|denied/);
    }
    assertEquals(await isWell(), 1);
    await using server = await container.start(container.command);
    await server.waitForLine("stderr", /^Serving FastCGI on \/run\/app\/fcgi\.sock/, 20_000);
    assertEquals(await isWell(), 0);
    await using client = new FastCgiClient({ path: container.path("/run/app/fcgi.sock") });
    const response = await client.fetch(new Request("http://localhost/x"));
    assertEquals(await response.text(), "Hello from /x\n");

    server.kill("SIGTERM");
    assertEquals(await server.exit, { code: 0, signal: null }, server.stderr.text);
    assertEquals(await isWell(), 1);
  });
});
