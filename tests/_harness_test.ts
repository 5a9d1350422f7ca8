/**
 * The harness, tested by itself: what passes passes here; what must fail is run in a file of its own, by the
 * same runner, and its report is read.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import {
  assert,
  assertEquals,
  assertExists,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  AssertionError,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  fail,
  unreachable,
} from "./_assert.ts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "./_harness.ts";
import {
  freePort,
  runtime,
  runtimeVersion,
  spawnProgram,
  spawnScript,
  tempDir,
  waitUntil,
  which,
} from "./_runtime.ts";
import { readReport } from "./run.ts";

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

describe("assertions", () => {
  it("return or throw as their names say", async () => {
    const pairs: [good: () => void, bad: () => void][] = [
      [() => assert(1), () => assert(0)],
      [() => assertEquals({ a: [1n] }, { a: [1n] }), () => assertEquals([1, 2], [1, 3])],
      [() => assertEquals(NaN, NaN), () => assertEquals<unknown>({ a: undefined }, {})],
      [() => assertEquals(bytes(1, 2), bytes(1, 2)), () => assertEquals(bytes(1), bytes(2))],
      [() => assertEquals(new Map([[1, 2]]), new Map([[1, 2]])), () => assertEquals(0, -0)],
      [() => assertNotEquals([1], [2]), () => assertNotEquals([1], [1])],
      [() => assertStrictEquals(log, log), () => assertStrictEquals([], [])],
      [() => assertExists(0), () => assertExists(null)],
      [() => assertInstanceOf([], Array), () => assertInstanceOf([], Map)],
      [() => assertMatch("abc", /b/), () => assertMatch("abc", /d/)],
      [() => assertStringIncludes("abc", "b"), () => assertStringIncludes("abc", "d")],
      [() => assertGreater(2, 1), () => assertGreater(1, 1)],
      [() => assertGreaterOrEqual(1, 1), () => assertGreaterOrEqual(0, 1)],
      [() => assertLess(1n, 2n), () => assertLess(1, 1)],
      [() => assertLessOrEqual(1, 1), () => assertLessOrEqual(2, 1)],
      [() => assertThrows(() => fail()), () => assertThrows(() => {})],
      [() => assertThrows(() => unreachable(), Error, "Unr"), () => unreachable()],
      [() => {}, () => assertThrows(() => fail("a"), TypeError)],
      [() => {}, () => assertThrows(() => fail("a"), Error, "b")],
    ];
    for (const [index, [good, bad]] of pairs.entries()) {
      good();
      const error = assertThrows(bad, AssertionError);
      assert(error.message !== "", `Needs a message: pair ${index}`);
    }
    const reason = new RangeError("Too far");
    const rejected = () => Promise.reject(reason);
    assertStrictEquals(await assertRejects(rejected, RangeError, "far"), reason);
    await assertRejects(() => assertRejects(rejected, TypeError), AssertionError, "TypeError");
    await assertRejects(() => assertRejects(() => Promise.resolve()), AssertionError, "rejected");
  });
  it("put the caller's message in front of the difference", () => {
    const error = assertThrows(() => assertEquals([1], [2], "Third byte"));
    assertMatch(error.message, /^Third byte: [^]*2/);
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

describe("spawnScript", () => {
  const SCRIPT = `
    import process from "node:process";
    console.log("runs", process.pid, ...process.argv.slice(2));
    process.stdin.on("data", (data: Uint8Array) => console.error("got " + data));
    setInterval(() => {}, 1000);
  `;
  it("runs a file on this runtime, and ends it when disposed of", async () => {
    await using directory = await tempDir();
    const file = join(directory.path, "script.ts");
    await writeFile(file, SCRIPT);
    const stdin = { text: "standard input" };
    const program = await spawnScript(file, ["one", "two"], { stdin, denoPermissions: ["-A"] });
    const [, pid] = await program.waitForLine("stdout", /^runs (\d+) one two$/);
    assertEquals(Number(pid), program.pid);
    await program.waitForLine("stderr", /got standard input/);
    await program[Symbol.asyncDispose]();
    assertEquals(await program.exit, { code: null, signal: "SIGTERM" });
    await assertRejects(() => program.waitForLine("stdout", /never/), Error, "Program ended");
  });
  it("rejects for a program that is not there", async () => {
    await assertRejects(() => spawnProgram("/no/such/program"), Error, "ENOENT");
  });
});

describe("machine", () => {
  it("is described", async () => {
    assertMatch(runtimeVersion, /^\d+\.\d+\.\d+/);
    assertEquals(await which("no-such-program"), null);
    assertExists(await which("sh"));
    assertGreater(await freePort(), 1023);
    assertEquals(await waitUntil(() => Promise.resolve(7)), 7);
    await assertRejects(() => waitUntil(() => false, { timeout: 20, what: "it" }), Error, "for it");
  });
});

describe("readReport", () => {
  it("counts what each runner writes, and takes nothing for nothing", () => {
    const report = `<testsuites><testsuite name="a">
      <testcase name="a > ok" time="0.1"/>
      <testcase name="b &gt; ok" file="b.ts">
      </testcase>
      <testcase name="c [skip: &amp;quot;x&amp;quot; &amp; &lt;y&gt;]"><skipped type="skipped"/></testcase>
      <testcase name="d" failure="boom"><failure message="boom">Error &lt;/testcase></failure></testcase>
      </testsuite></testsuites>`;
    const skipped = ['c [skip: "x" & <y>]'];
    assertEquals(readReport(report), { passed: 2, failed: 1, skipped });
    assertEquals(readReport(""), { passed: 0, failed: 0, skipped: [] });
  });
});

function bytes(...values: number[]): Uint8Array {
  return new Uint8Array(values);
}
