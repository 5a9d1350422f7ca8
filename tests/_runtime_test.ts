/** Programs, ports and directories that tests make. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  assertEquals,
  assertExists,
  assertGreater,
  assertMatch,
  assertRejects,
} from "./_assert.ts";
import { describe, it } from "./_harness.ts";
import {
  freePort,
  runtimeVersion,
  spawnProgram,
  spawnScript,
  tempDir,
  waitUntil,
  which,
} from "./_runtime.ts";

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
