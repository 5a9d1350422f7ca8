/**
 * The README's tables of web servers say what the tests do. The versions are those of the day they
 * were written.
 */
import { readFile } from "node:fs/promises";
import { assertEquals, assertGreater } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { CHECKS } from "./_checks.ts";
import { DIFFERENCES } from "./_differences.ts";
import { cellsOf, sectionInReadme, serversSection } from "./_servers_table.ts";
import { SETUPS } from "./_servers.ts";

/** Versions may be others here than where the tables were written. */
const withoutVersions = (rows: string[][]) =>
  rows.map((cells) => cells.map((cell) => cell.replace(/(?<=\)|Deno|Bun|Node) \d+(\.\d+)+$/, "")));

describe("README, web servers", () => {
  it("has the ways, checks and differences of the tests (or else: deno run -A tests/e2e/_servers_table.ts)", async () => {
    const rows = withoutVersions(cellsOf(await sectionInReadme()));
    assertGreater(rows.length, 20);
    assertEquals(rows, withoutVersions(cellsOf(serversSection(() => "0.0.0"))));
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
