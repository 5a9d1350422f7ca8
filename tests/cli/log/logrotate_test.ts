/** That `examples/logrotate/app`, run by logrotate under load, loses no line. */
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { assertEquals, assertGreater } from "../../_assert.ts";
import { describe, it } from "../../_harness.ts";
import { runtime, spawnProgram, tempDir, which } from "../../_runtime.ts";
import { Load, MAIN, skipPools, TestPool } from "../workers/_pool.ts";

const EXAMPLE = new URL("../../../examples/logrotate/app", import.meta.url);
const ROTATIONS = 2;
const FLAGS = { deno: "run -A", bun: "run", node: "" };

const logrotate = await which("logrotate");

describe("logrotate", {
  skip: skipPools || (logrotate === null && "logrotate is not installed"),
  timeout: 60_000,
}, () => {
  it("renames the access log under load, and no line is lost", async () => {
    await using files = await tempDir(0o755);
    const logs = join(files.path, "log");
    await mkdir(logs);
    const log = join(logs, "access.log");
    await using pool = await TestPool.start({ args: ["--access-log-file", log] });
    // The file as it is, but for the two places.
    const text = (await readFile(EXAMPLE, "utf8")).replaceAll("/var/log/app", logs)
      .replaceAll("/run/app/fcgi.sock", pool.path);
    const configuration = join(files.path, "app");
    await writeFile(configuration, text);
    await chmod(configuration, 0o644);
    // The command, as it would be installed.
    const command = join(files.path, "fcgi");
    const program = `"${process.execPath}" ${FLAGS[runtime]} "${fileURLToPath(MAIN)}"`;
    await writeFile(command, `#!/bin/sh\nexec ${program} "$@"\n`);
    await chmod(command, 0o755);

    const load = new Load(pool, 4);
    for (let rotation = 0; rotation < ROTATIONS; rotation++) {
      await load.more(100);
      await using rotate = await spawnProgram(
        logrotate!,
        ["-f", "-s", join(files.path, "state"), configuration],
        { env: { PATH: [files.path, process.env.PATH].join(delimiter) } },
      );
      const { code } = await rotate.exit;
      assertEquals([code, rotate.stderr.text], [0, ""]);
    }
    await load.more(100);
    await load.stop();
    assertEquals(load.failures, []);
    pool.program.kill("SIGTERM");
    await pool.program.exit;

    const names = (await readdir(logs)).sort();
    assertEquals(names, ["access.log", "access.log.1", "access.log.2.gz"]);
    const counts = await Promise.all(names.map(async (name) => {
      const bytes = await readFile(join(logs, name));
      const lines = (name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
      return lines.split('"GET / HTTP/1.1" 200').length - 1;
    }));
    for (const count of counts) assertGreater(count, 0);
    assertEquals(counts.reduce((sum, count) => sum + count), load.replies.length);
  });
});
