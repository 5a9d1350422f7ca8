/** A fixed number of cases for each target; `deno task fuzz` runs as many more as one likes. */
import { assertEquals, assertRejects, assertStringIncludes } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { spawnScript } from "../_runtime.ts";
import { fuzz, FuzzFailure, randomOf, type Target } from "./_fuzz.ts";
import { sample } from "./_sample.ts";
import { targets } from "./_targets.ts";

/** The same every time: a test must not fail for what it did not fail for before. */
const SEED = 1;
const CASES: Record<string, number> = { decoder: 3000, connection: 1500, cgi: 3000, client: 1500 };

for (const target of targets) {
  describe(`fuzzing of the ${target.name}`, () => {
    it(
      `finds nothing in ${CASES[target.name]} cases of seed ${SEED}`,
      { timeout: 60_000 },
      async () => {
        assertEquals(
          await fuzz(target, { seed: SEED, cases: CASES[target.name] }),
          CASES[target.name],
        );
      },
    );
  });
}

describe("fuzz", () => {
  for (const how of ["throws", "rejects"] as const) {
    it(`names seed and case of one that ${how}, and leaves nothing in it that need not be`, async () => {
      const failure = await assertRejects(
        () => fuzz(sample(how), { seed: 5, cases: 100 }),
        FuzzFailure,
        "A 9 behind a 7",
      );
      const [, number] = /--seed=5 --case=(\d+)\n/.exec(failure.message) ?? [];
      assertEquals(failure.message.split("list of steps that fails:\n")[1], "  7\n  9");
      // The case alone fails just so.
      const again = await assertRejects(
        () => fuzz(sample(how), { seed: 5, from: Number(number), cases: 1 }),
        FuzzFailure,
      );
      assertEquals(again.message, failure.message);
    });
  }

  it("names seed and case of one that leaves a rejection nobody handles", async () => {
    // A program of its own: here the test runner would take it for its own business.
    await using program = await spawnScript(new URL("./_sample.ts", import.meta.url), [], {
      denoPermissions: ["-A"],
    });
    await program.exit;
    assertStringIncludes(program.stdout.text, "Unhandled rejection: Error: A 9 behind a 7");
    assertStringIncludes(program.stdout.text, "list of steps that fails:\n  7\n  9");
  });

  it("runs all cases of a target that holds, and tells of each", async () => {
    const numbers: number[] = [];
    const onCase = (number: number) => numbers.push(number) > 0;
    const holds: Target<number> = { ...sample("throws"), run: () => {} };
    assertEquals(await fuzz(holds, { seed: 1, from: 3, cases: 4, onCase }), 4);
    assertEquals(numbers, [3, 4, 5, 6]);
  });

  it("stops when it is told to", async () => {
    const holds: Target<number> = { ...sample("throws"), run: () => {} };
    const onCase = (number: number) => number < 10;
    assertEquals(await fuzz(holds, { seed: 1, cases: 100, onCase }), 10);
  });

  it("gives each case numbers of its own, the same every time", () => {
    const draw = (seed: number, number: number) => randomOf(seed, number).below(1_000_000);
    const numbers = [draw(1, 0), draw(1, 1), draw(2, 0), draw(2, 1)];
    assertEquals(new Set(numbers).size, 4);
    assertEquals([draw(1, 0), draw(1, 1), draw(2, 0), draw(2, 1)], numbers);
  });
});
