import { assertEquals, assertStringIncludes } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { spawnProgram, which } from "../_runtime.ts";
import { COMMANDS } from "../../src/cli/program.ts";
import { fcgi } from "./_terminal.ts";

const bash = await which("bash");

/** What bash would offer behind these words. */
async function offered(...words: string[]): Promise<string[]> {
  const { out } = await fcgi(["completions", "bash"]);
  const script = `${out}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _fcgi; printf '%s\\n' "\${COMPREPLY[@]}"`;
  await using program = await spawnProgram(bash!, ["-c", script, "bash", ...words]);
  await program.exit;
  assertEquals(program.stderr.text, "");
  return program.stdout.lines.filter((line) => line !== "");
}

describe("fcgi completions", () => {
  it("bash: commands, their options, and the values of an option", {
    skip: bash === null && "bash is not installed",
  }, async () => {
    assertEquals(await offered("fcgi", "re"), ["reload", "reopen"]);
    assertEquals((await offered("fcgi", "")).length, COMMANDS.length);
    assertEquals(await offered("fcgi", "serve", "--work"), ["--workers"]);
    assertEquals(await offered("fcgi", "serve", "app.ts", "--start"), ["--start-timeout"]);
    assertEquals(await offered("fcgi", "get", "--role", "f"), ["filter"]);
    assertEquals(await offered("fcgi", "completions", "z"), ["zsh"]);
    assertEquals(await offered("fcgi", "serve", "ap"), []);
  });

  it("zsh takes those of bash, and fish has a line for each option", async () => {
    const { out } = await fcgi(["completions", "zsh"]);
    assertStringIncludes(
      out,
      "#compdef fcgi\nautoload -U +X bashcompinit && bashcompinit\n_fcgi()",
    );
    const fish = (await fcgi(["completions", "fish"])).out.split("\n");
    for (const { name, options } of COMMANDS) {
      for (const option of options) {
        const begin =
          `complete -c fcgi -n '__fish_seen_subcommand_from ${name}' -l ${option.name} `;
        assertEquals(fish.filter((line) => line.startsWith(begin)).length, 1, begin);
      }
    }
  });

  it("of another shell is a mistake", async () => {
    const { code, err } = await fcgi(["completions", "bsh"]);
    assertEquals([code, err[0]], [
      2,
      "fcgi completions: SHELL cannot be bsh: it is one of bash, zsh, fish; did you mean bash?",
    ]);
  });
});
