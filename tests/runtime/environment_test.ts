/**
 * The environment of real child processes, as the bytes it is, and what Deno lets be seen of it.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { assert, assertEquals, assertStringIncludes } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { runtime, spawnProgram, tempDir, which } from "../_runtime.ts";
import { commandFor } from "./_command.ts";

const MODULE = new URL("../../src/runtime/environment.ts", import.meta.url).href;
const script = await which("script");
const skip = runtime !== "deno" && "Only Deno has permissions";

/**
 * Prints what `expression` is, as JSON, in a program with bytes in its environment that a shell
 * wrote.
 */
async function evaluate(expression: string, denoPermissions: string[], terminal = false) {
  await using directory = await tempDir();
  const file = join(directory.path, "app.ts");
  await writeFile(
    file,
    `import { environment, mayRead, variable } from ${JSON.stringify(MODULE)};
    const get = (name) => Object.fromEntries(environment())[name];
    let value;
    try { value = ${expression}; } catch (error) { value = error.message; }
    console.log("value " + JSON.stringify(value) + " end");`,
  );
  const command = commandFor(file, denoPermissions).filter((arg) =>
    !terminal || arg !== "--no-prompt"
  );
  const variables = `TEXT="$(printf 'h\\303\\266')" BYTES="$(printf '\\351\\200x')" EMPTY= A=b=c`;
  await using program = await spawnProgram("sh", [
    "-c",
    terminal
      ? `${variables} exec script -qefc "${command.join(" ")}" /dev/null`
      : `${variables} exec "$@"`,
    "sh",
    ...command,
  ], { stdin: "pipe", env: { NO_COLOR: "1", FORCE_COLOR: undefined } });
  if (terminal) await program.waitForLine("stdout", /value|Allow\?/);
  else await program.exit;
  const [, json] = /value (.*) end/.exec(program.stdout.text) ?? [];
  assert(json !== undefined, program.stdout.text + program.stderr.text);
  return json === "undefined" ? undefined : JSON.parse(json);
}

const ALL = ["--allow-all"];

describe("variable", () => {
  for (
    const [name, value] of [
      ["A", "b=c"],
      ["EMPTY", ""],
      ["TEXT", "h\xc3\xb6"],
      ["NOT_THERE", undefined],
    ] as const
  ) {
    it(`reads ${name}`, async () => {
      const expression = `variable(${JSON.stringify(name)})`;
      assertEquals(await evaluate(expression, ["--allow-env"]), value);
    });
  }

  it("does not fail where the value is not UTF-8", async () => {
    // On Deno nothing more is to be had of it than that it is there.
    const value = runtime === "deno" ? "\xef\xbf\xbd" : "\xef\xbf\xbdx";
    assertEquals(await evaluate(`variable("BYTES")`, ["--allow-env"]), value);
  });

  it("reads the one variable that Deno allows, and no other", { skip }, async () => {
    const expression = `[variable("A"), variable("TEXT") ?? null]`;
    assertEquals(await evaluate(expression, ["--allow-env=A"]), ["b=c", null]);
    assertEquals(await evaluate(`variable("A")`, ["--deny-env"]), undefined);
  });

  it("asks nobody at a terminal", {
    skip: skip || !script && "script (util-linux) is not installed",
  }, async () => {
    assertEquals(await evaluate(`variable("A")`, ["--allow-net"], true), undefined);
  });
});

describe("mayRead", () => {
  it("is for every variable where nobody forbids it", async () => {
    const expression = `[mayRead("A"), mayRead("NOT_THERE")]`;
    assertEquals(await evaluate(expression, ["--allow-env"]), [true, true]);
  });

  it("tells a variable that Deno keeps back from one that is not there", { skip }, async () => {
    const expression = `[mayRead("A"), mayRead("NOT_THERE"), mayRead("TEXT")]`;
    const flags = ["--allow-env=A,NOT_THERE"];
    assertEquals(await evaluate(expression, flags), [true, true, false]);
    assertEquals(await evaluate(expression, ["--ignore-env"]), [false, false, false]);
  });
});

describe("environment", () => {
  for (const permissions of runtime === "deno" ? [["--allow-env"], ALL] : [ALL]) {
    it(`has all variables, text as its UTF-8 bytes, with ${permissions}`, async () => {
      const expression = `["A", "EMPTY", "TEXT", "NO_COLOR"].map(get)`;
      assertEquals(await evaluate(expression, permissions), ["b=c", "", "h\xc3\xb6", "1"]);
    });
  }
  // The same number of tests everywhere.
  if (runtime !== "deno") it.skip("has all variables with --allow-env", skip || "");

  it("has bytes that are no text as they are", {
    skip: process.platform !== "linux" && "Only Linux has /proc/self/environ",
  }, async () => {
    assertEquals(await evaluate(`get("BYTES")`, ALL), "\xe9\x80x");
  });

  it("leaves such bytes out where Deno has not all permissions", { skip }, async () => {
    const expression = `[get("BYTES") ?? null, get("A")]`;
    assertEquals(await evaluate(expression, ["--allow-env"]), [null, "b=c"]);
    assertEquals(await evaluate(expression, ["--allow-env", "--allow-read"]), [null, "b=c"]);
  });

  it("says which flag is missing, and asks nobody", {
    skip: skip || !script && "script (util-linux) is not installed",
  }, async () => {
    for (const flag of ["--allow-net", "--allow-env=A"]) {
      for (const terminal of [false, true]) {
        const message = await evaluate(`environment()`, [flag], terminal);
        assertStringIncludes(message, "Run deno with --allow-env");
      }
    }
  });
});
