/**
 * The README's tables of web servers, from the tests' own data:
 * `deno run -A tests/e2e/_servers_table.ts` writes them, with the versions of this machine, and
 * `servers_table_test.ts` holds them against the data.
 *
 * Every check runs for every way on every runtime, so where the suite passes, a row says what it
 * says there.
 */
import { readFile, writeFile } from "node:fs/promises";
import { spawnProgram } from "../_runtime.ts";
import { CHECKS } from "./_checks.ts";
import { type DifferenceId, DIFFERENCES } from "./_differences.ts";
import { type Setup, SETUPS } from "./_servers.ts";
import { versionOf } from "./_web_server.ts";

const README = new URL("../../README.md", import.meta.url);
const BEGIN = "<!-- servers:begin -->";
const END = "<!-- servers:end -->";

/** The versions that the tables name: of set-ups by their title, and of runtimes. */
export type Versions = (name: string) => string;

const RUNTIMES = ["Deno", "Bun", "Node"];
const setups: Setup[] = Object.values(SETUPS);

/** The text between the markers. */
export function serversSection(versions: Versions): string {
  const ids = (Object.keys(DIFFERENCES) as DifferenceId[])
    .filter((id) => setups.some(({ ways }) => ways.some((way) => way.differences.includes(id))));
  const number = (id: DifferenceId) => ids.indexOf(id) + 1;
  const outcome = setups.flatMap((setup) =>
    setup.ways.map((way, index) => [
      index === 0
        ? `[${setup.title}](examples/${setup.server.configuration}) ${versions(setup.title)}`
        : "",
      way.name,
      ...RUNTIMES.map(() => `${CHECKS.length} of ${CHECKS.length}`),
      way.differences.map(number).sort((a, b) => a - b).join(", "),
    ])
  );
  const differences = ids.map((id) => {
    const { what, why, remedy } = DIFFERENCES[id];
    return [String(number(id)), what, why, remedy];
  });
  return `
${
    table(
      ["web server", "way", ...RUNTIMES.map((name) => `${name} ${versions(name)}`), "differences"],
      outcome,
    )
  }

The differences by their numbers. In all else that the checks look at, the servers are alike:

${table(["", "what", "why", "what restores it"], differences)}
`;
}

/** What stands between the markers in the README. */
export async function sectionInReadme(): Promise<string> {
  const text = await readFile(README, "utf8");
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`No ${BEGIN} and ${END} in README.md`);
  return text.slice(begin + BEGIN.length, end);
}

/** Rows as cells, however wide the formatter has made them. */
export function cellsOf(section: string): string[][] {
  return section.split("\n").filter((line) => line.startsWith("|") && !/^\|[\s:|-]*$/.test(line))
    .map((line) => line.slice(1, -1).split("|").map((cell) => cell.trim()));
}

function table(head: string[], rows: string[][]): string {
  const lines = [head, head.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

async function here(): Promise<Versions> {
  const found = new Map<string, string>();
  for (const setup of setups) found.set(setup.title, await versionOf(setup.server) ?? "?");
  for (const name of RUNTIMES) {
    await using program = await spawnProgram(name.toLowerCase(), ["--version"]);
    await program.exit;
    found.set(name, /\d+\.\d+\.\d+/.exec(program.stdout.text)?.[0] ?? "?");
  }
  return (name) => found.get(name) ?? "?";
}

if (import.meta.main) {
  const text = await readFile(README, "utf8");
  const old = BEGIN + await sectionInReadme() + END;
  const section = BEGIN + serversSection(await here()) + END;
  await writeFile(README, text.replace(old, () => section));
}
