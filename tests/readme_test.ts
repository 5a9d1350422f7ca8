/**
 * What the pages say: their blocks of TypeScript run, or are parts of files that do, the README's
 * table of options is the types', and their links lead somewhere.
 *
 * A block is started as the page says it: by its shebang's permissions on Deno, on a socket that
 * was handed over where it names no address. What is changed are the addresses, which are the
 * machine's: `/run/app` is a directory of the test's, a port is any.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { FastCgiClient } from "../src/client/mod.ts";
import { assert, assertEquals, assertGreater } from "./_assert.ts";
import { describe, it } from "./_harness.ts";
import { FRAMEWORKS, installFrameworks } from "./_npm.ts";
import {
  type Block,
  blocksOf,
  brokenLinks,
  optionFaults,
  optionsOf,
  pages,
  readPage,
} from "./_pages.ts";
import {
  type Program,
  runtime,
  spawnProgram,
  spawnScript,
  type SpawnScriptOptions,
  tempDir,
} from "./_runtime.ts";
import { asBySystemd, listening, skipListening } from "./runtime/_starters.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const all = await pages();
const texts = new Map(
  await Promise.all(all.map(async (path) => [path, await readPage(path)] as const)),
);
const readme = texts.get("README.md")!;
const blocks = [...texts].flatMap(([path, text]) => blocksOf(path, text));

describe("pages", () => {
  it("have links that lead somewhere", () => {
    const read = (path: string) => {
      if (!existsSync(join(ROOT, path))) return undefined;
      return statSync(join(ROOT, path)).isFile() ? readFileSync(join(ROOT, path), "utf8") : "";
    };
    assertGreater(texts.size, 10);
    assertEquals([...texts].flatMap(([path, text]) => brokenLinks(path, text, read)), []);
  });

  it("would be found out with links that do not", () => {
    const there = "# A page\n\n## It's `so`, then\n\n```sh\n# [no](link)\n```\n";
    const read = (path: string) => path === "a/there.md" ? there : undefined;
    const links = ["there.md", "there.md#its-so-then", "#here", "https://example.org/none"];
    const broken = [
      "none.md",
      "../there.md",
      "there.md#no",
      "there.md#nolink",
      "#no",
      "/a/there.md",
    ];
    const page = `# Here\n${[...links, ...broken].map((link) => `[x](${link})`).join("\n")}\n`;
    assertEquals(brokenLinks("a/page.md", page, read), broken.map((link) => `a/page.md: ${link}`));
  });

  it("map every room of src/", async () => {
    const map = await readPage("src/README.md");
    const rooms = readdirSync(join(ROOT, "src"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isDirectory()).map(({ name }) => name);
    assertEquals(rooms.filter((name) => !map.includes(name)), []);
    assertGreater(rooms.length, 8);
  });

  it("begin with the shortest way: the README has 15 kB at most", () => {
    assert(readme.length <= 15_000, `It has ${readme.length}`);
  });

  it("give the gate's command, and the .htaccess of the examples, word for word", async () => {
    const command = "npx -y deno task test";
    assert(
      readme.includes(`\n${command} `) && (await readPage(".ci/run")).includes(`\n${command}\n`),
    );
    const file = await readPage("examples/shared-hosting/site/.htaccess");
    const lines = file.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    // The README has the script as it is written, the example as it is bundled.
    const shown = blocks.filter(({ text }) => text.includes("AddHandler"));
    assertEquals(
      shown.map(({ text }) => text.replace("app.fcgi.ts", "app.fcgi.mjs")),
      Array(2).fill(lines.join("\n") + "\n"),
    );
  });
});

describe("README, options", () => {
  const files = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"));
  const sources = files.map((file) => readFileSync(join(ROOT, "src", file), "utf8"));
  const options = new Map(optionsOf("ServeOptions", sources));
  const [, table = ""] = /<!-- options:begin -->([^]*)<!-- options:end -->/.exec(readme) ?? [];

  it("are those of the types, with their defaults", () => {
    assertGreater(options.size, 20);
    assertEquals(optionFaults(table, options), []);
  });

  it("have the defaults that are in force, where those are numbers", async () => {
    for (const [name, value = ""] of options) {
      if (!/^\d+$/.test(value)) continue;
      const constant = name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
      const at = sources.findIndex((text) =>
        new RegExp(`^export const ${constant}\\b`, "m").test(text)
      );
      assert(at >= 0, `No source exports ${constant}, the default of ${name}`);
      const module = await import(new URL(`../src/${files[at]}`, import.meta.url).href);
      assertEquals(module[constant], Number(value), name);
    }
  });

  const row = (name: string) => new RegExp(`^\\| *\`${name}\\b.*\\n`, "m");
  const wrong: [name: string, change: (table: string) => string, fault: string][] = [
    ["lacks an option", (t) => t.replace(row("maxParams"), ""), "maxParams: Not there"],
    [
      "has one that is none",
      (t) => `${t}| \`sizeMatters\` | none |  |\n`,
      "sizeMatters: No option",
    ],
    ["has one twice", (t) => t + row("fd").exec(t)![0], "fd: There twice"],
    [
      "has another number",
      (t) => t.replace("128 MiB", "64 MiB"),
      "maxBodyBytes: Said to be 64 MiB, and is 134217728",
    ],
    [
      "has another unit",
      (t) => t.replace("| 20 s ", "| 20 min "),
      "paramsTimeout: Said to be 20 min, and is 20000",
    ],
    [
      "says none of a limit",
      (t) => t.replace("| 7 s ", "| none "),
      "shutdownTimeout: Said to be none, and is 7000",
    ],
    [
      "has other words",
      (t) => t.replace("| everybody ", "| nobody "),
      "webServerAddrs: Said to be nobody, and is ",
    ],
    [
      "has another truth",
      (t) => t.replace("| true ", "| false "),
      "handleSignals: Said to be false, and is true",
    ],
  ];
  for (const [name, change, fault] of wrong) {
    it(`would be found out: a table that ${name}`, () => {
      const compact = table.replaceAll(/ +\|/g, " |");
      assert(change(compact) !== compact);
      const [faults, before] = [change(compact), compact].map((t) => optionFaults(t, options));
      const found = faults!.filter((text) => !before!.includes(text));
      assertEquals(found.map((text) => text.slice(0, fault.length)), [fault]);
    });
  }
});

/** How a block is started, and what is asked of it: the path, and what the answer must have. */
interface Run {
  /** Where it gets its socket from, if it names none. */
  starter?: typeof listening;
  /** The end of its line at start. */
  line?: RegExp;
  /** What goes to the web server's error log. */
  logs?: string[];
  asks: [path: string, status: number, text: RegExp, headers?: Record<string, string>][];
}

const HELLO: Run["asks"] = [["/", 200, /^Hello\n$/]];

/** The blocks of all pages, each once, and in order. */
const RUNS: [place: string, run: Run][] = [
  ["README.md, @fastcgi/serve", {
    starter: listening,
    line: / \(descriptor 0, /,
    logs: ["192.0.2.1 asked for /a%20b"],
    asks: [["/a%20b", 200, /^Hello from \/a%20b\n$/]],
  }],
  ["README.md, Try it", { asks: HELLO }],
  ["README.md, Behind nginx", { line: / \(mode 0660, /, asks: HELLO }],
  ["README.md, With a framework", { asks: [["/", 200, /^Hello, 192\.0\.2\.1\n$/]] }],
  ["README.md, With systemd", {
    starter: asBySystemd,
    line: / \(descriptor 3, from systemd/,
    asks: HELLO,
  }],
  ["examples/README.md, Authorizers", {
    asks: [["/", 302, /^$/], ["/", 200, /^$/, { cookie: "session=42" }]],
  }],
  ["examples/coming-from/README.md, flup", { asks: HELLO }],
  ["examples/coming-from/README.md, PHP", {
    asks: [["/?name=Ada%20L", 200, /^Hello, Ada L\n$/], ["/", 200, /^Hello, stranger\n$/]],
  }],
  ["examples/coming-from/README.md, node-fastcgi", {
    asks: [["/a%20b?c", 200, /^Hello from \/a%20b\n$/]],
  }],
  ["examples/handlers.md, Below a path", {
    asks: [["/app/login", 200, /^Your name/], ["/app/x", 302, /^$/], ["/login", 404, /./]],
  }],
];

/** The page whose blocks are parts of the files beside it, which e2e/frameworks_* start. */
const RECIPES = "examples/frameworks/";
const isPart = ({ place, language }: Block) => place.startsWith(RECIPES) && language !== "sh";
const unindented = (text: string) => text.replaceAll(/^ +/gm, "");

describe("pages, blocks of TypeScript", { timeout: 60_000 }, () => {
  const isCode = ({ language }: Block) => /^(ts|js|typescript|javascript)\b/.test(language);
  const [parts, programs] = [
    blocks.filter((block) => isPart(block)),
    blocks.filter((block) => isCode(block) && !isPart(block)),
  ];

  it("are parts of the files beside them, word for word, where a page has recipes", () => {
    const files = readdirSync(join(ROOT, RECIPES)).filter((name) => !name.endsWith(".md"))
      .map((name) => unindented(readFileSync(join(ROOT, RECIPES, name), "utf8")));
    const isThere = ({ text }: Block) => files.some((file) => file.includes(unindented(text)));
    assertEquals(parts.filter((block) => !isThere(block)).map(({ place }) => place), []);
    assertGreater(parts.length, 15);
    assert(!isThere({ ...parts[0]!, text: parts[0]!.text.replace("Hono", "Mono") }));
  });

  it("are all run below, none is ignored", () => {
    assertEquals(
      programs.map(({ place, language }) => [place, language]),
      RUNS.map(([place]) => [place, "ts"]),
    );
  });

  for (const [index, [place, run]] of RUNS.entries()) {
    const block = programs[index]!;
    it(`run: ${place}`, { skip: run.starter && skipListening }, async () => {
      await using started = await start(block, run);
      for (const [path, status, text, headers] of run.asks) {
        const response = await started.ask(path, headers);
        assertEquals(response.status, status);
        assert(text.test(await response.text()), `${path} is answered otherwise`);
      }
      assertEquals(started.logged, run.logs ?? []);
      started.program.kill("SIGTERM");
      assertEquals((await started.program.exit).code, 0, started.program.stderr.text);
    });
  }

  const skip = runtime !== "deno" && "The compiler is Deno's";
  it("have the right types", { skip }, async () => {
    const missing = await installFrameworks();
    const checked = programs.filter(({ text }) => missing === false || !text.includes(`"hono"`));
    const files = await Promise.all(checked.map((block, index) => put(block, `page_${index}.ts`)));
    // In their directory: in the project's, Deno leaves out whatever is in `.cache`.
    await using program = await spawnProgram(process.execPath, ["check", "--quiet", ...files], {
      cwd: FRAMEWORKS,
    });
    assertEquals((await program.exit).code, 0, program.stderr.text);
  });
});

/** Writes a block down as a program, beside the frameworks, on the entry points of the project. */
async function put({ text }: Block, name: string, directory?: string): Promise<string> {
  const { exports } = JSON.parse(await readPage("deno.json"));
  let source = text.replaceAll(/"(?:jsr:)?@fastcgi\/serve(\/\w+)?"/g, (_, entry = "") => {
    return JSON.stringify(new URL(`../${exports[`.${entry}`]}`, import.meta.url).href);
  });
  if (directory !== undefined) {
    source = source.replaceAll("/run/app", directory).replaceAll(/\bport: \d+/g, "port: 0");
  }
  const file = join(FRAMEWORKS, name);
  await mkdir(FRAMEWORKS, { recursive: true });
  await writeFile(file, source);
  return file;
}

interface Started extends AsyncDisposable {
  program: Program;
  /** The lines for the web server's error log. */
  logged: string[];
  ask(path: string, headers?: Record<string, string>): Promise<Response>;
}

async function start(block: Block, { starter, line }: Run): Promise<Started> {
  if (block.text.includes(`"hono"`)) assertEquals(await installFrameworks(), false);
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await tempDir()).path;
  const file = await put(block, `page_${process.pid}.ts`, directory);
  stack.defer(() => rm(file));
  const place = { path: join(directory, "fcgi.sock") };
  const options: SpawnScriptOptions = {
    starter: starter?.(place),
    denoPermissions: permissionsOf(block.text, directory),
  };
  const program = stack.use(await spawnScript(file, [], options));
  const [, address = ""] = await program.waitForLine("stderr", /^Serving FastCGI on (.*)$/, 30_000);
  if (line !== undefined) assert(line.test(address), address);
  const port = /^127\.0\.0\.1:(\d+)$/.exec(address)?.[1];
  const logged: string[] = [];
  const client = stack.use(
    new FastCgiClient({
      ...port === undefined ? place : { port: Number(port) },
      params: { REMOTE_ADDR: "192.0.2.1" },
      onStderr: (line) => logged.push(line),
    }),
  );
  const gateway = block.text.includes("gateway.url")
    ? (await program.waitForLine("stdout", /^(http:\S+)$/))[1]
    : undefined;
  const role = block.text.includes(`"authorizer"`) ? "authorizer" : "responder";
  const disposable = stack.move();
  return {
    program,
    logged,
    ask(path, headers) {
      if (gateway !== undefined) return fetch(new URL(path, gateway), { headers });
      return client.fetch(new Request(new URL(path, "http://localhost"), { headers }), { role });
    },
    [Symbol.asyncDispose]: () => disposable.disposeAsync(),
  };
}

/** The flags of a shebang for Deno; without one, what the page says of a Unix socket. */
function permissionsOf(text: string, directory: string): string[] {
  const shebang = /^#!.*? deno run (.*)\n/.exec(text)?.[1] ??
    "--allow-net --allow-read=/run/app --allow-write=/run/app";
  return shebang.replaceAll("/run/app", directory).split(" ");
}
