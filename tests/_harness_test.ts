/**
 * The harness, tested by itself: what passes passes here; what must fail is run in a file of its
 * own, by the same runner, and its report is read.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
  assertThrows,
} from "./_assert.ts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "./_harness.ts";
import { runtime, spawnProgram, tempDir } from "./_runtime.ts";

const log: string[] = [];

describe("describe", () => {
  beforeAll(() => void log.push("outer before all"));
  afterAll(() => void log.push("outer after all"));
  beforeEach(async () => void log.push(await "outer before"));
  afterEach(() => void log.push("outer after"));
  it("runs the hooks of a suite around its first test", () => {
    assertEquals(log, ["outer before all", "outer before"]);
  });
  describe("within describe", () => {
    beforeAll(() => void log.push("inner before all"));
    afterAll(() => void log.push("inner after all"));
    beforeEach(() => void log.push("inner before"));
    afterEach(() => void log.push("inner after"));
    it("runs the outer hooks first", () => {
      assertEquals(log.splice(0), [
        ...["outer before all", "outer before", "outer after"],
        ...["inner before all", "outer before", "inner before"].toSorted(byPlan),
      ]);
    });
  });
  it("runs the inner hooks first when a test is over", () => {
    assertEquals(log, ["inner after", "outer after", "inner after all", "outer before"]);
  });
});

/** All of `beforeAll` come before any `beforeEach`. */
function byPlan(a: string, b: string): number {
  return Number(b.endsWith("all")) - Number(a.endsWith("all"));
}

describe("describe, when its last test is over", () => {
  it("has run afterAll", () => {
    assertEquals(log, [
      ...["inner after", "outer after", "inner after all", "outer before"],
      ...["outer after", "outer after all"],
    ]);
  });
  it("refuses an asynchronous body, a hook outside and a skip without a reason", () => {
    assertThrows(() => beforeAll(() => {}), TypeError, "inside describe()");
    assertThrows(() => it.ignore("name", " "), TypeError, "must have a reason");
    assertThrows(() => describe.skip("name", "", () => {}), TypeError, "must have a reason");
  });
});

/** Each must fail, or be skipped, and say why. */
const BAD_TESTS = `
describe("bad", () => {
  it("passes", () => {});
  it("fails", () => assertEquals(1, 2));
  it("throws later", async () => { await 1; throw new Error("Thrown later"); });
  it("never settles", { timeout: 50 }, () => new Promise(() => {}));
  it.ignore("cannot run", "No such server");
  it("cannot run either", { skip: "Not here" }, () => {});
  describe.skip("group", "Not at all", () => { it("is skipped", () => { throw 1; }); });
  it("leaks", () => { setTimeout(() => {}, 100); });
});
describe("broken", () => {
  beforeAll(() => { throw new Error("Broken before all"); });
  it("does not run", () => { console.log("It ran"); });
});
`;

describe("runner", () => {
  it("reports each failure and each skip with its reason", { timeout: 60_000 }, async () => {
    await using directory = await tempDir();
    const file = join(directory.path, "bad_test.ts");
    const [assertions, harness] = ["./_assert.ts", "./_harness.ts"]
      .map((name) => JSON.stringify(new URL(name, import.meta.url).href));
    const imports = `import { assertEquals } from ${assertions};
      import { beforeAll, describe, it } from ${harness};`;
    await writeFile(file, imports + BAD_TESTS);
    const command = {
      deno: ["test", "-A", "--no-check", "--no-config", "--no-lock", file],
      bun: ["test", file],
      node: ["--test", "--test-reporter=spec", file],
    };
    const env = { NO_COLOR: "1", FORCE_COLOR: undefined };
    await using program = await spawnProgram(process.execPath, command[runtime], {
      env,
      cwd: directory.path,
    });
    const exit = await program.exit;
    assertNotEquals(exit.code, 0);
    const report = program.stdout.text + program.stderr.text;
    assertStringIncludes(report, "bad > passes");
    assertStringIncludes(report, "bad > fails");
    assertStringIncludes(report, "Thrown later");
    assertStringIncludes(report, "Test did not settle within 50 ms");
    assertStringIncludes(report, "bad > cannot run [skip: No such server]");
    assertStringIncludes(report, "bad > cannot run either [skip: Not here]");
    assertStringIncludes(report, "bad > group > is skipped [skip: Not at all]");
    assertStringIncludes(report, "Broken before all");
    assert(!report.includes("It ran"));
    if (runtime === "deno") assertStringIncludes(report, "Leaks detected");
    const failed = runtime === "deno" ? 5 : 4;
    assertMatch(
      report,
      { deno: /5 failed/, bun: /4 fail\b/, node: /fail 4\b/ }[runtime],
      `${failed}`,
    );
  });
});
