/**
 * libfcgi's own client: it fills records of 8 kB with parameters and cuts them wherever one is
 * full.
 */
import { join } from "node:path";
import { serve } from "../../mod.ts";
import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { spawnProgram, tempDir, which } from "../_runtime.ts";

const command = await which("cgi-fcgi");

describe("cgi-fcgi", { skip: command === null && "cgi-fcgi is not installed" }, () => {
  it("has its parameters read although they straddle its records, and gets its answer", async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "fcgi.sock");
    // 60 kB in values of about a kilobyte: every record but the last ends inside one.
    const values = Object.fromEntries(
      Array.from({ length: 60 }, (_, i) => [`VALUE_${i}`, `${i}`.padEnd(1000 + i, "v")]),
    );
    await using server = serve({ path, onListen() {} }, async (request, { params }) => {
      const wrong = Object.keys(values).filter((name) => params.get(name) !== values[name]);
      const text = [request.method, request.url, wrong, await request.text()].join("|");
      return new Response(text, { headers: { "content-type": "text/plain" } });
    });
    await server.ready;
    await using program = await spawnProgram(command!, ["-bind", "-connect", path], {
      stdin: { text: "body" },
      env: {
        ...values,
        REQUEST_METHOD: "POST",
        REQUEST_URI: "/x",
        HTTP_HOST: "example.org",
        CONTENT_LENGTH: "4",
      },
    });
    assertEquals(await program.exit, { code: 0, signal: null });
    assertEquals(program.stderr.text, "");
    assertEquals(
      program.stdout.text,
      "Content-Type: text/plain\r\nContent-Length: 31\r\nStatus: 200 OK\r\n\r\n" +
        "POST|http://example.org/x||body",
    );
  });
});
