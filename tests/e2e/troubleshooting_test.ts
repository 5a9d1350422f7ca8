/**
 * `examples/troubleshooting.md`, entry by entry: the mistake is made with the real server, the
 * page's own words are seen in its log or on its page, and what the page has to type puts it right.
 */
import { assert, assertEquals } from "../_assert.ts";
import { afterAll, describe, it } from "../_harness.ts";
import {
  type Case,
  type Cases,
  ENTRIES,
  entriesOf,
  type Entry,
  TITLES,
  Trouble,
} from "./_trouble.ts";
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

/** How many entries are at work at once: most of the time each waits for somebody to start. */
const AT_ONCE = 3;

describe("examples/troubleshooting.md, what is seen", { timeout: 60_000 }, () => {
  const tried = ENTRIES.map((entry) => ({ entry, ...caseOf(entry.name) }));
  const outcomes = new Map<Entry, Promise<{ seen: string; error?: unknown }>>();
  /** Starts this one, and the next ones. */
  const start = (from: number) => {
    const some = tried.slice(from).filter(({ skip = false }) => skip === false).slice(0, AT_ONCE);
    for (const { entry, run } of some) {
      if (!outcomes.has(entry)) outcomes.set(entry, outcomeOf(entry, run));
    }
  };
  afterAll(async () => {
    await Promise.all(outcomes.values());
  });

  for (const [index, { entry, skip }] of tried.entries()) {
    it(`${entry.section}: ${entry.name}`, { skip }, async () => {
      start(index);
      const outcome = await outcomes.get(entry)!;
      if ("error" in outcome) throw outcome.error;
    });
  }

  const isWhole = Object.values({ ...NGINX_CASES, ...SERVER_CASES })
    .every((some) => typeof some === "function" || !some.skip);
  const skip = !isWhole && "Not every web server is here";
  it("has every page of the first table", { skip }, async () => {
    for (const index of tried.keys()) start(index);
    const seen = (await Promise.all(outcomes.values())).map(({ seen }) => seen).join();
    assert(TITLES.length > 5);
    assertEquals(TITLES.filter((title) => !seen.includes(title)), []);
  });
});

async function outcomeOf(entry: Entry, run: Case["run"]) {
  try {
    await using trouble = await Trouble.make(entry);
    await run(trouble);
    return { seen: trouble.seen };
  } catch (error) {
    return { seen: "", error };
  }
}
