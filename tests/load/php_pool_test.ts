/** A pool of connections to php-fpm under load, a quarter of its requests aborted at random. */
import { join } from "node:path";
import process from "node:process";
import { assertEquals, assertGreater, assertLess } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { spawnScript } from "../_runtime.ts";
import { PhpFpm, skipPhp } from "../e2e/_php_fpm.ts";
import type { Remains } from "./_pool_client.ts";

const CLIENT = new URL("./_pool_client.ts", import.meta.url);

describe("FastCgiClient before php-fpm", {
  skip: skipPhp || process.platform !== "linux" && "needs /proc",
  timeout: 120_000,
}, () => {
  // A connection that is kept has one of php-fpm's four processes to itself.
  for (const [what, ...args] of [["", "8"], [", on kept connections", "4", "kept"]]) {
    it(`leaves nothing of 10,000 requests${what}`, async () => {
      await using php = await PhpFpm.start();
      const script = join(php.root, "echo.php");
      await using program = await spawnScript(CLIENT, [php.socket, script, ...args], {
        denoPermissions: ["-A"],
      });
      assertEquals((await program.exit).code, 0, program.stderr.text);
      const remains: Remains = JSON.parse(program.stdout.lines.at(-1)!);
      assertEquals(remains.answered + remains.aborted, 10_000);
      assertGreater(remains.aborted, 1_500);
      assertEquals([remains.sockets, remains.warnings], [0, []]);
      const grown = remains.grown / 2 ** 20;
      assertLess(grown, 64, `${grown.toFixed(1)} MiB more`);
    });
  }
});
