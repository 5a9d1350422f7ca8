/**
 * The doors between the rooms of src/, the circles that must not be, and the few rules of style
 * that a machine can check.
 *
 * The plan: `checkSource(path, text)` looks at one file, `circlesOf(imports)` at all of them. Both
 * are pure. The bad samples below show that they can fail; the last suite runs them over every file
 * there is.
 */
import { readdir, readFile } from "node:fs/promises";
import { posix } from "node:path";
import { assert, assertEquals } from "./_assert.ts";
import { describe, it } from "./_harness.ts";
import { blank, importsOf } from "./_source.ts";

const ROOT = new URL("../", import.meta.url);

interface Doors {
  /** The rooms whose values it may import. */
  readonly values: readonly string[];
  /** Those of which it may only see types. */
  readonly types: readonly string[];
}

/** Below the engine: bytes, CGI, and text for people. */
const GROUND = ["protocol", "cgi", "log"];
/** The storeys of the engine, the highest first: each sees those below it. */
const ENGINE = ["server", "server/connection", "server/exchange", "server/application"];
/** The seam between a connection and the sockets of a runtime. */
const SEAM = "server/connection/transport.ts";
/** What a runtime knows of a `Response`, for the engine: without imports, and for any runtime. */
const BODY = "runtime/whole_body.ts";
/** How a runtime calls application code, for the engine. */
const CALL = "server/application/run_in_context.ts";
const CLIENT_JOINT: Doors = {
  values: [
    ...["client", "client/fastcgi_client.ts", "client/gateway.ts", "client/serve_gateway.ts"],
    ...["client/gateway", "runtime", "runtime/http", "cgi", "log"],
  ],
  types: [],
};

/**
 * The doors of each room. A file is in the room that has the longest beginning of its path; a
 * single file may be a room of its own.
 */
const DOORS: Record<string, Doors> = {
  protocol: { values: ["protocol"], types: [] },
  cgi: { values: ["cgi"], types: [] },
  // Text for people: what was thrown, one line, standard error. It knows nothing of the others.
  log: { values: ["log"], types: [] },
  ...Object.fromEntries(
    ENGINE.map((room, i) => [room, {
      values: [...ENGINE.slice(i), ...i < 2 ? [SEAM] : [], BODY, CALL, ...GROUND],
      types: [],
    }]),
  ),
  [SEAM]: { values: [], types: [] },
  [CALL]: { values: [], types: [] },
  [BODY]: { values: [], types: [] },
  client: { values: ["client", ...GROUND], types: [] },
  // The joints of client/: its public module, and what needs sockets.
  "client/mod.ts": CLIENT_JOINT,
  "client/fastcgi_client.ts": CLIENT_JOINT,
  "client/gateway.ts": CLIENT_JOINT,
  "client/serve_gateway.ts": CLIENT_JOINT,
  // A website, of files that it only has the interface of.
  "client/gateway": {
    values: ["client/gateway", "client", "client/pass_on.ts", ...GROUND],
    types: ["runtime"],
  },
  // What the gateway and `fcgi dev` share.
  "client/pass_on.ts": { values: ["client", ...GROUND], types: [] },
  runtime: { values: ["runtime", "log"], types: [CALL] },
  "runtime/listen": { values: ["runtime/listen", "runtime", "log"], types: [SEAM] },
  "runtime/http": { values: ["runtime/http", "runtime", "log"], types: [] },
  // What `serve()` is made of: it joins an engine to a runtime, and says nothing of bytes.
  serve: {
    values: ["serve", ...ENGINE, "runtime", "runtime/listen", "log"],
    types: ["protocol", "cgi"],
  },
  // The command: above all that it runs.
  cli: {
    values: [
      ...["cli", "cli/config", "cli/log", "serve", "server/application"],
      ...["client/mod.ts", "client/pass_on.ts"],
      ...["runtime", "runtime/listen", "runtime/http", "log"],
    ],
    types: [],
  },
  "cli/log": { values: ["cli/log", "runtime", "log"], types: ["server/application"] },
  "cli/config": { values: ["cli/config", "cli", "runtime", "log"], types: [] },
  entry: { values: ["serve", ...ENGINE, "client", "protocol", "cgi"], types: [] },
};

/** Synchronous and pure: no promise, no timer. */
const PURE_ROOMS = ["protocol", "cgi"];
const IMPURE_WORDS =
  /(?<![.\w$])(?:Promise|async|await|setTimeout|setInterval|setImmediate|queueMicrotask|TransformStream)(?![\w$])/g;
/** The skins of protocol/ over the Web Streams API. */
const STREAM_SKINS = ["src/protocol/record_streams.ts"];

/** The width of a comment, in columns; the formatter keeps that of the code. */
const MAX_COMMENT_WIDTH = 100;
/** "Most under 150 lines, a hard look at 250". */
const MAX_LINES = 250;
/**
 * Classes of the web platform and the language that applications put others in the place of:
 * undici, polyfills, zone.js.
 */
const REPLACEABLE =
  "(?:Map|Promise|Proxy|Request|Response|Headers|URL|DOMException|Abort(?:Controller|Signal)|Text(?:En|De)coder|" +
  "(?:Readable|Writable|Transform|Decompression)Stream|ByteLengthQueuingStrategy)";
/** A use that is evaluated later than the module is: it stands inside of something. */
const LATER_USE = new RegExp(
  `^[ \\t].*?(?<![.\\w$])(?:(?:new|instanceof|extends)\\s+(${REPLACEABLE})(?![\\w$])|(${REPLACEABLE})\\.\\w)`,
);
/** Where modules are loaded that a command line names; no other import may be of an unknown one. */
const LOADER = "src/runtime/load_module.ts";
/** Longer files, each with the reason why it may be. */
const LONG_FILES: Record<string, string> = {
  "src/server/exchange/exchange.ts": "One state machine: every way in, and every end of a request",
  "src/cli/workers/plan.ts": "One state machine: every event of a supervisor",
  "src/server/connection/connection.ts": "One state machine: every event, command and close path",
};

/** Which room a path belongs to, or `null` outside src/ and mod.ts. */
function roomOf(path: string): string | null {
  if (path === "mod.ts") return "entry";
  if (!path.startsWith("src/")) return null;
  const [, ...steps] = path.split("/");
  for (let length = steps.length; length > 0; length--) {
    const room = steps.slice(0, length).join("/");
    if (Object.hasOwn(DOORS, room)) return room;
  }
  return steps.length === 1 ? "the top of src/" : steps[0] ?? null;
}

/** Everything wrong with one file; nothing, if it is as it should be. */
export function checkSource(path: string, text: string): string[] {
  const room = roomOf(path);
  const doors = room === null ? undefined : DOORS[room];
  if (!doors) return [`${path}: In no known room`];
  const { code, strings } = blank(text);
  const found: string[] = [];
  const isRuntime = path.startsWith("src/runtime/");

  for (const { specifier, typeOnly } of importsOf(code, strings)) {
    if (/^(node|bun):/.test(specifier)) {
      if (!isRuntime) found.push(`Only src/runtime/ may import ${specifier}`);
    } else if (!/^\.\.?\//.test(specifier)) {
      found.push(`Import must be relative: ${specifier}`);
    } else if (!specifier.endsWith(".ts")) {
      found.push(`Import must end in .ts: ${specifier}`);
    } else {
      const target = roomOf(posix.join(posix.dirname(path), specifier));
      const rooms = typeOnly ? [...doors.values, ...doors.types] : doors.values;
      if (target === null || !rooms.includes(target)) {
        found.push(`No door from ${room} to ${target ?? "outside src/"}: ${specifier}`);
      }
    }
  }
  const isLoader = path === LOADER;
  if (!isLoader && /(?<![.\w$])import\s*\(\s*(?!\s*"\d+"\s*[,)])/.test(code)) {
    found.push("import() must name its module with a string");
  }

  const words = (pattern: RegExp) => [...new Set(code.match(pattern) ?? [])];
  if (!isRuntime) {
    const runtimeWords = [
      ...words(/(?<![.\w$])(?:Deno|Bun)(?![\w$])(?!\s*\??:)/g),
      ...words(/(?<![.\w$])process(?=\s*(?:\?\.|\.|\[))/g),
      ...words(/(?<![.\w$])(?:globalThis|self)\s*(?:\?\.|\.)\s*(?:Deno|Bun|process)(?![\w$])/g),
      // `globalThis["Deno"]` and `"Deno" in globalThis`: the word is in a string.
      ...(/(?<![.\w$])globalThis(?![\w$])/.test(code)
        ? strings.filter((string) => ["Deno", "Bun", "process"].includes(string))
        : []),
    ];
    for (const word of runtimeWords) found.push(`Only src/runtime/ may say ${word}`);
  }
  if (PURE_ROOMS.includes(room as string)) {
    for (const word of words(IMPURE_WORDS)) {
      if (word === "TransformStream" && STREAM_SKINS.includes(path)) continue;
      found.push(`${room}/ is synchronous and pure, yet says ${word}`);
    }
  }
  if (/(?<![.\w$])enum\s+[\w$]+\s*\{/.test(code)) found.push("No enum: use a const object");
  if (/(?<![.\w$])(?:namespace|module)\s+[\w$.]+\s*\{/.test(code)) found.push("No namespace");
  // Node 22 strips types, but has no `using`.
  if (/(?<![.\w$])using\s+[\w$]+\s*=/.test(code)) {
    found.push("No using declaration: Node 22 has none");
  }
  const captured = Array.from(code.matchAll(/^const \{([^}]*)\} = globalThis\b/gm))
    .flatMap(([, names]) => names.split(",").map((name) => name.trim()));
  for (const line of code.split("\n")) {
    const [, made, used] = LATER_USE.exec(line) ?? [];
    const name = made ?? used;
    if (name !== undefined && !captured.includes(name)) {
      found.push(`Take ${name} from globalThis when the module is loaded: ${line.trim()}`);
    }
  }
  const lines = text.replace(/\n$/, "").split("\n").length;
  if (lines > MAX_LINES && !(path in LONG_FILES)) {
    found.push(`Longer than ${MAX_LINES} lines: ${lines}`);
  }
  return found.map((fault) => `${path}: ${fault}`);
}

/**
 * The comment lines that are too wide, as `path:line`. What cannot be wrapped may be: a URL, a line
 * of a code block.
 */
export function wideComments(path: string, text: string): string[] {
  const found: string[] = [];
  let isCode = false;
  for (const [index, line] of text.split("\n").entries()) {
    const comment = /^\s*(?:\/\*\*?|\*|\/\/)\s?(.*)$/.exec(line)?.[1];
    if (comment === undefined) continue;
    if (comment.startsWith("```")) isCode = !isCode;
    const isUnwrappable = isCode || !comment.trim().includes(" ") ||
      /^deno-lint-ignore/.test(comment);
    if (!isUnwrappable && [...line].length > MAX_COMMENT_WIDTH) found.push(`${path}:${index + 1}`);
  }
  return found;
}

/** The files that a file imports, types and re-exports included, as paths like its own. */
function importedBy(path: string, text: string): string[] {
  const { code, strings } = blank(text);
  return importsOf(code, strings)
    .filter(({ specifier }) => /^\.\.?\//.test(specifier))
    .map(({ specifier }) => posix.join(posix.dirname(path), specifier));
}

/**
 * Every circle that a walk along the imports closes, as the files on it in order, the first one
 * again at its end. None, if there is no circle; not each of many through the same files.
 */
export function circlesOf(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  const circles: string[][] = [];
  const walked = new Set<string>();
  const way: string[] = [];
  const walk = (file: string) => {
    const at = way.indexOf(file);
    if (at >= 0) return void circles.push([...way.slice(at), file]);
    if (walked.has(file)) return;
    walked.add(file);
    way.push(file);
    for (const next of imports.get(file) ?? []) walk(next);
    way.pop();
  };
  for (const file of imports.keys()) walk(file);
  return circles;
}

/**
 * Samples, each with a part of what must be said about it; `null` for one that is as it should be.
 */
const SAMPLES: [path: string, text: string, fault: string | null][] = [
  ["src/protocol/a.ts", `import { b } from "./b.ts";\nexport * from './c.ts';`, null],
  ["src/protocol/a.ts", `import { b } from "../cgi/b.ts";`, "No door from protocol to cgi"],
  ["src/cgi/a.ts", `import type { B } from "../protocol/b.ts";`, "No door from cgi to protocol"],
  ["src/cgi/a.ts", `export { b } from "../protocol/b.ts";`, "No door from cgi to protocol"],
  ["src/cgi/a.ts", `import\n  {\n b,\n c\n}\nfrom\n"../server/b.ts"`, "No door from cgi to server"],
  ["src/cgi/a.ts", `import "../server/b.ts";`, "No door from cgi to server"],
  ["src/server/a.ts", `import { b } from "../protocol/b.ts"; import c from "../cgi/c.ts";`, null],
  ["src/server/a.ts", `const b = await import("../client/b.ts");`, "No door from server to client"],
  ["src/server/a.ts", `let b: import("../runtime/b.ts").B;`, "No door from server to runtime"],
  ["src/server/a.ts", `await import(name);`, "import() must name its module"],
  ["src/runtime/a.ts", `await import(name);`, "import() must name its module"],
  [LOADER, `await import(name);`, null],
  ["src/server/a.ts", `const b = import.meta.url;`, null],
  ["src/server/a.ts", `import "../serve/serve.ts";`, "No door from server to serve"],
  [
    "src/server/exchange/a.ts",
    `import type { B } from "../connection/b.ts";`,
    "No door from server/exchange to server/connection",
  ],
  ["src/server/connection/a.ts", `import { b } from "../exchange/b.ts"; import "./c.ts";`, null],
  [
    "src/server/application/a.ts",
    `import type { B } from "../b.ts";`,
    "No door from server/application to server",
  ],
  [
    "src/runtime/listen/a.ts",
    `import type { B } from "../../server/connection/transport.ts";`,
    null,
  ],
  [
    "src/runtime/listen/a.ts",
    `import { b } from "../../server/connection/transport.ts";`,
    "No door from runtime/listen to server/connection/transport.ts",
  ],
  [
    "src/runtime/listen/a.ts",
    `import type { B } from "../../server/connection/b.ts";`,
    "No door from runtime/listen to server/connection",
  ],
  ["src/runtime/a.ts", `import "./listen/b.ts";`, "No door from runtime to runtime/listen"],
  ["src/loose.ts", ``, "In no known room"],
  ["src/server/a.ts", `import { b } from "../../tests/b.ts";`, "outside src/"],
  [
    "src/runtime/a.ts",
    `import type { B } from "../server/b.ts";`,
    "No door from runtime to server",
  ],
  ["src/runtime/a.ts", `import net from "node:net"; Deno.listen(); process.exit();`, null],
  ["src/serve/a.ts", `import "../server/a.ts"; import { b } from "../runtime/b.ts";`, null],
  [
    "src/serve/a.ts",
    `import type { A } from "../cgi/a.ts"; import { type B } from "../cgi/b.ts";`,
    null,
  ],
  ["src/serve/a.ts", `import { type A, b } from "../cgi/a.ts";`, "No door from serve to cgi"],
  ["src/serve/a.ts", `import type from "../cgi/a.ts";`, "No door from serve to cgi"],
  ["mod.ts", `export * from "./src/serve/a.ts"; export { a } from "./src/protocol/a.ts";`, null],
  ["mod.ts", `export * from "./tests/a.ts";`, "outside src/"],
  ["src/other/a.ts", ``, "In no known room"],
  ["src/cli/a.ts", `import "../serve/a.ts"; import "../client/mod.ts";`, null],
  ["src/cli/a.ts", `import "../server/connection/a.ts";`, "No door from cli to server/connection"],
  ["src/cli/config/a.ts", `import "../command.ts"; import "../../runtime/a.ts";`, null],
  ["src/cli/config/a.ts", `import "../../serve/a.ts";`, "No door from cli/config to serve"],
  ["src/serve/a.ts", `import "../cli/a.ts";`, "No door from serve to cli"],
  ["src/client/gateway.ts", `import { a } from "../runtime/a.ts"; import "./b.ts";`, null],
  ["src/client/a.ts", `import { a } from "../runtime/a.ts";`, "No door from client to runtime"],
  [
    "src/client/a.ts",
    `import { serveGateway } from "./gateway.ts";`,
    "No door from client to client/gateway.ts",
  ],
  [
    "src/client/gateway.ts",
    `import { a } from "../protocol/a.ts";`,
    "No door from client/gateway.ts to protocol",
  ],
  ["src/server/a.ts", `import { b } from "./b";`, "must end in .ts"],
  ["src/server/a.ts", `import { b } from "jsr:@std/assert";`, "must be relative"],
  ["src/server/a.ts", `import { b } from "https://example.com/b.ts";`, "must be relative"],
  ["src/server/a.ts", `import net from "node:net";`, "Only src/runtime/ may import node:net"],
  ["src/client/a.ts", `Deno.listen({});`, "may say Deno"],
  ["src/client/a.ts", `const bun = globalThis.Bun;`, "may say globalThis.Bun"],
  ["src/client/a.ts", `const deno = (globalThis as any)["Deno"];`, "may say Deno"],
  ["src/client/a.ts", `process.exit(1);`, "may say process"],
  ["src/client/a.ts", "const a = `${`${Deno.pid}`}`;", "may say Deno"],
  ["src/client/a.ts", `const a = 4 / 2; Deno.exit(); const b = 4 / 2;`, "may say Deno"],
  ["src/client/a.ts", `// Deno.listen\n/* process.exit */ const a = "Bun.serve";`, null],
  ["src/client/a.ts", "const a = `Deno ${1} Bun`; this.process.run(); import.meta.url;", null],
  ["src/client/a.ts", `const quote = /["'\`/]/; const a = "Deno.pid"; // it's`, null],
  ["src/client/a.ts", `/** import { serve } from "jsr:@fastcgi/serve"; */`, null],
  ["src/protocol/a.ts", `export async function f() {}`, "yet says async"],
  ["src/protocol/a.ts", `let p: Promise<void>; await p;`, "yet says Promise"],
  ["src/cgi/a.ts", `setTimeout(f, 1);`, "yet says setTimeout"],
  ["src/cgi/a.ts", `// a Promise of async\nconst a = "await"; b.async = 1;`, null],
  ["src/protocol/a.ts", `new TransformStream();`, "yet says TransformStream"],
  ["src/protocol/record_streams.ts", `new TransformStream();`, null],
  ["src/protocol/record_streams.ts", `async () => {};`, "yet says async"],
  ["src/server/a.ts", `export const enum A { B }`, "No enum"],
  ["src/server/a.ts", `export namespace A { }`, "No namespace"],
  ["src/server/a.ts", `const enumerable = { enum: 1, namespace: 2 };`, null],
  ["src/server/a.ts", `await using a = b();`, "No using"],
  ["src/server/a.ts", "f(() => {\n  if (a instanceof Response) {}\n});", "Take Response"],
  ["src/client/a.ts", "function f() {\n  return new Headers(a);\n}", "Take Headers"],
  ["src/cgi/a.ts", "f(\n  URL.canParse(a),\n);", "Take URL"],
  [
    "src/server/a.ts",
    "const { Request,\n Response } = globalThis;\nfunction f() {\n  return new Response();\n}",
    null,
  ],
  ["src/cgi/a.ts", "const a = new TextEncoder();\n  /** `new Response()` */", null],
  ["src/cgi/a.ts", "f(\n  new URLSearchParams(a.Response.b),\n);", null],
  ["src/server/a.ts", "\n".repeat(MAX_LINES + 1), "Longer than"],
  ["src/server/a.ts", "\n".repeat(MAX_LINES), null],
];

async function sourceFiles(): Promise<string[]> {
  const entries = await readdir(new URL("src/", ROOT), { recursive: true });
  const files = entries.map((entry) => `src/${entry.replaceAll("\\", "/")}`);
  return ["mod.ts", ...files.filter((file) => file.endsWith(".ts")).sort()];
}

describe("checkSource", () => {
  for (const [path, text, fault] of SAMPLES) {
    const sample = text.length > 80 ? `${text.length} characters` : text;
    it(`${fault === null ? "takes" : `finds "${fault}" in`} ${path}: ${JSON.stringify(sample)}`, () => {
      const found = checkSource(path, text);
      if (fault === null) assertEquals(found, []);
      else assert(found.some((line) => line.includes(fault)), `Found only: ${found.join("; ")}`);
    });
  }
});

describe("blank", () => {
  it("keeps the code and sets the strings aside", () => {
    assertEquals(blank("a('x\\'y') /* c */ + `p${q + `r`}s` / 2; // d"), {
      code: 'a("0")   + "1"+(q + "2")+"3" / 2; ',
      strings: ["x\\'y", "p", "r", "s"],
    });
  });
});

/** Planted circles: files with their texts, and the circle to be found, if there is one. */
const PLANTED: [name: string, files: Record<string, string>, circle: string | null][] = [
  [
    "a chain",
    { "src/a.ts": `import "./b.ts";`, "src/b.ts": `import "./c/d.ts";`, "src/c/d.ts": "" },
    null,
  ],
  [
    "two ways to one file",
    {
      "src/a.ts": `import "./b.ts"; import "./c.ts";`,
      "src/b.ts": `import "./d.ts";`,
      "src/c.ts": `import "./d.ts";`,
      "src/d.ts": "",
    },
    null,
  ],
  [
    "a pair",
    { "src/a.ts": `import { b } from "./b.ts";`, "src/b.ts": `import { a } from "./a.ts";` },
    "src/a.ts → src/b.ts → src/a.ts",
  ],
  ["a file and itself", { "src/a.ts": `export { b } from "./a.ts";` }, "src/a.ts → src/a.ts"],
  [
    "types alone",
    {
      "src/a.ts": `import type { B } from "./b.ts";`,
      "src/b.ts": `import { type A } from "./a.ts";`,
    },
    "src/a.ts → src/b.ts → src/a.ts",
  ],
  [
    "three files in three folders, entered from outside",
    {
      "mod.ts": `export * from "./src/x/a.ts";`,
      "src/x/a.ts": `import { b } from "../y/b.ts";`,
      "src/y/b.ts": `export type * from "../z/c.ts";`,
      "src/z/c.ts": `const a = await import("../x/a.ts");`,
    },
    "src/x/a.ts → src/y/b.ts → src/z/c.ts → src/x/a.ts",
  ],
];

function importMap(files: Iterable<[path: string, text: string]>): Map<string, string[]> {
  return new Map([...files].map(([path, text]) => [path, importedBy(path, text)]));
}

describe("circlesOf", () => {
  for (const [name, files, circle] of PLANTED) {
    it(`${circle === null ? "finds none in" : "finds"} ${name}`, () => {
      const found = circlesOf(importMap(Object.entries(files))).map((way) => way.join(" → "));
      assertEquals(found, circle === null ? [] : [circle]);
    });
  }
});

describe("wideComments", () => {
  const fits = `/** ${"word ".repeat(17)}word */`;
  const wide = `${fits.slice(0, -3)} and more */`;
  const cases: [name: string, text: string, found: string[]][] = [
    ["a comment that fits", fits, []],
    ["one that does not", `${fits}\n${wide}`, ["a.ts:2"]],
    ["a line of a block", ` * ${wide}`, ["a.ts:1"]],
    ["one behind slashes", `  // ${wide}`, ["a.ts:1"]],
    ["characters of several bytes", fits.replaceAll("w", "─"), []],
    ["code", `const a = "${wide}";`, []],
    ["a block of code", ` * \`\`\`ts\n * ${wide}\n * \`\`\``, []],
    ["a URL", `// https://example.org/${"x".repeat(100)}`, []],
  ];
  for (const [name, text, found] of cases) {
    it(`${found.length === 0 ? "takes" : "finds"} ${name}`, () => {
      assertEquals(wideComments("a.ts", text), found);
    });
  }
});

describe("rooms", () => {
  it("have no comment that is too wide, nor have the tests and the examples", async () => {
    const found: string[] = [];
    for (const folder of ["src/", "tests/", "examples/"]) {
      for (const entry of await readdir(new URL(folder, ROOT), { recursive: true })) {
        if (!entry.endsWith(".ts") || entry.includes("node_modules")) continue;
        const path = folder + entry.replaceAll("\\", "/");
        found.push(...wideComments(path, await readFile(new URL(path, ROOT), "utf8")));
      }
    }
    assertEquals(found, []);
  });

  it("have only the doors and the words that they should have", async () => {
    const faults: string[] = [];
    for (const file of await sourceFiles()) {
      faults.push(...checkSource(file, await readFile(new URL(file, ROOT), "utf8")));
    }
    assertEquals(faults, []);
  });

  it("have no circle of imports, types included", async () => {
    const files: [string, string][] = [];
    for (const file of await sourceFiles()) {
      files.push([file, await readFile(new URL(file, ROOT), "utf8")]);
    }
    assertEquals(circlesOf(importMap(files)).map((way) => way.join(" → ")), []);
  });

  it("have no file on the list of long ones that is short or gone", async () => {
    for (const [file, reason] of Object.entries(LONG_FILES)) {
      assert(reason, `Needs a reason: ${file}`);
      const lines = (await readFile(new URL(file, ROOT), "utf8")).split("\n").length;
      assert(lines > MAX_LINES, `Needs no exception any more: ${file}`);
    }
  });
});
