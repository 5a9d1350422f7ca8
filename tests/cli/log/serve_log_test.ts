/** The access log of the real program, alone and with workers. */
import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeRecord, RecordType } from "../../../src/protocol/mod.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../../_assert.ts";
import { utf8 } from "../../_bytes.ts";
import { describe, it } from "../../_harness.ts";
import { type Program, spawnScript, tempDir, waitUntil } from "../../_runtime.ts";
import { RawPeer, requestHead } from "../../runtime/_raw_peer.ts";

const ALL = { denoPermissions: ["-A"] };
const MAIN = new URL("../../../src/cli/main.ts", import.meta.url);

const APP = `export default { maxBodyBytes: 2, async fetch(request: Request) {
  const { pathname } = new URL(request.url);
  if (pathname === "/throws") throw new Error("no");
  if (pathname === "/none") return new Response("none\\n", { status: 404 });
  if (pathname === "/hangs") {
    console.error("hangs");
    await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
  }
  if (pathname === "/late") await new Promise((resolve) => setTimeout(resolve, 600));
  return new Response("hello\\n");
} };`;

/** How the program serves. */
const WAYS: Record<string, string[]> = {
  "in one process": [],
  "with workers": ["--workers", "2"],
};

interface Served {
  readonly program: Program;
  readonly directory: string;
  connect(): Promise<RawPeer>;
  /** Ends it, and returns the lines of the log. */
  end(): Promise<string[]>;
}

/** Runs \`fcgi serve\` with these options, and a log in a directory of its own. */
async function withServer(
  options: string[],
  use: (served: Served) => Promise<void>,
): Promise<void> {
  await using directory = await tempDir();
  const path = join(directory.path, "fcgi.sock");
  const log = join(directory.path, "log");
  const app = join(directory.path, "app.ts");
  await writeFile(app, APP);
  const file = options.includes("--access-log-file") ? [] : ["--access-log-file", log];
  const args = ["serve", app, "--socket", path, ...file, ...options];
  await using program = await spawnScript(MAIN, args, ALL);
  await program.waitForLine("stderr", /^Serving FastCGI on /);
  if (options.includes("--workers")) await program.waitForLine("stderr", /worker 1 .*: ready/);
  await use({
    program,
    directory: directory.path,
    connect: () => RawPeer.connect({ transport: "unix", path }),
    async end() {
      program.kill("SIGTERM");
      assertEquals(await program.exit, { code: 0, signal: null });
      return linesOf(await readFile(log, "utf8"));
    },
  });
}

function linesOf(text: string): string[] {
  assert(text === "" || text.endsWith("\n"));
  return text.split("\n").slice(0, -1);
}

/** Asks for one of everything, each on a connection of its own. */
async function askForAll({ program, connect }: Served): Promise<void> {
  const params = { HTTP_USER_AGENT: 'a "b"\n', HTTP_REFERER: "http://c/" };
  for (const uri of ["/?x=1", "/none", "/throws"]) {
    await using peer = await connect();
    await peer.fetch({ uri, params });
  }
  await using large = await connect();
  await large.fetch({ uri: "/large", method: "POST", params, body: utf8("abc") });
  await using aborted = await connect();
  aborted.send(requestHead({ uri: "/hangs", params }));
  await program.waitForLine("stderr", /hangs/);
  aborted.send(encodeRecord(RecordType.ABORT_REQUEST, 1));
  await aborted.reply();
}

/** What is asked with what number, so that every line is another one. */
async function load(served: Served, from: number, to: number): Promise<void> {
  const lanes = Array.from({ length: 8 }, async (_, lane) => {
    for (let i = from + lane; i < to; i += 8) {
      await using peer = await served.connect();
      assertEquals((await peer.fetch({ uri: `/${i}`, keep: false })).status, 200);
    }
  });
  await Promise.all(lanes);
}

/** Does what `fcgi reopen` does. */
async function reopen({ connect }: Served): Promise<void> {
  await using peer = await connect();
  const params = { FCGI_COMMAND: "reopen" };
  assertEquals((await peer.fetch({ params, keep: false })).text, "{}");
}

/** Lines that a test counts, with the process that has written them. */
const COUNTED = ["--access-log", '"%m %r%Q%q %{Content-Type}o" %s %p'];
const LINE = /^"GET \/(\d+) text\/plain[^"]*" 200 (\d+)$/;

/** Checks that there is one good line for each number below `count`. */
function assertAllOnce(lines: string[], count: number): void {
  const numbers = lines.map((line) => {
    assertMatch(line, LINE);
    return Number(LINE.exec(line)![1]);
  });
  assertEquals(numbers.sort((a, b) => a - b), Array.from({ length: count }, (_, i) => i));
}

for (const [way, options] of Object.entries(WAYS)) {
  describe(`fcgi serve --access-log ${way}`, { timeout: 60_000 }, () => {
    it("has a common line for each request, also those that are refused or aborted", () =>
      withServer(["--access-log", "common", ...options], async (served) => {
        await askForAll(served);
        const lines = await served.end();
        assertEquals(lines.map((line) => line.replace(/\[[^\]]+\]/, "[]")).sort(), [
          '192.0.2.1 - - [] "GET /?x=1 HTTP/1.1" 200 6',
          '192.0.2.1 - - [] "GET /hangs HTTP/1.1" 499 -',
          '192.0.2.1 - - [] "GET /none HTTP/1.1" 404 5',
          '192.0.2.1 - - [] "GET /throws HTTP/1.1" 500 22',
          '192.0.2.1 - - [] "POST /large HTTP/1.1" 413 -',
        ]);
        assertMatch(lines[0]!, /\[\d\d\/[A-Z][a-z][a-z]\/20\d\d:\d\d:\d\d:\d\d [+-]\d{4}\]/);
      }));

    it("has a combined line, and one of JSON", async () => {
      await withServer(["--access-log", "combined", ...options], async (served) => {
        await askForAll(served);
        const lines = await served.end();
        assertEquals(lines.length, 5);
        for (const line of lines) {
          assertMatch(line, /" \d{3} \S+ "http:\/\/c\/" "a \\x22b\\x22\\x0a"$/);
        }
      });
      await withServer(["--access-log", "json", ...options], async (served) => {
        await askForAll(served);
        const seen = (await served.end()).map((line) => JSON.parse(line));
        const summary = seen.map(({ method, url, status, aborted, user_agent }) =>
          [method, url, status, aborted, user_agent].join(" ")
        );
        assertEquals(summary.sort(), [
          'GET /?x=1 200 false a "b"\n',
          'GET /hangs 499 true a "b"\n',
          'GET /none 404 false a "b"\n',
          'GET /throws 500 false a "b"\n',
          'POST /large 413 false a "b"\n',
        ]);
      });
    });

    it("loses and mixes no line of 2000 at once", () =>
      withServer([...COUNTED, ...options], async (served) => {
        await load(served, 0, 2000);
        const lines = await served.end();
        assertAllOnce(lines, 2000);
        const processes = new Set(lines.map((line) => LINE.exec(line)![2]));
        assertEquals(processes.size, options.length === 0 ? 1 : 2);
      }));

    it("loses and mixes no line when the file is renamed and opened again", () =>
      withServer([...COUNTED, ...options], async (served) => {
        const log = join(served.directory, "log");
        const rotated = (async () => {
          for (let i = 0; i < 5; i++) {
            await waitUntil(async () => (await readFile(log, "utf8").catch(() => "")) !== "");
            await rename(log, `${log}.${i}`);
            if (i % 2 === 0) served.program.kill("SIGUSR1");
            else await reopen(served);
          }
        })();
        let asked = 0;
        let isRotated = false;
        const done = () => void (isRotated = true);
        rotated.then(done, done);
        while (!isRotated) {
          await load(served, asked, asked + 100);
          asked += 100;
        }
        await rotated;
        await load(served, asked, asked + 100);
        const lines = await served.end();
        assert(lines.length > 0, "The file was not opened again");
        for (const name of await readdir(served.directory)) {
          if (!name.startsWith("log.")) continue;
          lines.push(...linesOf(await readFile(join(served.directory, name), "utf8")));
        }
        assertAllOnce(lines, asked + 100);
      }));

    it("answers all the same where the disk is full, and says so once", () =>
      withServer(["--access-log-file", "/dev/full", ...options], async (served) => {
        await load(served, 0, 50);
        const { stderr } = served.program;
        await waitUntil(() => stderr.text.includes("Cannot write to /dev/full"));
        await load(served, 50, 100);
        served.program.kill("SIGTERM");
        assertEquals(await served.program.exit, { code: 0, signal: null });
        const told = stderr.lines.filter((line) => line.includes("/dev/full"));
        // Each worker says it for itself.
        assert(told.length <= (options.length === 0 ? 1 : 2), told.join("\n"));
      }));

    it("has no line of fcgi status and fcgi ping, nor of their paths", () =>
      withServer([...COUNTED, "--ping-path", "/ping", ...options], async (served) => {
        const path = join(served.directory, "fcgi.sock");
        for (const args of [["status"], ["ping"], ["ping", "--path", "/none", "--quiet"]]) {
          await using asking = await spawnScript(MAIN, [...args, "--socket", path], ALL);
          await asking.exit;
        }
        await using peer = await served.connect();
        assertEquals((await peer.fetch({ uri: "/ping", keep: false })).text, "pong\n");
        await load(served, 0, 1);
        assertAllOnce(await served.end(), 1);
      }));

    it("--slow has a line on standard error for a slow request, and for no other", () =>
      withServer(["--slow", "500", "--status-path", "/status", ...options], async (served) => {
        await using peer = await served.connect();
        await peer.fetch({ uri: "/late?a=b\x1b" });
        await peer.fetch({ uri: "/" });
        await served.program.waitForLine("stderr", /Slow/);
        const status = JSON.parse((await peer.fetch({ uri: "/status?json", keep: false })).text);
        assertEquals(status["slow requests"], 1);
        await served.end();
        const slow = served.program.stderr.lines.filter((line) => line.includes("Slow"));
        assertEquals(slow.length, 1, slow.join("\n"));
        assertMatch(
          slow[0]!,
          /^fcgi: Slow: GET example\.org\/late\?a=b\\x1b took \d+ ms, status 200$/,
        );
      }));
  });
}

describe("fcgi serve --access-log", () => {
  it("writes to standard error without a file", async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "fcgi.sock");
    const app = join(directory.path, "app.ts");
    await writeFile(app, APP);
    const args = ["serve", app, "--socket", path, "--access-log", "%m %r %s"];
    await using program = await spawnScript(MAIN, args, ALL);
    await program.waitForLine("stderr", /^Serving FastCGI on /);
    await using peer = await RawPeer.connect({ transport: "unix", path });
    await peer.fetch({ uri: "/none" });
    await program.waitForLine("stderr", /^GET \/none 404$/);
  });

  for (const [way, options] of Object.entries(WAYS)) {
    it(`says at once that it cannot open the file, ${way}`, async () => {
      await using directory = await tempDir();
      const app = join(directory.path, "app.ts");
      await writeFile(app, APP);
      const args = ["serve", app, "-l", "0", "--access-log-file", "/none/log", ...options];
      await using program = await spawnScript(MAIN, args, ALL);
      assertEquals((await program.exit).code, 1);
      assertStringIncludes(program.stderr.text, "/none/log");
      assertMatch(
        program.stderr.text,
        /^fcgi serve: Cannot open the access log: .*(?:ENOENT|No such file)/,
      );
    });
  }
});
