/**
 * That `fcgi serve --workers` behind nginx, with a connection for each request, loses no request of
 * twenty reloads, and of twenty killed workers none but those that the killed ones had taken.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { assertEquals, assertGreater } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { freePort, tempDir, waitUntil } from "../_runtime.ts";
import { kill, skipPools, TestPool } from "../cli/workers/_pool.ts";
import { HttpConnection } from "../e2e/_http_client.ts";
import { configurationOf, Nginx, skipNginx } from "./_nginx.ts";

const WORKERS = 2;
const LANES = 8;
/** How many reloads, and how many workers killed: in the gate fewer than in tests/README.md. */
const TIMES = Number(process.env.FCGI_TEST_TIMES ?? 4);
/** Answers between two events. */
const BETWEEN = 50;

/** Notes each request that it begins: `pid id`, in a file that the query names. */
const APP = `import { appendFileSync } from "node:fs";
import process from "node:process";
export default {
  async fetch(request) {
    const query = new URL(request.url).searchParams;
    appendFileSync(query.get("log"), process.pid + " " + query.get("id") + "\\n");
    await new Promise((resolve) => setTimeout(resolve, 5));
    return new Response(query.get("id"));
  },
};
`;

function configuration(port: number, socket: string): string {
  return configurationOf(`
  server {
    listen 127.0.0.1:${port};
    location / { include /etc/nginx/fastcgi_params; fastcgi_pass unix:${socket}; }
  }
  `);
}

/** Requests without a pause, each with a number of its own. */
class NumberedLoad {
  readonly right: number[] = [];
  readonly wrong: number[] = [];
  readonly #lanes: Promise<void>[];
  #next = 0;
  #isOver = false;

  constructor(port: number, log: string) {
    this.#lanes = Array.from({ length: LANES }, () => this.#run(port, log));
  }

  async more(count: number): Promise<void> {
    const enough = this.right.length + count;
    await waitUntil(() => this.right.length >= enough, { timeout: 20_000, what: "more answers" });
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#lanes);
  }

  async #run(port: number, log: string): Promise<void> {
    while (!this.#isOver) {
      // nginx closes a connection after 1,000 requests.
      await using connection = await HttpConnection.open(port);
      for (let count = 0; count < 100 && !this.#isOver; count++) {
        const id = this.#next++;
        const target = `/?id=${id}&log=${encodeURIComponent(log)}`;
        const { status, text } = await connection.fetch({ target });
        (status === 200 && text === `${id}` ? this.right : this.wrong).push(id);
        if (status === 0) break;
      }
    }
  }
}

describe("fcgi serve --workers behind nginx", {
  skip: skipNginx || skipPools,
  timeout: 300_000,
}, () => {
  it("loses nothing but what a killed worker has taken", async () => {
    await using pool = await TestPool.start({ app: APP, workers: WORKERS });
    await using files = await tempDir(0o755);
    const port = await freePort();
    const path = join(files.path, "nginx.conf");
    await writeFile(path, configuration(port, pool.path));
    await using nginx = await Nginx.start(path);
    const log = join(files.path, "begun");
    const load = new NumberedLoad(port, log);
    await load.more(BETWEEN);

    for (let generation = 2; generation < 2 + TIMES; generation++) {
      pool.program.kill("SIGHUP");
      await load.more(BETWEEN);
      await waitUntil(async () => {
        const { processes } = await pool.status();
        return processes.every((one) => one.generation === generation && one.state !== "Starting");
      }, { timeout: 20_000, what: `generation ${generation}` });
    }
    assertEquals(load.wrong, [], await nginx.errorLog());

    const killed = new Set<number>();
    while (killed.size < TIMES) {
      const pids = await pool.pids();
      if (pids.length < 2) continue;
      const victim = pids[killed.size % pids.length]!;
      kill(victim, "SIGKILL");
      killed.add(victim);
      await load.more(BETWEEN);
    }
    await load.stop();

    const begun = (await readFile(log, "utf8")).trim().split("\n").map((line) => line.split(" "));
    const taker = new Map(begun.map(([pid, id]) => [Number(id), Number(pid)]));
    // None was carried out twice, and none is lost that a living worker had.
    assertEquals(taker.size, begun.length);
    const lost = load.wrong.filter((id) => !killed.has(taker.get(id) ?? [...killed][0]!));
    assertEquals(lost, [], await nginx.errorLog());
    assertGreater(load.right.length, 2 * TIMES * BETWEEN);
    console.log(
      `${load.right.length} answered, ${TIMES} reloads, ${killed.size} killed, ` +
        `${load.wrong.length} lost with them`,
    );
  });
});
