/** What a client, or a script, does wrong, and what the gateway makes of it, beside nginx. */
import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertGreaterOrEqual } from "../_assert.ts";
import { afterAll, beforeAll, describe, it } from "../_harness.ts";
import { freePort, runtime, spawnScript, waitUntil } from "../_runtime.ts";
import { BesideNginx, FRONTS, skipFront, skipNginx } from "./_beside_nginx.ts";
import { parts } from "./_content.ts";
import { http, HttpConnection } from "./_http_client.ts";
import { PhpFpm, phpLocation, skipPhp } from "./_php_fpm.ts";

const MEGABYTE = 1024 * 1024;
/** What a script says, and then does otherwise. */
const said = (length: number) => `/answer.php?header[]=Content-Length:%20${length}&body=0123456789`;

describe("gateway and php-fpm, faults", { skip: skipPhp || skipNginx, timeout: 30_000 }, () => {
  let php: PhpFpm;

  beforeAll(async () => {
    php = await PhpFpm.start();
  });
  afterAll(async () => {
    await php?.[Symbol.asyncDispose]();
  });

  for (const front of FRONTS) {
    describe(front, { skip: front !== "serveGateway" && skipFront }, () => {
      let site: BesideNginx;

      beforeAll(async () => {
        site = await BesideNginx.start(
          `root ${php.root};
          location / { try_files $uri $uri/ =404; }
          ${phpLocation(php.socket)}`,
          { to: { path: php.socket }, root: php.root },
          front,
        );
      });
      afterAll(async () => {
        await site?.[Symbol.asyncDispose]();
      });

      it("passes on as much as the Content-Length says, where a script sends a line more", async () => {
        // A line feed behind `?>` is enough for it.
        const { text } = await site.same(said(8));
        assertEquals(text, "01234567");
      });

      it("breaks off an answer that ends short of its Content-Length, and says so", async () => {
        site.errors.length = 0;
        const { isComplete } = await site.ask(said(20));
        assert(!isComplete, "It looks whole");
        await waitUntil(() => site.errors.length > 0, { what: "onError", timeout: 1000 });
      });

      it("takes two Cookie fields for one", async () => {
        const { text } = await site.ask("/echo.php", {
          headers: [["Cookie", "a=1"], ["Cookie", "b=2"]],
        });
        assertEquals(JSON.parse(text).server.HTTP_COOKIE, "a=1; b=2");
      });

      it("refuses TRACE, and tells nobody", async () => {
        site.errors.length = 0;
        const { status } = await site.ask("/echo.php", { method: "TRACE" });
        assertGreaterOrEqual(status, 400);
        assert(status === 501 || status < 500, `Status ${status}`);
        assertEquals(site.errors, []);
      });

      it("tells nobody of clients that leave in mid-upload, and goes on", async () => {
        site.errors.length = 0;
        for (const length of [2 * MEGABYTE, undefined]) {
          await using connection = await HttpConnection.open(site.gatewayPort);
          const { promise: isSent, resolve } = Promise.withResolvers<void>();
          void connection.send({
            method: "POST",
            target: "/echo.php",
            ...length === undefined ? {} : { length },
            body: async function* () {
              yield* parts(MEGABYTE);
              resolve();
              await new Promise(() => {});
            }(),
          });
          await isSent;
          await waitUntil(() => connection.written >= MEGABYTE - 65536);
        }
        for (let i = 0; i < 8; i++) {
          assertEquals((await site.ask("/answer.php?body=on")).text, "on");
        }
        assertEquals(site.errors.map(String), []);
      });
    });
  }

  const skip = runtime !== "deno" && "Permissions are Deno's";
  it(
    "gathers an upload without a length, where Deno may not read the environment",
    { skip },
    async () => {
      const host = fileURLToPath(new URL("../../examples/php/host.deno.ts", import.meta.url));
      const port = await freePort();
      await using program = await spawnScript(host, [php.socket, php.root, String(port)], {
        denoPermissions: ["--allow-net", "--allow-read", "--allow-write"],
      });
      const isThere = () => http(port).then(() => true, () => false);
      const outcome = await waitUntil(() => Promise.race([program.exit, isThere()]));
      assertEquals(outcome, true, program.stderr.text);
      const { status } = await http(port, {
        method: "POST",
        target: "/echo.php",
        body: parts(MEGABYTE),
      });
      assertEquals(status, 200);
    },
  );
});
