/** Lines for a file that other processes write to, too. */
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LineFile } from "../../src/runtime/line_file.ts";
import { assertEquals, assertGreater, assertLess, assertMatch } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { spawnScript, tempDir, waitUntil } from "../_runtime.ts";

const MODULE = new URL("../../src/runtime/line_file.ts", import.meta.url).href;
const ALL = { denoPermissions: ["-A"] };

/** A file for lines, with its problems, in a directory of its own. */
async function withFile(
  use: (file: LineFile, path: string, problems: string[]) => Promise<void>,
  name = "log",
): Promise<void> {
  await using directory = await tempDir();
  const path = join(directory.path, name);
  const problems: string[] = [];
  const file = new LineFile(path, (problem) => void problems.push(problem));
  try {
    await use(file, path, problems);
  } finally {
    await file.close();
  }
}

const text = (path: string) => readFile(path, "utf8").catch(() => "");

describe("LineFile", () => {
  it("adds lines soon, in their order, in a file that others may not read", () =>
    withFile(async (file, path) => {
      const from = performance.now();
      for (let i = 0; i < 1000; i++) file.add(`line ${i}\n`);
      await waitUntil(async () => (await text(path)).endsWith("line 999\n"));
      assertLess(performance.now() - from, 1000);
      assertEquals((await text(path)).split("\n").slice(0, -1), [
        ...Array.from({ length: 1000 }, (_, i) => `line ${i}`),
      ]);
      assertEquals((await stat(path)).mode & 0o007, 0);
    }));

  it("has written all of them when it is closed, and adds to what is there", () =>
    withFile(async (file, path) => {
      await writeFile(path, "old\n");
      file.add("new\n");
      await file.close();
      assertEquals(await text(path), "old\nnew\n");
    }));

  it("goes on in a new file, and writes nothing more to the old one", () =>
    withFile(async (file, path) => {
      file.add("1\n");
      await waitUntil(async () => (await text(path)) === "1\n");
      await rename(path, `${path}.1`);
      file.add("2\n");
      await file.reopen();
      file.add("3\n");
      const old = await text(`${path}.1`);
      await file.close();
      assertEquals([old, await text(`${path}.1`)], ["1\n", "1\n"]);
      assertEquals(await text(path), "2\n3\n");
    }));

  it("keeps the old file if there can be no new one", () =>
    withFile(async (file, path, problems) => {
      file.add("1\n");
      await waitUntil(async () => (await text(path)) === "1\n");
      const directory = join(path, "..");
      await rename(directory, `${directory}-gone`);
      await file.reopen();
      file.add("2\n");
      await file.close();
      await rename(`${directory}-gone`, directory);
      assertEquals(await text(path), "1\n2\n");
      assertEquals(problems.length, 1);
      assertMatch(problems[0]!, /^Cannot open .*\/log again: .*ENOENT/);
    }));

  it("tells once that it cannot write, and writes all of it as soon as it can", () =>
    withFile(async (file, path, problems) => {
      for (let i = 0; i < 20; i++) {
        file.add(`${i}\n`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      await waitUntil(() => problems.length > 0);
      await mkdir(join(path, ".."));
      await waitUntil(async () => (await text(path)).endsWith("19\n"));
      assertEquals((await text(path)).split("\n").length, 21);
      assertEquals(problems.length, 1);
      assertMatch(problems[0]!, /^Cannot write to .*\/none\/log: .*ENOENT/);
    }, "none/log"));

  it("says how many lines are lost where too many wait", () =>
    withFile(async (file, path, problems) => {
      const line = `${"x".repeat(4000)}\n`;
      for (let i = 0; i < 1200; i++) file.add(line);
      await waitUntil(() => problems.length > 0);
      assertMatch(problems[0]!, /; \d+ lines are lost$/);
      const lost = Number(/(\d+) lines/.exec(problems[0]!)?.[1]);
      await mkdir(join(path, ".."));
      await file.close();
      assertEquals((await text(path)).length / line.length, 1200 - lost);
      assertGreater(lost, 0);
    }, "none/log"));

  it("tells that a full disk is full, and the process goes on", async () => {
    const problems: string[] = [];
    const file = new LineFile("/dev/full", (problem) => void problems.push(problem));
    file.add("1\n");
    await waitUntil(() => problems.length > 0);
    await file.close();
    assertMatch(problems[0]!, /^Cannot write to \/dev\/full: .*(?:ENOSPC|No space left)/);
  });

  for (
    const [what, ending] of [
      ["ends by itself", ""],
      ["calls process.exit()", "process.exit(0);"],
      ["throws", "throw new Error('no');"],
    ]
  ) {
    it(`writes what is left when a process ${what}`, async () => {
      await using directory = await tempDir();
      const script = join(directory.path, "script.ts");
      const path = join(directory.path, "log");
      await writeFile(
        script,
        `import process from "node:process";
        import { LineFile } from ${JSON.stringify(MODULE)};
        const file = new LineFile(${JSON.stringify(path)}, console.error);
        for (let i = 0; i < 500; i++) file.add("line " + i + "\\n");
        ${ending}`,
      );
      await using program = await spawnScript(script, [], ALL);
      await program.exit;
      assertEquals((await text(path)).split("\n").length, 501, program.stderr.text);
    });
  }

  it("without a path it is standard error", async () => {
    await using directory = await tempDir();
    const script = join(directory.path, "script.ts");
    await writeFile(
      script,
      `import { LineFile } from ${JSON.stringify(MODULE)};
      const file = new LineFile(undefined, () => {});
      file.add("a line\\n");
      await file.reopen();
      await file.close();
      console.error("still there");`,
    );
    await using program = await spawnScript(script, [], ALL);
    assertEquals((await program.exit).code, 0);
    assertEquals(program.stderr.text, "a line\nstill there\n");
  });
});
