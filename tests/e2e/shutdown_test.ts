/** That a shutdown does not wait for web servers that keep connections as long as they like. */
import { assertEquals, assertLess } from "../_assert.ts";
import { afterAll, beforeAll, describe, it } from "../_harness.ts";
import { startTcpApp, startUnixApp } from "./_apps.ts";
import { http } from "./_http_client.ts";
import { type Setup, SETUPS } from "./_servers.ts";
import { type RunningServer, skipReason, startServer } from "./_web_server.ts";

/** Requests at once, so many connections are kept. */
const COUNT = 4;
/** How long a process takes to end at the most, in milliseconds; LINGER_TIMEOUT alone is 5,000. */
const SOON = 1_500;

const KEEPING: [Setup, name: string][] = [
  [SETUPS.apache, "enablereuse and all let through"],
  [SETUPS.nginx, "kept connections"],
  [SETUPS.haproxy, "get-values, mpxs-conns"],
];

for (const [setup, name] of KEEPING) {
  const way = setup.ways.find((way) => way.name === name)!;
  const skip = await skipReason(setup.server);
  describe(`${setup.title}, ${name}`, { skip, timeout: 30_000 }, () => {
    let server: RunningServer;
    beforeAll(async () => void (server = await startServer(setup.server)));
    afterAll(async () => await server?.[Symbol.asyncDispose]());

    it("keeps no application from its end, and finds the next one", async () => {
      for (let round = 0; round < 2; round++) {
        await using app = way.app === "tcp"
          ? await startTcpApp(setup.tcp!)
          : await startUnixApp(server.directory);
        const ask = async () => (await http(way.port, { target: "/small" })).status;
        const statuses = await Promise.all(Array.from({ length: COUNT }, ask));
        assertEquals(statuses, Array(COUNT).fill(200));
        const start = performance.now();
        app.kill("SIGTERM");
        assertEquals(await app.exit, { code: 0, signal: null }, app.stderr.text);
        assertLess(performance.now() - start, SOON);
      }
    });
  });
}
