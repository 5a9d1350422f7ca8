/** Lines for a file that other processes write to, too. */
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LineFile } from "../../src/runtime/line_file.ts";
import { assertEquals, assertGreater, assertLess, assertMatch } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { spawnProgram, spawnScript, tempDir, waitUntil } from "../_runtime.ts";

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

  it("has opened a file again when nothing is on its way to the old one any more", () =>
    withFile(async (file, path, problems) => {
      await (await spawnProgram("mkfifo", [path])).exit;
      // A pipe that is full: a write waits until somebody reads.
      const hold = 'exec 3<>"$0"; head -c 65536 /dev/zero >&3; echo full; read go; exec cat <&3';
      await using reader = await spawnProgram("sh", ["-c", hold, path], { stdin: "pipe" });
      await reader.waitForLine("stdout", /full/);
      file.add("1\n");
      // Behind the timer of the file.
      await new Promise((resolve) => setTimeout(resolve, 100));
      file.add("2\n");
      await rename(path, `${path}.1`);
      let isDone = false;
      const reopening = file.reopen().then(() => void (isDone = true));
      await stat(path);
      assertEquals(isDone, false);
      reader.process.stdin?.write("go\n");
      await reopening;
      await file.close();
      await waitUntil(() => reader.stdout.text.endsWith("1\n"));
      assertEquals([await text(path), problems], ["2\n", []]);
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
      assertMatch(problems[0]!, /^Cannot open .*\/log again: .*(?:ENOENT|No such file)/);
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
      assertMatch(problems[0]!, /^Cannot write to .*\/none\/log: .*(?:ENOENT|No such file)/);
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

  it("tells once that a full disk is full, and the process goes on", async () => {
    const problems: string[] = [];
    const file = new LineFile("/dev/full", (problem) => void problems.push(problem));
    file.add("1\n");
    await waitUntil(() => problems.length > 0);
    file.add("2\n");
    // It tries again.
    await file.close();
    assertEquals(problems.length, 1);
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
