/**
 * `examples/troubleshooting.md`, entry by entry: the mistake is made with the real server, the
 * page's own words are seen in its log or on its page, and what the page has to type puts it right.
 */
import { assert, assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { type Case, type Cases, ENTRIES, entriesOf, TITLES, Trouble } from "./_trouble.ts";
import { NGINX_CASES } from "./_trouble_nginx.ts";
import { PROGRAM_CASES } from "./_trouble_programs.ts";
import { SERVER_CASES } from "./_trouble_servers.ts";

const CASES: Cases = { ...NGINX_CASES, ...SERVER_CASES, ...PROGRAM_CASES };
const caseOf = (name: string): Case => {
  const found = CASES[name] ?? (() => Promise.reject(new Error(`No test makes this: ${name}`)));
  return typeof found === "function" ? { run: found } : found;
};

describe("examples/troubleshooting.md", () => {
  it("has the entries that are tested, each once", () => {
    assertEquals(ENTRIES.map(({ name }) => name).sort(), Object.keys(CASES).sort());
  });

  it("would be found out: its entries are read", () => {
    const table =
      "## A\n\n| a | b | c |\n| - | - | - |\n| `x` and `y` | b | `do` |\n| z | b | c |\n";
    assertEquals(entriesOf(table), [
      { section: "A", name: "x", messages: ["x", "y"], cures: ["do"] },
      { section: "A", name: "z", messages: [], cures: [] },
    ]);
  });
});

describe("examples/troubleshooting.md, what is seen", { timeout: 30_000 }, () => {
  let seen = "";
  const isWhole = Object.values({ ...NGINX_CASES, ...SERVER_CASES })
    .every((some) => typeof some === "function" || !some.skip);

  for (const entry of ENTRIES) {
    const { skip = false, run } = caseOf(entry.name);
    it(`${entry.section}: ${entry.name}`, { skip }, async () => {
      await using trouble = await Trouble.make(entry);
      await run(trouble);
      seen += trouble.seen;
    });
  }

  const skip = !isWhole && "Not every web server is here";
  it("has every page of the first table", { skip }, () => {
    assert(TITLES.length > 5);
    assertEquals(TITLES.filter((title) => !seen.includes(title)), []);
  });
});
