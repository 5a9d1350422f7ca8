/** `examples/php/start`: the hosts of the example as they are, each on its runtime. */
import { delimiter, dirname } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../_assert.ts";
import { bytes } from "../_bytes.ts";
import { afterAll, beforeAll, describe, it } from "../_harness.ts";
import { freePort, type Program, runtime, spawnProgram, waitUntil } from "../_runtime.ts";
import { http } from "./_http_client.ts";
import { skipPhp } from "./_php_fpm.ts";

const START = fileURLToPath(new URL("../../examples/php/start", import.meta.url));
/** More than is held in memory. */
const LARGE = 3 * 1024 * 1024;

describe("examples/php/start", { skip: skipPhp, timeout: 30_000 }, () => {
  let program: Program;
  let port: number;

  beforeAll(async () => {
    port = await freePort();
    program = await spawnProgram(START, [
      runtime,
      fileURLToPath(new URL("../../examples/php/www", import.meta.url)),
      String(port),
    ], {
      // Whatever it finds under the name of a runtime is the one that runs the test.
      env: { PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) },
    });
    const isThere = () => http(port).then(({ status }) => status === 200, () => false);
    const outcome = await waitUntil(() => Promise.race([program.exit, isThere()]), {
      what: "the example",
      timeout: 20_000,
    });
    assertEquals(outcome, true, program.stderr.text);
  });
  afterAll(async () => {
    await program?.[Symbol.asyncDispose]();
  });

  it("serves scripts, the path behind them, and files", async () => {
    const page = await http(port, { target: "/" });
    assertMatch(page.text, /<h1>Hello from PHP \d/);
    assertEquals(page.all("content-type"), ["text/html; charset=UTF-8"]);
    const { text } = await http(port, { target: "/index.php/a/%C3%BC" });
    assertStringIncludes(text, "<code>/a/ü</code>");
    const style = await http(port, { target: "/style.css" });
    assertMatch(style.all("content-type")[0]!, /^text\/css/);
    assertEquals((await http(port, { target: "/none" })).status, 404);
    assertEquals((await http(port, { target: "/../start" })).status, 404);
  });

  it("takes a form with a file, whose length nobody says", async () => {
    const form = new FormData();
    form.append("name", "Jürgen <b>");
    form.append("picture", new Blob([bytes(new Uint8Array(LARGE))]), "Bild ü.png");
    const encoded = new Request("http://x/", { method: "POST", body: form });
    const type = encoded.headers.get("content-type")!;
    const { text } = await http(port, {
      method: "POST",
      headers: [["Content-Type", type]],
      body: ReadableStream.from([new Uint8Array(await encoded.arrayBuffer())]),
    });
    assertStringIncludes(text, "Hello from Jürgen &lt;b&gt;");
    assertStringIncludes(text, `Bild ü.png has ${LARGE} bytes`);
  });

  it("ends both at SIGTERM, and leaves nothing behind", async () => {
    program.kill("SIGTERM");
    assertEquals((await program.exit).code, 143, program.stderr.text);
    assert(await http(port).then(() => false, () => true), "Somebody still listens");
  });
});
