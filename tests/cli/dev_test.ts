/** `fcgi dev`: the command itself, on real sockets and files. */
import { existsSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { freePort, type Program, spawnScript, tempDir, waitUntil } from "../_runtime.ts";
import { fcgi } from "./_terminal.ts";

/** The command is installed with every permission. */
const ALL = { denoPermissions: ["-A"] };
const MAIN = new URL("../../src/cli/main.ts", import.meta.url);
const TEXT = "text/plain;charset=UTF-8";
const HTML = { accept: "text/html,*/*;q=0.8" };

interface Reply {
  status: number;
  type: string;
  text: string;
}

/** A `fcgi dev` that a test has started, in a directory of its own. */
interface Dev extends AsyncDisposable {
  readonly directory: string;
  readonly program: Program;
  readonly port: number;
  write(name: string, source: string): Promise<void>;
  ask(path: string, headers?: Record<string, string>, host?: string): Promise<Reply>;
}

/** Starts it with this application, on a free port; its temporary files are in `directory/tmp`. */
async function startDev(source: string, args: string[] = [], name = "app.ts"): Promise<Dev> {
  const { path: directory, ...temporary } = await tempDir();
  const write = (name: string, source: string) => writeFile(join(directory, name), source);
  const tmp = join(directory, ".tmp");
  await mkdir(tmp);
  await write(name, source);
  const options = { ...ALL, cwd: directory, env: { TMPDIR: tmp } };
  const program = await spawnScript(MAIN, ["dev", name, "--port", "0", ...args], options);
  const [, port] = await program.waitForLine("stdout", /^fcgi dev: http:\/\/\S+:(\d+)\/\S* is /);
  return {
    directory,
    program,
    port: Number(port),
    write,
    ask: (path, headers, host) => ask(Number(port), path, headers, host),
    async [Symbol.asyncDispose]() {
      await program[Symbol.asyncDispose]();
      await temporary[Symbol.asyncDispose]();
    },
  };
}

/** An address of this machine that is no loopback. */
function otherAddress(): string | undefined {
  return Object.values(networkInterfaces()).flat()
    .find((known) => known?.family === "IPv4" && !known.internal)?.address;
}

/** Not `fetch`: it does not send any `Host`. */
function ask(
  port: number,
  path: string,
  headers: Record<string, string> = {},
  hostname = "127.0.0.1",
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, path, headers, agent: false }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8").on("data", (chunk: string) => text += chunk);
      incoming.on("error", reject);
      incoming.on("end", () => {
        const type = incoming.headers["content-type"] ?? "";
        resolve({ status: incoming.statusCode ?? 0, type, text });
      });
    });
    outgoing.on("error", reject).end();
  });
}

/** Asks until there is a reply with this status. */
async function replyWith(status: number, ask: () => Promise<Reply>): Promise<Reply> {
  let reply: Reply | undefined;
  await waitUntil(async () => (reply = await ask()).status === status);
  return reply!;
}

function answering(text: string): string {
  return `export default async (_request: Request, info: { log(line: string): void }) => {
  info.log("logged by ${text}");
  await new Promise((resolve) => setTimeout(resolve, 5));
  return new Response("${text}");
};
`;
}

const THROWING = `// An application that fails.
function find(name: string): never {
  throw new TypeError("no <script>alert(1)</script> of " + name);
}

export default (request: Request) => find(new URL(request.url).searchParams.get("name") ?? "");
`;

describe("fcgi dev", { timeout: 30_000 }, () => {
  it("ends with exit code 3 if there is no such file", async () => {
    const { code, out, err } = await fcgi(["dev", "./none.ts", "--port", "0"]);
    assertEquals([code, out, err.length], [3, "", 1]);
    assertMatch(err[0]!, /^fcgi dev: There is no file \/\S+\/none\.ts$/);
  });

  it("passes requests on, and prints a line on each with what the application logs", async () => {
    await using dev = await startDev(answering("one"));
    assertEquals(await dev.ask("/users?x=1"), { status: 200, type: TEXT, text: "one" });
    await dev.program.waitForLine("stdout", /^GET \/users\?x=1 200 \d+ ms$/);
    await dev.program.waitForLine("stderr", /^logged by one$/);
    assertEquals((await dev.ask("/", {}, "::1")).text, "one");
    const [address, watched] = dev.program.stdout.lines;
    assertEquals(address, `fcgi dev: http://localhost:${dev.port}/ is app.ts`);
    assertStringIncludes(watched!, dev.directory);
  });

  it("serves a changed application, and loses no request by that", async () => {
    await using dev = await startDev(answering("one"));
    assertEquals((await dev.ask("/")).text, "one");
    const replies: Reply[] = [];
    const lane = async () => {
      for (let last = ""; last !== "two" || replies.length < 200;) {
        const reply = await dev.ask("/");
        replies.push(reply);
        last = reply.text;
      }
    };
    const lanes = Array.from({ length: 20 }, lane);
    await waitUntil(() => replies.length >= 40);
    await dev.write("app.ts", answering("two"));
    await Promise.all(lanes);
    assertEquals(replies.filter(({ status }) => status !== 200), []);
    // And none of the old ones comes again.
    const texts = replies.map(({ text }) => text);
    assertEquals(new Set(texts), new Set(["one", "two"]));
    assertEquals((await dev.ask("/")).text, "two");
    await dev.program.waitForLine("stdout", /^fcgi dev: app\.ts changed$/);
    await dev.program.waitForLine("stdout", /^fcgi dev: reloaded in \d+ ms$/);
  });

  it("lets a request be answered by the process that has begun it", async () => {
    await using dev = await startDev(`import { existsSync } from "node:fs";
export default async (request: Request) => {
  const file = new URL(request.url).searchParams.get("file");
  while (file !== null && !existsSync(file)) await new Promise((wake) => setTimeout(wake, 10));
  return new Response("old");
};`);
    assertEquals((await dev.ask("/")).text, "old");
    const file = join(dev.directory, ".go");
    const slow = dev.ask(`/?file=${file}`);
    await dev.write("app.ts", answering("new"));
    await waitUntil(async () => (await dev.ask("/")).text === "new");
    await writeFile(file, "");
    assertEquals((await slow).text, "old");
  });

  it("loses no request whose body is still on its way to the old process", async () => {
    const source = `export default async (request: Request) =>
      new Response("old " + await request.text());`;
    await using dev = await startDev(source);
    const { promise: text, resolve, reject } = Promise.withResolvers<string>();
    const options = { method: "POST", port: dev.port, headers: { "content-length": "2" } };
    const outgoing = request(options, (incoming) => {
      incoming.setEncoding("utf8").on("data", resolve);
    }).on("error", reject);
    outgoing.write("a");
    assertEquals((await dev.ask("/")).text, "old ");
    await dev.write("app.ts", answering("new"));
    await waitUntil(async () => (await dev.ask("/")).text === "new");
    outgoing.end("b");
    assertEquals(await text, "old ab");
  });

  for (
    const [name, fault] of [
      ["app.ts", `\nexport const broken: number = (1;\n`],
      ["app.mjs", `\nexport const broken = (1;\n`],
    ] as const
  ) {
    it(`shows a fault of syntax in ${name} until it is mended`, async () => {
      const source = `export default () => new Response("works");\n`;
      await using dev = await startDev(source, [], name);
      assertEquals((await dev.ask("/")).text, "works");
      await dev.write(name, fault + source);
      const page = await replyWith(500, () => dev.ask("/any", HTML));
      assertEquals(page.type, "text/html; charset=utf-8");
      const place = `${join(dev.directory, name)}:2`;
      assertStringIncludes(page.text, `<h2>${place}`);
      assertStringIncludes(page.text, `<span class="line it"><b>2</b>export const broken`);
      await dev.program.waitForLine("stderr", new RegExp(`^ {4}> 2 \\| export const broken`));
      assertStringIncludes(dev.program.stderr.text, place);
      await dev.write(name, source.replace("works", "works again"));
      await waitUntil(async () => (await dev.ask("/")).text === "works again");
    });
  }

  it("starts with an application that is broken, and waits until it is mended", async () => {
    await using dev = await startDev(`import "./missing.ts";\nexport default () => {};\n`);
    const { status, text } = await dev.ask("/");
    assertEquals(status, 500);
    assertMatch(text, /^The application does not run\n\n.*missing\.ts/);
    await dev.program.waitForLine("stderr", /^fcgi dev: Cannot start app\.ts$/);
    await dev.write("missing.ts", "");
    await dev.write("app.ts", answering("mended"));
    await waitUntil(async () => (await dev.ask("/")).text === "mended");
  });

  it("shows what a module throws, or that it exports no application", async () => {
    await using dev = await startDev(`throw new Error("no database");`);
    assertMatch((await dev.ask("/")).text, /\n\nError: no database\n\n.*app\.ts:1/);
    await dev.write("app.ts", "export const x = 1;");
    await waitUntil(async () => /exports no application/.test((await dev.ask("/")).text));
  });

  it("shows the error of a handler in the browser and in the terminal", async () => {
    await using dev = await startDev(THROWING);
    const page = await dev.ask("/users?name=Jo", HTML);
    assertEquals([page.status, page.type], [500, "text/html; charset=utf-8"]);
    assert(!page.text.includes("<script"), page.text);
    assertStringIncludes(page.text, "no &lt;script&gt;alert(1)&lt;/script&gt; of Jo");
    assertStringIncludes(page.text, `<h2>${join(dev.directory, "app.ts")}:3:`);
    assertStringIncludes(page.text, `<span class="line it"><b>3</b>  throw new TypeError(`);
    assertMatch(page.text, /<span class="line"> {4}at find \(/);
    assert(!page.text.includes("handle_request.ts"), "Frames of the library");
    const line = /^TypeError: no <script>alert\(1\)<\/script> of Jo$/;
    await dev.program.waitForLine("stderr", line);
    await dev.program.waitForLine("stdout", /^GET \/users\?name=Jo 500 \d+ ms$/);
    // Not once more, as a line of the log.
    assertEquals(dev.program.stderr.text.match(/of Jo/g)?.length, 1);
  });

  it("shows it as text to whoever does not ask for HTML", async () => {
    await using dev = await startDev(THROWING);
    const { status, type, text } = await dev.ask("/?name=Jo", { accept: "application/json" });
    assertEquals([status, type], [500, "text/plain; charset=utf-8"]);
    assertMatch(text, /^GET \/\n\nTypeError: no <script>alert\(1\)<\/script> of Jo\n/);
    assertStringIncludes(text, `\n> 3 |   throw new TypeError(`);
  });

  it("answers HEAD without a body, whatever fails", async () => {
    await using dev = await startDev(THROWING);
    const head = () => fetch(`http://127.0.0.1:${dev.port}/?name=Jo`, { method: "HEAD" });
    assertEquals((await head()).status, 500);
    await dev.program.waitForLine("stdout", /^HEAD \/\?name=Jo 500 \d+ ms$/);
    await dev.write("app.ts", "(");
    await waitUntil(async () => /does not run/.test((await dev.ask("/")).text));
    assertEquals((await head()).status, 500);
    // The server is fine after it.
    assertEquals((await dev.ask("/")).status, 500);
  });

  it("names the address below a path, and serves the application there", async () => {
    const source =
      `export default (request: Request) => new Response(new URL(request.url).pathname);`;
    await using dev = await startDev(source, ["--mount", "/shop"]);
    assertEquals((await dev.ask("/shop/a")).text, "/a");
    assertEquals(
      dev.program.stdout.lines[0],
      `fcgi dev: http://localhost:${dev.port}/shop is app.ts`,
    );
  });

  it("leaves an answer to the application's own onError", async () => {
    await using dev = await startDev(`export default {
  fetch: () => { throw new Error("mine"); },
  onError: (error: Error) => new Response("Sorry: " + error.message, { status: 503 }),
};`);
    const { status, text } = await dev.ask("/", HTML);
    assertEquals([status, text], [503, "Sorry: mine"]);
  });

  it("answers no request for another host", async () => {
    await using dev = await startDev(answering("secret"));
    for (const host of ["evil.example", "evil.example:8000", "127.0.0.1.evil.example"]) {
      const { status, text } = await dev.ask("/", { ...HTML, host });
      assertEquals(status, 403);
      assert(!text.includes("secret"));
    }
    for (const host of ["localhost", `127.0.0.1:${dev.port}`, "[::1]:1", "app.localhost"]) {
      assertEquals((await dev.ask("/", { host })).text, "secret");
    }
  });

  it("starts a process again that ends by itself, and says so", async () => {
    await using dev = await startDev(`import process from "node:process";
export default (request: Request) => {
  if (request.url.endsWith("/end")) process.exit(9);
  return new Response(String(process.pid));
};`);
    const { text: pid } = await dev.ask("/");
    // One that has just been started is not started again: it may end at every start.
    const old = performance.now() + 1_000;
    await waitUntil(() => performance.now() > old);
    assertEquals((await dev.ask("/end")).status, 502);
    await dev.program.waitForLine("stderr", /^fcgi dev: the application has ended by itself: .*9$/);
    const after = await replyWith(200, () => dev.ask("/"));
    assert(after.text !== pid);
  });

  it("takes the next port if one is in use, and says so", async () => {
    await using directory = await tempDir();
    await writeFile(join(directory.path, "app.ts"), answering("here"));
    const port = await freePort();
    const other = createServer().listen(port, "127.0.0.1");
    try {
      const args = ["dev", "app.ts", "--port", String(port)];
      await using program = await spawnScript(MAIN, args, { ...ALL, cwd: directory.path });
      const pattern = /^fcgi dev: port \d+ is in use, so it is another one:$/;
      await program.waitForLine("stdout", pattern);
      const [, taken] = await program.waitForLine(
        "stdout",
        /^fcgi dev: http:\/\/localhost:(\d+)\//,
      );
      assert(Number(taken) > port && Number(taken) < port + 20);
      assertEquals((await ask(Number(taken), "/")).text, "here");
    } finally {
      other.close();
    }
  });

  it("ends at a signal, and leaves no process and no file", async () => {
    await using dev = await startDev(`import process from "node:process";
export default () => new Response(String(process.pid));`);
    const pid = Number((await dev.ask("/")).text);
    assertEquals((await readdir(join(dev.directory, ".tmp"))).length, 1);
    dev.program.kill("SIGINT");
    assertEquals(await dev.program.exit, { code: 0, signal: null });
    assertEquals(await readdir(join(dev.directory, ".tmp")), []);
    await waitUntil(() => !existsSync(`/proc/${pid}`), { what: "the end of the application" });
  });

  it("ends at once at a second signal, whatever the application does", async () => {
    await using dev = await startDev(`import process from "node:process";
export default (request: Request) => request.url.endsWith("/hang")
  ? new Promise<Response>(() => {})
  : new Response(String(process.pid));`);
    const pid = Number((await dev.ask("/")).text);
    const hanging = dev.ask("/hang").catch(() => {});
    await dev.ask("/");
    let hasEnded = false;
    void dev.program.exit.then(() => hasEnded = true);
    // Those that come together are one.
    await waitUntil(() => {
      dev.program.kill("SIGINT");
      return hasEnded;
    }, { interval: 400 });
    assertEquals((await dev.program.exit).code, 130);
    await hanging;
    assertEquals(await readdir(join(dev.directory, ".tmp")), []);
    await waitUntil(() => !existsSync(`/proc/${pid}`), { what: "the end of the application" });
  });

  it("ends the application if it is killed itself, and leaves no file", async () => {
    await using dev = await startDev(`import process from "node:process";
export default () => new Response(String(process.pid));`);
    const pid = Number((await dev.ask("/")).text);
    dev.program.kill("SIGKILL");
    await dev.program.exit;
    await waitUntil(() => !existsSync(`/proc/${pid}`), { what: "the end of the application" });
    await waitUntil(async () => (await readdir(join(dev.directory, ".tmp"))).length === 0, {
      what: "the end of its files",
    });
  });

  it("ends while the application waits for something", async () => {
    await using dev = await startDev(`import { writeFileSync } from "node:fs";
writeFileSync(".started", "");
await new Promise((resolve) => setInterval(resolve, 1e9));`);
    const waiting = dev.ask("/").catch((error) => error);
    await waitUntil(() => existsSync(join(dev.directory, ".started")));
    dev.program.kill("SIGTERM");
    assertEquals((await dev.program.exit).code, 0);
    assert(await waiting instanceof Error, "It was answered");
    assertEquals(await readdir(join(dev.directory, ".tmp")), []);
  });

  it("passes bodies on as they come, in both directions", async () => {
    await using dev = await startDev(
      `export default (request: Request) => new Response(request.body);`,
    );
    const sent = "x".repeat(1_000_000);
    const response = await fetch(`http://127.0.0.1:${dev.port}/`, { method: "POST", body: sent });
    assertEquals(await response.text(), sent);
    await dev.program.waitForLine("stdout", /^POST \/ 200 \d+ ms$/);
  });

  it("says when an answer breaks off", async () => {
    await using dev = await startDev(`export default () => new Response(new ReadableStream({
  start: (controller) => controller.enqueue(new TextEncoder().encode("first")),
  async pull(controller) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    controller.error(new Error("no more"));
  },
}, { highWaterMark: 0 }));`);
    assert(await dev.ask("/").catch((error) => error) instanceof Error, "It looks whole");
    await dev.program.waitForLine("stdout", /^GET \/ 200 \d+ ms \(broken off\)$/);
    await dev.program.waitForLine("stderr", /^Error: no more$/);
  });

  const address = otherAddress();
  it("shows no error to other machines, and answers them with --host 0.0.0.0 alone", {
    skip: address === undefined && "This machine has no other address",
  }, async () => {
    await using here = await startDev(THROWING);
    await assertRejects(() => here.ask("/", HTML, address));
    await using dev = await startDev(THROWING, ["--host", "0.0.0.0"]);
    const { status, text } = await dev.ask("/?name=Jo", HTML, address);
    assertEquals([status, text], [500, "Internal Server Error\n"]);
    assertStringIncludes((await dev.ask("/?name=Jo", HTML)).text, "of Jo");
  });

  it("watches what it is told to, and neither what is ignored nor what is no source", async () => {
    await using directory = await tempDir();
    const write = async (name: string, text: string) => {
      await mkdir(join(directory.path, dirname(name)), { recursive: true });
      await writeFile(join(directory.path, name), text);
    };
    const ignored = [
      ...["lib/made/x.ts", "lib/node_modules/x.ts", "lib/.git/x.ts", "lib/.x.ts", "lib/x.log"],
      ...["app/other.ts", "lib/made.ts"],
    ];
    for (const name of [...ignored, "lib/text.ts"]) await write(name, `export const text = "one";`);
    await write(
      "app/app.ts",
      `import { text } from "../lib/text.ts";\nexport default () => new Response(text);`,
    );
    const args = ["dev", "app/app.ts", "--port", "0", "--watch", "lib"];
    args.push("--ignore", "made", "--ignore", "made.ts");
    await using program = await spawnScript(MAIN, args, { ...ALL, cwd: directory.path });
    const [, port] = await program.waitForLine("stdout", /^fcgi dev: http:\/\/\S+:(\d+)\//);
    assertEquals((await ask(Number(port), "/")).text, "one");
    for (const name of ignored) await write(name, "changed");
    await write("lib/text.ts", `export const text = "two";`);
    await write("lib/new/new.ts", "");
    await waitUntil(async () => (await ask(Number(port), "/")).text === "two");
    await write("lib/new/new.ts", "1");
    await program.waitForLine("stdout", /^fcgi dev: new\/new\.ts changed$/);
    const changed = program.stdout.lines.filter((line) => line.endsWith(" changed"));
    const names = new Set(changed.flatMap((line) => line.match(/[\w./]+\.ts/g) ?? []));
    assertEquals([...names].sort(), ["new/new.ts", "text.ts"]);
    // Both in one, or one after the other.
    assert(!changed.some((line) => /and [2-9] more/.test(line)), changed.join("\n"));
  });

  it("says what is wrong with a command line", async () => {
    for (
      const [args, message] of [
        [["app.ts", "--port", "70000"], "--port cannot be 70000: it is at most 65535"],
        [
          [fileURLToPath(MAIN), "--watch", "/none/of/this"],
          "There is no directory /none/of/this to watch",
        ],
        [[], "APP is missing: fcgi dev APP"],
      ] as const
    ) {
      const { code, err } = await fcgi(["dev", ...args]);
      assertEquals([code, err[0]], [2, `fcgi dev: ${message}`]);
    }
    const { code, out } = await fcgi(["dev", "--help"]);
    assertEquals(code, 0);
    assertStringIncludes(out, "--watch DIR");
  });
});
