import { assertEquals, assertMatch, assertStringIncludes } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { serve } from "../../mod.ts";
import { openMetricsOf } from "../../src/cli/status/open_metrics.ts";
import { lonelyStatus } from "../../src/cli/status/lonely.ts";
import { textOf } from "../../src/cli/status/text.ts";
import type { StatusReport } from "../../src/cli/status/report.ts";
import type { OwnPaths } from "../../src/cli/own_paths.ts";
import { serveWithCommands } from "../../src/cli/serve_with_commands.ts";
import { PastWorkers } from "../../src/cli/workers/past_workers.ts";
import { poolStatus } from "../../src/cli/workers/pool_status.ts";
import type { FastCgiServer } from "../../mod.ts";
import { fcgi } from "./_terminal.ts";

const quiet = { port: 0, handleSignals: false, onListen: () => {} };

function report(): StatusReport {
  const past = new PastWorkers();
  const stats = (accepted: number, active: number) => ({
    startTime: 10_000,
    connections: { active, accepted, refused: 0 },
    requests: { active, maxActive: 2, accepted, rejected: 1, failed: 0, aborted: 0 },
  });
  past.add({ stats: stats(100, 0), rss: 1, slow: 1 });
  const known = { startTime: 10_000, isStale: false, generation: 2 };
  return poolStatus({
    name: 'a "pool"\n',
    startTime: 5_000,
    phase: "serving",
    generation: 2,
    restarts: 1,
    listenQueue: 3,
    past,
    processes: [
      {
        ...known,
        pid: 11,
        slot: 0,
        state: "ready",
        report: { stats: stats(7, 1), rss: 2 ** 20, slow: 1 },
      },
      { ...known, pid: 12, slot: 1, state: "starting", report: undefined },
      {
        ...known,
        ...{ pid: 10, slot: 0, state: "draining", generation: 1, isStale: true },
        report: { stats: stats(3, 0), rss: 2 ** 20, slow: 1 },
      },
    ],
  }, 65_000);
}

async function served(
  use: (args: string[]) => Promise<void>,
  paths: OwnPaths = {},
): Promise<void> {
  const server: FastCgiServer = serveWithCommands(
    { fetch: () => new Response("the application's") },
    quiet,
    { answer: (what) => Promise.resolve(lonelyStatus("app.ts", server, what)), paths },
  );
  const { port } = await server.ready as { port: number };
  await use(["-c", String(port)]);
  await server.shutdown();
}

describe("status", () => {
  it("adds up the workers that live, and those that have ended", () => {
    const { processes, ...whole } = report();
    assertEquals(whole, {
      pool: 'a "pool"\n',
      "process manager": "static",
      phase: "serving",
      "start time": 5,
      "start since": 60,
      "accepted conn": 110,
      "refused conn": 0,
      "listen queue": 3,
      "idle processes": 0,
      "active processes": 1,
      "total processes": 3,
      "accepted requests": 110,
      "active requests": 1,
      "rejected requests": 3,
      "failed requests": 0,
      "aborted requests": 0,
      "slow requests": 3,
      memory: 2 * 2 ** 20,
      generation: 2,
      "old workers": 1,
      restarts: 1,
    });
    assertEquals(processes.map(({ state, requests }) => [state, requests]), [
      ["Running", 7],
      ["Starting", null],
      ["Draining", 3],
    ]);
  });

  it("as text has a line for each figure and each process", () => {
    const lines = textOf(report()).split("\n");
    assertEquals(lines.find((line) => line.startsWith("accepted conn")), "accepted conn:     110");
    assertEquals(lines.slice(-4), [
      "11   Running            55 s         7         1                1            1.0 MiB  2",
      "12   Starting           55 s         -         -                -            -        2",
      "10   Draining (silent)  55 s         3         0                0            1.0 MiB  1",
      "",
    ]);
  });

  it("as OpenMetrics has every metric typed, labels escaped, and an end", () => {
    const lines = openMetricsOf(report()).split("\n");
    assertEquals(lines.slice(-2), ["# EOF", ""]);
    const label = 'pool="a \\"pool\\"\\n"';
    assertStringIncludes(lines.join("\n"), `\nfcgi_requests_total{${label}} 110\n`);
    assertStringIncludes(
      lines.join("\n"),
      `\nfcgi_process_memory_bytes{${label},slot="0",pid="11"} 1048576\n`,
    );
    const typed = new Map<string, string>();
    for (const line of lines.slice(0, -2)) {
      const [, name, type] = /^# TYPE (\w+) (counter|gauge)$/.exec(line) ?? [];
      if (name !== undefined) typed.set(name, type!);
      else if (!line.startsWith("# HELP ")) {
        const [, sample] = /^(\w+)\{[^\n]*\} -?[\d.]+$/.exec(line) ?? [];
        const metric = sample!.replace(/_total$/, "");
        assertEquals(typed.get(metric), sample === metric ? "gauge" : "counter", line);
      }
    }
  });
});

describe("paths of fcgi serve itself", () => {
  const paths = { ping: "/shop/ping", status: "/status" };
  const ask = async (address: string[], path: string) => {
    const { code, out } = await fcgi(["get", "-i", path, ...address]);
    assertEquals(code, 0, out);
    return out;
  };

  it("are answered without the application: pong, and the status in three forms", () =>
    served(async (address) => {
      assertMatch(
        await ask(address, "/shop/ping?x"),
        /^content-type: text\/plain\r?\n[^]*\npong\n$/m,
      );
      assertMatch(await ask(address, "/status"), /^pool: +app\.ts\n/m);
      const json = (await ask(address, "/status?json")).split(/\r?\n\r?\n/)[1]!;
      assertEquals(JSON.parse(json)["total processes"], 1);
      assertMatch(
        await ask(address, "/status?openmetrics"),
        /^content-type: application\/openmetrics-text; version=1\.0\.0; charset=utf-8$/m,
      );
    }, paths));

  it("are exact, and the application's unless they are named", async () => {
    await served(async (address) => {
      for (const path of ["/ping", "/shop/ping/", "/shop/pin%67", "/status/x"]) {
        assertMatch(await ask(address, path), /\nthe application's$/, path);
      }
    }, paths);
    await served(async (address) => {
      assertMatch(await ask(address, "/status"), /\nthe application's$/);
    });
  });

  it("begin with a slash", async () => {
    const { code, err } = await fcgi(["serve", "app.ts", "--ping-path", "ping"]);
    assertEquals(code, 2);
    assertMatch(err[0]!, /--ping-path cannot be ping: it is a path of URLs, such as \/ping-path/);
  });
});

describe("fcgi status and reload", () => {
  it("ask the command, and never the application", async () => {
    await served(async (address) => {
      const { code, out } = await fcgi(["status", ...address]);
      assertEquals(code, 0);
      assertMatch(out, /^pool: +app\.ts\n/);
      const json = JSON.parse((await fcgi(["status", "--json", ...address])).out);
      assertEquals([json["accepted requests"], json["total processes"]], [2, 1]);
      assertMatch((await fcgi(["status", "--openmetrics", ...address])).out, /^# TYPE fcgi_/);
      assertEquals((await fcgi(["get", "/", ...address])).out, "the application's");
    });
  });

  it("say that without a supervisor nothing is reloaded", async () => {
    await served(async (address) => {
      for (const wait of [["--wait"], []]) {
        const { code, err } = await fcgi(["reload", ...wait, ...address]);
        assertEquals(code, 1);
        assertMatch(err[0]!, /^fcgi: Not reloaded: there is no supervisor: restart it/);
      }
    });
  });

  it("say so where something else answers", async () => {
    for (const body of ["the application's", "[1]", '"{}"']) {
      const server = serve(quiet, () => new Response(body));
      const { port } = await server.ready as { port: number };
      const { code, err } = await fcgi(["status", "-c", String(port)]);
      await server.shutdown();
      assertEquals([code, err.length], [1, 1]);
      assertMatch(err[0]!, /not served by fcgi serve/);
    }
  });
});
