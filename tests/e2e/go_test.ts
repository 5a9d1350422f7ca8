/** Go's `net/http/fcgi` behind the gateway and beside nginx, with kept connections, too. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FastCgiClient } from "../../src/client/mod.ts";
import { assertEquals } from "../_assert.ts";
import { afterAll, beforeAll, describe, it } from "../_harness.ts";
import { type Program, spawnProgram, tempDir, which } from "../_runtime.ts";
import { BesideNginx, skipNginx } from "./_beside_nginx.ts";
import { hashOf, parts } from "./_content.ts";
import { startOnSocket } from "./_fcgiwrap.ts";

const SOURCE = fileURLToPath(new URL("./apps/go/main.go", import.meta.url));
/** 20 MB. */
const UPLOAD = 20 * 1024 * 1024;

const go = await which("go");
const skip = skipNginx || go === null && "go is not installed";

for (const keepConnection of [false, true]) {
  const how = keepConnection ? "kept connections" : "a connection for each request";
  describe(`gateway and Go, ${how}`, { skip, timeout: 120_000 }, () => {
    let files: { path: string } & AsyncDisposable;
    let app: Program;
    let site: BesideNginx;
    let socket: string;

    beforeAll(async () => {
      files = await tempDir(0o755);
      socket = join(files.path, "go.sock");
      const program = join(files.path, "app");
      await using build = await spawnProgram(go!, ["build", "-o", program, SOURCE], {
        env: { GO111MODULE: "off", CGO_ENABLED: "0" },
      });
      assertEquals((await build.exit).code, 0, build.stderr.text);
      app = await startOnSocket(socket, program, [socket]);
      site = await BesideNginx.start(
        `location / {
          include /etc/nginx/fastcgi_params;
          fastcgi_pass unix:${socket};
        }`,
        { to: { path: socket }, scriptName: "", keepConnection },
      );
    });
    afterAll(async () => {
      await site?.[Symbol.asyncDispose]();
      await app?.[Symbol.asyncDispose]();
      await files?.[Symbol.asyncDispose]();
    });

    it("answers as behind nginx", async () => {
      for (
        const [target, status] of [
          ["/echo/a%20b/%C3%BC?x=1&y=%2F", 200],
          ["/none", 404],
          ["/redirect", 303],
          ["/cookies", 200],
          ["/echo", 301],
        ] as const
      ) {
        const answer = await site.same(target, { headers: [["X-Test", "yes"]] });
        assertEquals(answer.status, status);
      }
      for (const method of ["HEAD", "PUT", "DELETE", "OPTIONS"]) {
        await site.same("/echo/x", { method });
      }
    });

    it("takes 20 MB, with a length and in chunks", async () => {
      for (const length of [UPLOAD, undefined]) {
        const answer = await site.same("/hash", () => ({
          method: "POST",
          body: parts(UPLOAD),
          ...length === undefined ? {} : { length },
        }));
        assertEquals(answer.text, hashOf(UPLOAD));
      }
    });

    it("passes on 50 MB", async () => {
      const { body } = await site.same("/download");
      assertEquals(body.length, 800 * 65536);
    });

    it("takes a body that is sent without a length", async () => {
      await using client = new FastCgiClient({ path: socket, streamBody: true, keepConnection });
      const body = ReadableStream.from(parts(UPLOAD));
      const init = { method: "POST", body, duplex: "half" } as RequestInit;
      const response = await client.fetch(new Request("http://example.org/hash", init));
      assertEquals(await response.text(), hashOf(UPLOAD));
    });

    it("says what it can, and answers many at a time", async () => {
      await using client = new FastCgiClient({ path: socket, keepConnection, maxConnections: 8 });
      await client.ping();
      assertEquals((await client.values()).get("FCGI_MPXS_CONNS"), "1");
      const texts = await Promise.all(Array.from({ length: 200 }, async (_, i) => {
        const response = await client.fetch(new Request(`http://example.org/echo/${i}`));
        return await response.text();
      }));
      assertEquals(texts, texts.map((_, i) => `GET example.org http://example.org/echo/${i} \n`));
    });
  });
}
