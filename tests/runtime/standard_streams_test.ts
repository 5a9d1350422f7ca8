/** The standard streams of real child processes: exact, patient, and broken without a crash. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assertBytes, pattern } from "../_bytes.ts";
import { assertEquals, assertLess, assertMatch } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { spawnProgram, tempDir, waitUntil } from "../_runtime.ts";
import { commandFor } from "./_command.ts";

const MODULE = new URL("../../src/runtime/standard_streams.ts", import.meta.url).href;
const SIZE = 5 * 1024 * 1024;
/** At least one flag, or else node:child_process gives a Deno it starts all permissions. */
const NOTHING = ["--deny-env"];

/**
 * Runs `script`, a shell's, in a directory with a program `app.ts` that has `stdin`, `stdout` and
 * `stderr`.
 */
async function shell(script: string, source: string, input: Uint8Array = new Uint8Array()) {
  const directory = await tempDir();
  const file = join(directory.path, "app.ts");
  await writeFile(
    file,
    `import { endProgram, standardStreams } from ${JSON.stringify(MODULE)};
    const { stdin, stdout, stderr } = standardStreams();
    const encode = (text) => new TextEncoder().encode(text);
    ${source}`,
  );
  await writeFile(join(directory.path, "input"), input);
  const program = await spawnProgram("sh", ["-c", script, "sh", ...commandFor(file, NOTHING)], {
    cwd: directory.path,
    stdin: "pipe",
    env: { NO_COLOR: "1", FORCE_COLOR: undefined },
  });
  return {
    program,
    directory: directory.path,
    output: () => readFile(join(directory.path, "output")),
    async [Symbol.asyncDispose]() {
      await program[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

const COPY = `await stdin.pipeTo(stdout);`;
const WRITE = `
  const writer = stdout.getWriter();
  writer.closed.catch(() => {});
`;

describe("standardStreams", { timeout: 20_000 }, () => {
  for (
    const [how, script] of [
      ["through pipes", `cat input | "$@" | cat > output`],
      ["through files", `"$@" < input > output`],
    ] as const
  ) {
    it(`passes 5 MB ${how}, byte by byte`, async () => {
      const input = pattern(SIZE);
      await using run = await shell(script, COPY, input);
      assertEquals(await run.program.exit, { code: 0, signal: null }, run.program.stderr.text);
      assertBytes(await run.output(), input);
    });
  }

  for (const [name, redirection] of [["/dev/null", "< /dev/null"], ["no standard input", "<&-"]]) {
    it(`has an empty standard input with ${name}`, async () => {
      await using run = await shell(`"$@" ${redirection} | cat > output`, COPY);
      assertEquals(await run.program.exit, { code: 0, signal: null }, run.program.stderr.text);
      assertEquals((await run.output()).length, 0);
    });
  }

  it("takes nothing from standard input before it is asked", async () => {
    // What the program leaves is there for the next one.
    await using pipe = await shell(
      `cat input | { "$@"; cat > output; }`,
      `${WRITE} await writer.write(encode("done"));`,
      pattern(1000),
    );
    assertEquals((await pipe.program.exit).code, 0, pipe.program.stderr.text);
    assertBytes(await pipe.output(), pattern(1000));
  });

  it("loses nothing of what was written when the program ends with an exit code", async () => {
    await using run = await shell(
      `"$@" | cat > output; "$@" > /dev/null; echo $?`,
      `${WRITE} await writer.write(new Uint8Array(${SIZE})); endProgram(3);`,
    );
    await run.program.exit;
    assertEquals(run.program.stdout.lines, ["3"]);
    assertEquals((await run.output()).length, SIZE);
  });

  it("writes no faster than the reader takes, while the program goes on", async () => {
    await using run = await shell(
      `mkfifo go; "$@" | { read line < go; cat > output; }`,
      `${WRITE}
      const log = stderr.getWriter();
      let written = 0;
      const timer = setInterval(() => log.write(encode(written + "\\n")), 20);
      for (; written < ${SIZE}; written += 65536) await writer.write(new Uint8Array(65536));
      clearInterval(timer);`,
    );
    // Three looks in a row at the same number: it stands still.
    const stood = await waitUntil(() => {
      const [last, ...before] = run.program.stderr.lines.slice(-3);
      return before.length === 2 && before.every((line) => line === last) && Number(last);
    });
    assertLess(Number(stood), SIZE / 2);
    await using go = await spawnProgram("sh", ["-c", "echo > go"], { cwd: run.directory });
    await go.exit;
    assertEquals(await run.program.exit, { code: 0, signal: null }, run.program.stderr.text);
    assertEquals((await run.output()).length, SIZE);
  });

  it("reports a broken pipe to the write that met it, and does not crash", async () => {
    await using run = await shell(
      `{ "$@"; echo "exit code $?" >&2; } | true`,
      `${WRITE}
      try {
        for (;;) await writer.write(new Uint8Array(65536));
      } catch (error) {
        await stderr.getWriter().write(encode("caught " + error.code + "\\n"));
      }`,
    );
    await run.program.exit;
    assertEquals(run.program.stderr.lines, ["caught EPIPE", "exit code 0"]);
  });

  it("does not crash of a broken standard error either", async () => {
    await using run = await shell(
      `{ "$@" 2>&1 >&3 | true; } 3> output`,
      `const log = stderr.getWriter();
      log.closed.catch(() => {});
      try {
        for (;;) await log.write(new Uint8Array(65536));
      } catch (error) {
        await stdout.getWriter().write(encode("caught " + error.code));
      }`,
    );
    await run.program.exit;
    assertEquals(String(await run.output()), "caught EPIPE");
  });

  it("lets the program end while a cancelled read is under way", async () => {
    await using run = await shell(
      `exec "$@"`,
      `const reader = stdin.getReader();
      const read = reader.read();
      await stdout.getWriter().write(encode("reading\\n"));
      await reader.cancel();
      console.error(JSON.stringify(await read));`,
    );
    // Its standard input stays open, and nothing comes.
    assertEquals(await run.program.exit, { code: 0, signal: null });
    assertEquals(run.program.stdout.lines, ["reading"]);
    assertMatch(run.program.stderr.text, /"done":true/);
  });
});

describe("endProgram", () => {
  it("ends a program that something would keep running", async () => {
    await using run = await shell(
      `exec "$@"`,
      `setInterval(() => {}, 1000); endProgram(1);`,
    );
    assertEquals(await run.program.exit, { code: 1, signal: null }, run.program.stderr.text);
  });

  it("lets a program that goes on for a moment do so", async () => {
    await using run = await shell(
      `exec "$@"`,
      `endProgram(0); setTimeout(() => console.log("the end"), 0);`,
    );
    assertEquals(await run.program.exit, { code: 0, signal: null }, run.program.stderr.text);
    assertEquals(run.program.stdout.lines, ["the end"]);
  });
});
