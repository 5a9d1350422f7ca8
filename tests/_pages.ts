/**
 * The pages of the project as text: `README.md`, and those beside what they document. Their blocks
 * of code, their links, and the table of options.
 */
import { readdir, readFile } from "node:fs/promises";
import { posix } from "node:path";

const ROOT = new URL("../", import.meta.url);
/** Where pages are. */
const PLACES = ["", ".github/", "examples/", "src/", "tests/"];

/** A block of code in a page. */
export interface Block {
  /** The page, and the heading above: `README.md, Try it`. */
  place: string;
  language: string;
  text: string;
}

/** One page by its path in the project. */
export function readPage(path: string): Promise<string> {
  return readFile(new URL(path, ROOT), "utf8");
}

/** The paths of all pages. */
export async function pages(): Promise<string[]> {
  const found: string[] = [];
  for (const place of PLACES) {
    const names = await readdir(new URL(place, ROOT), { recursive: place !== "" });
    found.push(...names.filter((name) => name.endsWith(".md")).map((name) => place + name));
  }
  return found.sort();
}

/** The blocks of a page, those of a list, too. */
export function blocksOf(path: string, page: string): Block[] {
  const blocks: Block[] = [];
  let heading = "";
  let open: { indent: string; block: Block } | undefined;
  for (const line of page.split("\n")) {
    const [, indent = "", language] = /^( *)```(.*)$/.exec(line) ?? [];
    if (open === undefined) {
      if (language !== undefined) {
        open = { indent, block: { place: `${path}, ${heading}`, language, text: "" } };
      } else heading = /^#+ (.*)$/.exec(line)?.[1] ?? heading;
    } else if (language === "" && indent === open.indent) {
      blocks.push(open.block);
      open = undefined;
    } else open.block.text += line.slice(open.indent.length) + "\n";
  }
  if (open !== undefined) throw new Error(`${open.block.place}: A block has no end`);
  return blocks;
}

/** A page without its blocks and spans of code. */
function proseOf(page: string): string {
  return page.replaceAll(/^( *)```[^]*?^\1```$/gm, "").replaceAll(/`[^`\n]*`/g, "`");
}

/** The anchors of the headings, as GitHub and JSR make them. */
function anchorsOf(page: string): string[] {
  return [...page.replaceAll(/^( *)```[^]*?^\1```$/gm, "").matchAll(/^#+ (.*)$/gm)]
    .map(([, heading = ""]) =>
      heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
    );
}

/**
 * The links of a page that lead nowhere: relative ones to no file, or to no heading of a page. One
 * that begins with a slash leads out of the project where the page is shown.
 */
export function brokenLinks(
  path: string,
  page: string,
  read: (path: string) => string | undefined,
): string[] {
  const links = [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
  return links.filter((link) => {
    if (/^(https?|mailto):/.test(link)) return false;
    const [target = "", anchor] = link.split("#", 2);
    if (target.startsWith("/")) return true;
    const text = target === "" ? page : read(posix.join(posix.dirname(path), target));
    return text === undefined || anchor !== undefined && !anchorsOf(text).includes(anchor);
  }).map((link) => `${path}: ${link}`);
}

/** An option: the text of its `@default`, if there is one. */
export type Options = ReadonlyMap<string, string | undefined>;

/** The options of a type, found in sources by its name, with those of all the types in it. */
export function optionsOf(type: string, sources: readonly string[]): Options {
  const options = new Map<string, string | undefined>();
  const source = sources.find((text) =>
    new RegExp(`^export (type|interface) ${type}\\b`, "m").test(text)
  );
  if (source === undefined) throw new Error(`No source has the type ${type}`);
  const declaration = new RegExp(
    `^export (?:type ${type} =([^;{]*);|interface ${type}(?: extends ([^{]*))? \\{([^]*?)^\\})`,
    "m",
  ).exec(source);
  if (declaration === null) throw new Error(`The type ${type} is neither a name nor an interface`);
  const [, alias = "", parents = "", body = ""] = declaration;
  for (const [name] of (alias + parents).matchAll(/\w+/g)) {
    for (const [option, value] of optionsOf(name, sources)) options.set(option, value);
  }
  const members = /^ {2}\/\*\*((?:[^*]|\*(?!\/))*)\*\/\n {2}(\w+)\??: ([^;]*);/gm;
  for (const [, comment = "", name = "", kind] of body.matchAll(members)) {
    if (kind === "undefined") continue;
    const text = comment.replaceAll(/\n *\* ?/g, " ").trim();
    options.set(name, /@default (.*)$/.exec(text)?.[1]);
  }
  return options;
}

const UNITS: Record<string, number> = {
  "": 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  s: 1000,
  min: 60_000,
};

/**
 * What a table of options says that the types do not, or leaves out. A default is a number, with a
 * unit or not, or a few words of the type's own; `none` is a limit of 0, too.
 */
export function optionFaults(table: string, options: Options): string[] {
  const faults: string[] = [];
  const seen = new Set<string>();
  for (const line of table.split("\n").filter((line) => /^\| *`/.test(line))) {
    const [names = "", cell = ""] = line.slice(1).split(/(?<!\\)\|/);
    const said = cell.trim();
    for (const [, name = ""] of names.matchAll(/`(\w+)[^`]*`/g)) {
      if (seen.has(name)) faults.push(`${name}: There twice`);
      seen.add(name);
      if (!options.has(name)) faults.push(`${name}: No option`);
      else if (!isDefault(said, options.get(name))) {
        faults.push(`${name}: Said to be ${said}, and is ${options.get(name)}`);
      }
    }
  }
  for (const name of options.keys()) if (!seen.has(name)) faults.push(`${name}: Not there`);
  return faults;
}

function isDefault(said: string, value: string | undefined): boolean {
  if (said === "none") return value === undefined || /^(none\b|0$)/.test(value);
  if (value === undefined || said === "") return false;
  const [, number, unit = ""] = /^(\d+) ?(\w*)$/.exec(said) ?? [];
  if (number === undefined || UNITS[unit] === undefined) return value.includes(said);
  return Number(number) * UNITS[unit] === Number(/^\d+\b/.exec(value)?.[0]);
}
