/**
 * The tables of web servers in `examples/README.md`, and the README's sentence about them, say what
 * the tests do. The versions are those of the day they were written.
 */
import { readFile } from "node:fs/promises";
import { assertEquals, assertGreater, assertStringIncludes } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { CHECKS } from "./_checks.ts";
import { type DifferenceId, DIFFERENCES } from "./_differences.ts";
import { sectionInPage, serversSection, WAYS, wordsOf } from "./_servers_table.ts";
import { SETUPS } from "./_servers.ts";

/** Versions may be others here than where the tables were written. */
const withoutVersions = (lines: string[]) =>
  lines.map((line) => line.replaceAll(/(?<=\)|Deno|Bun|Node) \d+(\.\d+)+/g, ""));

describe("examples/README.md, web servers", () => {
  it("has the ways, checks and differences of the tests (or else: deno run -A tests/e2e/_servers_table.ts)", async () => {
    const lines = withoutVersions(wordsOf(await sectionInPage()));
    assertGreater(lines.length, 20);
    assertEquals(lines, withoutVersions(wordsOf(serversSection(() => "0.0.0"))));
  });

  it("has the numbers of the README", async () => {
    const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
    const sentence = `all ${CHECKS.length} checks pass on all ${WAYS} ways on Deno, Bun and Node`;
    assertStringIncludes(readme.replaceAll(/\s+/g, " "), sentence);
  });

  it("has the rows that tests/README.md names", async () => {
    const page = await readFile(new URL("../README.md", import.meta.url), "utf8");
    const ids: DifferenceId[] = [
      "gone unseen",
      "gone unseen until the application writes",
      "cut bodies look whole",
      "large cut bodies look whole",
    ];
    const rows = ids.map((id) => Object.keys(DIFFERENCES).indexOf(id) + 1);
    assertStringIncludes(page, `but for rows ${rows.slice(0, -1).join(", ")} and ${rows.at(-1)}`);
    assertStringIncludes(page, `[${WAYS} ways](`);
  });

  it("has no difference but those that a way has and a check asks for", async () => {
    const ids = Object.keys(DIFFERENCES).sort();
    const used = new Set(
      Object.values(SETUPS).flatMap(({ ways }) => ways.flatMap((way) => [...way.differences])),
    );
    assertEquals([...used].sort(), ids);
    const checks = await readFile(new URL("./_checks.ts", import.meta.url), "utf8");
    assertEquals(ids.filter((id) => !checks.includes(`differs("${id}")`)), []);
  });

  it("counts checks with names of their own", () => {
    assertEquals(new Set(CHECKS.map(({ name }) => name)).size, CHECKS.length);
  });
});
