/**
 * What a hostile peer comes to: its connection takes no more than it may, whatever is sent.
 *
 * The bound of one connection's memory is `maxRequestsPerConnection` times twice `maxParamsBytes`
 * (a buffer that doubles), 64 KiB (a body before its handler is called), and `maxBufferedBodyBytes`
 * with a quarter for what its records cost; and 2 MiB beside. With the default options these are
 * 184 MiB, with one request 4 MiB. The attacks go on until the connection does not read any more,
 * or there is nothing that they could still fill.
 */
import { assert, assertEquals, assertGreater, assertLessOrEqual } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { spawnScript } from "../_runtime.ts";
import { attacks, type Damage } from "./_hostile.ts";

/** In a program of its own: nothing else is in its memory. */
async function tryAll(): Promise<Map<string, Damage>> {
  await using program = await spawnScript(new URL("./_hostile.ts", import.meta.url), [], {
    denoPermissions: ["-A"],
  });
  const { code } = await program.exit;
  assertEquals([code, program.stderr.text], [0, ""]);
  const damages = program.stdout.text.trim().split("\n").map((line): Damage => JSON.parse(line));
  return new Map(damages.map((damage) => [damage.name, damage]));
}

describe("a hostile peer", () => {
  let tried: Promise<Map<string, Damage>> | undefined;

  for (const { name, most, least, state } of attacks) {
    it(`comes to nothing with ${name}`, { timeout: 60_000 }, async () => {
      const damage = (await (tried ??= tryAll())).get(name);
      assert(damage !== undefined, "It has not been tried");
      assertEquals(damage.state, state);
      assertLessOrEqual(damage.held, most);
      // Otherwise the attack has missed what it aims at.
      assertGreater(damage.held, least);
    });
  }
});
