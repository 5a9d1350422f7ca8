/**
 * Applications behind nginx: what is checked with every web server, and what nobody but nginx needs
 * or can do.
 */
import { delimiter, dirname } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { assertEquals, assertLess, assertMatch } from "../_assert.ts";
import { beforeAll, describe, it } from "../_harness.ts";
import { runtime, spawnProgram, spawnScript } from "../_runtime.ts";
import { startOnPort } from "./_apps.ts";
import { newId, slowly } from "./_checks.ts";
import { hashOf, LARGE, parts } from "./_content.ts";
import { http, HttpConnection } from "./_http_client.ts";
import { heldBack, peakGrowth, skipMemory, skipSockets, socketsOf, warmUp } from "./_process.ts";
import { SETUPS } from "./_servers.ts";
import { type Running, testSetup } from "./_suite.ts";
import { skipReason, startServer } from "./_web_server.ts";

const MEGABYTE = 1024 * 1024;
/** How much more memory a process may have for 50 MB that pass through it. */
const MEMORY_LIMIT = 24 * MEGABYTE;

const { server } = SETUPS.nginx;
const skipNginx = await skipReason(server);

await testSetup(SETUPS.nginx, { large: LARGE }, testNginx);

function testNginx(running: () => Running): void {
  const unixApp = () => running().apps.unix!;

  it("passes a head of 3.9 kB, and says what happened to one that is too large", async () => {
    const fits = await http(8180, { target: "/headers?bytes=3900" });
    assertEquals([fits.status, fits.all("x-large")[0]!.length], [200, 3900]);
    const large = await http(8180, { target: "/headers?bytes=5000" });
    assertEquals(large.status, 502);
    await unixApp().waitForLine(
      "stderr",
      /larger than stock nginx takes: 5\d{3} bytes, limit 4087/,
    );
    await running().logged("upstream sent too big header", "server");
  });

  it("gets each request a new connection without keepalive, and all the same one with it", {
    skip: skipNginx || skipSockets,
  }, async () => {
    for (const [port, different] of [[8180, 5], [8182, 1]] as const) {
      const seen = new Set<string>();
      for (let i = 0; i < 5; i++) {
        const id = newId();
        const answer = http(port, { target: `/hold/${id}` });
        await http(port, { target: `/wait/${id}/started` });
        // The other connections of the moment are idle ones that nginx keeps, the same each time.
        seen.add((await socketsOf(unixApp().pid)).join(" "));
        await http(port, { target: `/mark/${id}/go` });
        assertEquals((await answer).text, `${id}\n`);
      }
      assertEquals(seen.size, different);
    }
  });

  describe("memory", { skip: skipNginx || skipMemory, timeout: 60_000 }, () => {
    const port = 8183;
    const expected = hashOf(LARGE);
    let level: number;

    beforeAll(async () => {
      level = await warmUp(unixApp().pid, async () => {
        const request = { method: "POST", body: parts(LARGE), length: LARGE };
        assertEquals((await http(port, { target: "/hash", ...request })).text, expected);
        await using connection = await HttpConnection.open(port);
        await connection.send({ target: `/download?bytes=${LARGE}` });
        await connection.head();
        assertEquals(
          await slowly(connection, () => http(port, { target: "/status/200" })),
          expected,
        );
      });
    });

    it("grows by less than 24 MB with a download to a client that reads slowly", async () => {
      const growth = await peakGrowth(unixApp().pid, level, MEMORY_LIMIT, async () => {
        const id = newId();
        await using connection = await HttpConnection.open(port);
        await connection.send({ target: `/download/${id}?bytes=${LARGE}` });
        assertEquals((await connection.head()).status, 200);
        const made = await heldBack(async () => {
          return Number((await http(port, { target: `/progress/${id}` })).text);
        });
        assertLess(made, LARGE / 2);
        assertEquals(
          await slowly(connection, () => http(port, { target: "/status/200" })),
          expected,
        );
      });
      assertLess(growth, MEMORY_LIMIT);
    });

    it("grows by less than 24 MB with an upload that the application reads late", async () => {
      const growth = await peakGrowth(unixApp().pid, level, MEMORY_LIMIT, async () => {
        const id = newId();
        await using connection = await HttpConnection.open(port);
        const answer = connection.fetch({
          method: "POST",
          target: `/hash/${id}?hold`,
          body: parts(LARGE),
          length: LARGE,
        });
        await http(port, { target: `/wait/${id}/started` });
        const written = await heldBack(async () => {
          await http(port, { target: "/status/200" });
          return connection.written;
        });
        assertLess(written, LARGE / 2);
        await http(port, { target: `/mark/${id}/go` });
        assertEquals((await answer).text, expected);
      });
      assertLess(growth, MEMORY_LIMIT);
    });
  });
}

describe("nginx, hello.fcgi.ts", { skip: skipNginx, timeout: 30_000 }, () => {
  const file = fileURLToPath(new URL("../../examples/hello.fcgi.ts", import.meta.url));
  /** Puts the runtime that runs the test first for `env`. */
  const env = { PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) };

  for (
    const [how, start, skip] of [
      ["run by the runtime", () => spawnScript(file), false],
      ["run as a program", () => spawnProgram(file, [], { env }), notDeno()],
    ] as const
  ) {
    it(`says hello on the default address, ${how}`, { skip: skipNginx || skip }, async () => {
      await using _nginx = await startServer(server);
      await using program = await startOnPort(9000, start);
      for (const path of ["/", "/app/w%C3%B6rld"]) {
        const answer = await http(8181, { target: path });
        assertEquals([answer.status, answer.text], [200, `Hello from ${path}\n`]);
        assertMatch(answer.all("content-type")[0]!, /^text\/plain; ?charset=utf-8$/i);
        assertEquals(answer.all("content-length"), [String(answer.body.length)]);
      }
      assertEquals(program.stdout.text, "");
    });
  }

  function notDeno(): string | false {
    return runtime !== "deno" && "Its first line names Deno";
  }
});
