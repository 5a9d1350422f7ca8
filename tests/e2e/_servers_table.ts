/**
 * The tables of web servers in `examples/README.md`, from the tests' own data:
 * `deno run -A tests/e2e/_servers_table.ts` writes them, with the versions of this machine, and
 * `servers_table_test.ts` holds them against the data.
 *
 * Every check runs for every way on every runtime, so where the suite passes, what is said there is
 * true: all pass, but for the differences.
 */
import { readFile, writeFile } from "node:fs/promises";
import { spawnProgram } from "../_runtime.ts";
import { CHECKS } from "./_checks.ts";
import { type DifferenceId, DIFFERENCES } from "./_differences.ts";
import { type Setup, SETUPS, type Way } from "./_servers.ts";
import { versionOf } from "./_web_server.ts";

const PAGE = new URL("../../examples/README.md", import.meta.url);
const BEGIN = "<!-- servers:begin -->";
const END = "<!-- servers:end -->";

/** The versions that the tables name: of set-ups by their title, and of runtimes. */
export type Versions = (name: string) => string;

const setups: Setup[] = Object.values(SETUPS);

/** How many ways there are, through all the set-ups. */
export const WAYS: number = setups.reduce((sum, { ways }) => sum + ways.length, 0);

/** The text between the markers. */
export function serversSection(versions: Versions): string {
  const [deno, bun, node] = ["Deno", "Bun", "Node"].map((name) => `${name} ${versions(name)}`);
  const ways = setups.map((setup) => [
    `[${setup.title}](${setup.server.configuration}) ${versions(setup.title)}`,
    setup.ways.map(({ name }) => name).join("; "),
  ]);
  const differences = (Object.keys(DIFFERENCES) as DifferenceId[])
    .map((id) => ({ ...DIFFERENCES[id], where: placesOf(id) }))
    .filter(({ where }) => where !== "")
    .map(({ what, where, why, remedy }, index) => [String(index + 1), what, where, why, remedy]);
  return `
All ${CHECKS.length} checks pass on all ${WAYS} ways on ${deno}, ${bun} and ${node}:

${table(["web server", "ways"], ways)}

What a way cannot do is in this table. In all else that the checks look at, the servers are alike:

${table(["", "what", "where", "why", "what restores it"], differences)}
`;
}

/** The set-ups that have a difference, each with its ways, where not all of them have it. */
function placesOf(id: DifferenceId): string {
  const places: string[] = [];
  for (const { title, ways } of setups) {
    const { with: affected = [], without = [] } = Object.groupBy(
      ways,
      ({ differences }) => differences.includes(id) ? "with" : "without",
    );
    const names = (some: readonly Way[]) => some.map(({ name }) => name).join("; ");
    if (affected.length === 0) continue;
    if (without.length === 0) places.push(title);
    else if (without.length < affected.length) places.push(`${title} (all but ${names(without)})`);
    else places.push(`${title} (${names(affected)})`);
  }
  return places.join(" + ");
}

/** What stands between the markers in the page. */
export async function sectionInPage(): Promise<string> {
  const text = await readFile(PAGE, "utf8");
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`No ${BEGIN} and ${END} in examples/README.md`);
  return text.slice(begin + BEGIN.length, end);
}

/** A section as it reads: without the formatter's spaces, its broken lines and its rules. */
export function wordsOf(section: string): string[] {
  const lines = section.split("\n").filter((line) => !/^\|[\s:|-]*$/.test(line));
  return lines.join("\n").replace(/(?<!\|)\n(?![\n|])/g, " ").split("\n")
    .map((line) => line.trim().replaceAll(/ +/g, " ")).filter((line) => line !== "");
}

function table(head: string[], rows: string[][]): string {
  const lines = [head, head.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

async function here(): Promise<Versions> {
  const found = new Map<string, string>();
  for (const setup of setups) found.set(setup.title, await versionOf(setup.server) ?? "?");
  for (const name of ["Deno", "Bun", "Node"]) {
    await using program = await spawnProgram(name.toLowerCase(), ["--version"]);
    await program.exit;
    found.set(name, /\d+\.\d+\.\d+/.exec(program.stdout.text)?.[0] ?? "?");
  }
  return (name) => found.get(name) ?? "?";
}

if (import.meta.main) {
  const text = await readFile(PAGE, "utf8");
  const old = BEGIN + await sectionInPage() + END;
  const section = BEGIN + serversSection(await here()) + END;
  await writeFile(PAGE, text.replace(old, () => section));
}
