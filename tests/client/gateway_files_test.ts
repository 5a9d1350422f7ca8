/** Files on a disk, behind a gateway. */
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { chmod, mkdir, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { gateway, type ServeGatewayOptions } from "../../src/client/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../_assert.ts";
import { assertBytes, bytes, concat, pattern, Random } from "../_bytes.ts";
import { describe, it } from "../_harness.ts";
import { tempDir, waitUntil } from "../_runtime.ts";
import { ask, headerOf, rawHttp, type Room, setUp, statusOf } from "./_gateway.ts";

const TEXT = "Hello, file\n";
const BIG = pattern(1_000_000);
const MODIFIED = new Date("1994-11-06T08:49:37Z");

interface FileRoom extends Room {
  readonly directory: string;
}

/** A gateway before a directory, and an application that says "asked". */
async function setUpFiles(options: Partial<ServeGatewayOptions> = {}): Promise<FileRoom> {
  const temp = await tempDir();
  const root = join(temp.path, "www");
  await mkdir(join(root, "dir"), { recursive: true });
  await writeFile(join(root, "text.txt"), TEXT);
  await utimes(join(root, "text.txt"), MODIFIED, MODIFIED);
  await writeFile(join(root, "big.bin"), BIG);
  await utimes(join(root, "big.bin"), MODIFIED, MODIFIED);
  await writeFile(join(root, "empty.css"), "");
  await writeFile(join(root, "dir", "index.html"), "<p>index");
  await writeFile(join(root, "ü 日.txt"), "unicode");
  await writeFile(join(root, "x.php"), "<?php secret");
  await writeFile(join(temp.path, "secret.txt"), "secret");
  await symlink("../secret.txt", join(root, "out.txt"));
  await symlink("text.txt", join(root, "in.txt"));
  const room = await setUp(() => new Response("asked"), { root, scriptName: "", ...options });
  return {
    ...room,
    directory: root,
    async [Symbol.asyncDispose]() {
      await room[Symbol.asyncDispose]();
      await temp[Symbol.asyncDispose]();
    },
  };
}

/** Descriptors of this process that lead to a file. */
function openFiles(path: string): number {
  const links = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return execFileSync("readlink", [`/proc/${process.pid}/fd/${fd}`], { encoding: "utf8" });
    } catch {
      return "";
    }
  });
  return links.filter((link) => link.startsWith(path)).length;
}

const noProc = process.platform !== "linux" && "There is no /proc";

describe("a gateway with a root", () => {
  it("gives out a file, with what is known of it", async () => {
    await using room = await setUpFiles();
    const response = await fetch(`${room.url}/text.txt`);
    assertEquals(await response.text(), TEXT);
    const names = ["content-type", "content-length", "last-modified", "accept-ranges", "etag"];
    const [type, length, modified, ranges, etag] = names.map((name) => response.headers.get(name));
    assertEquals([type, length, modified, ranges], [
      "text/plain; charset=utf-8",
      "12",
      "Sun, 06 Nov 1994 08:49:37 GMT",
      "bytes",
    ]);
    assert(/^"[0-9a-f]+-c"$/.test(etag!), etag!);
  });

  it("gives out a large one, and an empty one, whole", async () => {
    await using room = await setUpFiles();
    const big = await fetch(`${room.url}/big.bin`);
    assertEquals(big.headers.get("content-length"), "1000000");
    assertEquals(big.headers.get("content-type"), "application/octet-stream");
    assertBytes(new Uint8Array(await big.arrayBuffer()), BIG);
    const empty = await fetch(`${room.url}/empty.css`);
    assertEquals([await empty.text(), empty.headers.get("content-length")], ["", "0"]);
  });

  it("answers HEAD with the same headers", async () => {
    await using room = await setUpFiles();
    for (const path of ["/text.txt", "/big.bin", "/dir/"]) {
      const [get, head] = await Promise.all(
        ["GET", "HEAD"].map((method) =>
          ask(room.url, `${method} ${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`)
        ),
      );
      const headers = (text: string) => text.split("\r\n\r\n")[0].replace(/^date: .*$/im, "");
      assertEquals(headers(head), headers(get));
      assertEquals(head.split("\r\n\r\n").slice(1), [""]);
    }
  });

  it("answers with a part of a file, however large", async () => {
    await using room = await setUpFiles();
    for (
      const [range, start, end] of [
        ["bytes=0-99", 0, 100],
        ["bytes=-100", 999_900, 1_000_000],
        ["bytes=1000-600000", 1000, 600_001],
        ["bytes=999999-", 999_999, 1_000_000],
      ] as const
    ) {
      const response = await fetch(`${room.url}/big.bin`, { headers: { range } });
      assertEquals(response.status, 206);
      assertEquals(response.headers.get("content-range"), `bytes ${start}-${end - 1}/1000000`);
      assertEquals(response.headers.get("content-length"), String(end - start));
      assertBytes(new Uint8Array(await response.arrayBuffer()), BIG.slice(start, end));
    }
  });

  it("answers with several parts", async () => {
    await using room = await setUpFiles();
    for (const middle of [10, 300_000]) {
      const range = `bytes=5-9,20-${20 + middle - 1},-5`;
      const response = await fetch(`${room.url}/big.bin`, { headers: { range } });
      assertEquals(response.status, 206);
      const [, boundary] = /boundary=(\S+)$/.exec(response.headers.get("content-type")!)!;
      const part = (start: number, end: number) =>
        concat([
          bytes(
            `\r\n--${boundary}\r\nContent-Type: application/octet-stream\r\n` +
              `Content-Range: bytes ${start}-${end - 1}/1000000\r\n\r\n`,
          ),
          BIG.slice(start, end),
        ]);
      const expected = concat([
        part(5, 10),
        part(20, 20 + middle),
        part(999_995, 1_000_000),
        bytes(`\r\n--${boundary}--\r\n`),
      ]);
      assertEquals(response.headers.get("content-length"), String(expected.length));
      assertBytes(new Uint8Array(await response.arrayBuffer()), expected);
    }
  });

  it("answers conditions", async () => {
    await using room = await setUpFiles();
    const path = `${room.url}/text.txt`;
    const first = await fetch(path);
    await first.text();
    const etag = first.headers.get("etag")!;
    const status = async (headers: Record<string, string>) => {
      const response = await fetch(path, { headers });
      await response.text();
      return response.status;
    };
    assertEquals(await status({ "if-none-match": etag }), 304);
    assertEquals(await status({ "if-modified-since": MODIFIED.toUTCString() }), 304);
    assertEquals(await status({ "if-match": '"other"' }), 412);
    assertEquals(await status({ range: "bytes=50-" }), 416);
    await writeFile(join(room.directory, "text.txt"), "changed");
    assertEquals(await status({ "if-none-match": etag }), 200);
    assertEquals(await status({ range: "bytes=0-1", "if-range": etag }), 200);
    // A connection is good for the next request after each of them.
    const raw = await rawHttp(room.url);
    const ask = (path: string, header: string) =>
      raw.send(`GET ${path} HTTP/1.1\r\nHost: h\r\n${header}\r\n\r\n`);
    ask("/big.bin", `If-None-Match: *`);
    ask("/big.bin", `If-Match: "x"`);
    ask("/big.bin", `Range: bytes=0-1`);
    ask("/big.bin", `Range: bytes=1000000-`);
    ask("/dir", "X: y");
    ask("/dir/", "X: y");
    const all = await raw.until((text) => text.includes("<p>index"));
    assertEquals(all.match(/(?<=HTTP\/1\.1 )\d+/g), ["304", "412", "206", "416", "301", "200"]);
    raw.leave();
  });

  it("redirects to a directory, with the query, and to no other host", async () => {
    await using room = await setUpFiles();
    for (
      const [target, location] of [
        ["/dir", "/dir/"],
        ["/dir?a=/b&c=%20", "/dir/?a=/b&c=%20"],
        ["//dir", "/dir/"],
        ["//evil.example/..//dir", "/dir/"],
        ["/%2fdir", "/dir/"],
        ["/x/..%2fdir", "/dir/"],
      ]
    ) {
      const response = await ask(
        room.url,
        `GET ${target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`,
      );
      assertEquals([statusOf(response), headerOf(response, "location")], [301, location]);
    }
  });

  it("has files for GET and HEAD alone, and all else for the application", async () => {
    await using room = await setUpFiles();
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"]) {
      const response = await fetch(`${room.url}/text.txt`, { method });
      assertEquals([response.status, response.headers.get("allow")], [405, "GET, HEAD"]);
      assertEquals(await response.text(), "405 Method Not Allowed\n");
      assertEquals(await (await fetch(`${room.url}/none`, { method })).text(), "asked");
    }
    const upload = { method: "POST", body: pattern(300_000) };
    const responses = [await fetch(`${room.url}/text.txt`, upload), await fetch(room.url)];
    assertEquals(responses.map(({ status }) => status), [405, 200]);
    await Promise.all(responses.map((response) => response.text()));
  });

  it("has no file where nobody may see one", async () => {
    await using room = await setUpFiles();
    const paths = [
      "/out.txt",
      "/x.php",
      "/X.PHP",
      "/..%2fsecret.txt",
      "/text.txt/",
      "/text.txt%00",
    ];
    const bodies = [];
    for (const path of paths) bodies.push(await (await fetch(room.url + path)).text());
    assertEquals(bodies, ["asked", "asked", "asked", "asked", "asked", "400 Bad Request\n"]);
    assertEquals(await (await fetch(`${room.url}/in.txt`)).text(), TEXT);
    assertEquals(await (await fetch(`${room.url}/%C3%BC%20%E6%97%A5.txt`)).text(), "unicode");
  });

  it("keeps its secrets from random paths, too", async () => {
    await using room = await setUpFiles();
    await mkdir(join(room.directory, ".git"));
    for (const name of [".env", ".git/config", "x.php.bak", "x.php~", "X.PHP5", "a.inc"]) {
      await writeFile(join(room.directory, name), "secret");
    }
    await symlink("..", join(room.directory, "up"));
    await using handle = gateway({ to: room.address, root: room.directory, scriptName: "" });
    const pieces = [
      ...[
        "/",
        "/",
        "..",
        ".",
        "%2e",
        "%2f",
        "%5c",
        "\\",
        "%00",
        "%25",
        "~",
        "?",
        "#",
        ";",
        "%c0%ae",
      ],
      ...[".env", ".git", "config", "x.php", ".bak", "X.PHP5", "a.inc", "up", "out.txt", "in.txt"],
      ...["secret.txt", "www", "dir", "index.html", "text.txt", "big.bin", "etc", "passwd"],
    ];
    const seen = new Set<string>();
    for (let seed = 1; seed <= 2000; seed++) {
      const random = new Random(seed);
      let path = "/";
      for (let i = 1 + random.below(6); i > 0; i--) path += random.pick(pieces);
      const response = await handle(new Request(`http://h${path}`));
      const text = await response.text();
      assert(!text.includes("secret") && !text.includes("root:"), path);
      seen.add(`${response.status} ${text.slice(0, 5)}`);
    }
    for (const some of ["200 asked", "200 Hello", "200 <p>in", "301 ", "400 400 B"]) {
      assert(seen.has(some), `${some} is not among ${[...seen].join()}`);
    }
  });

  it("follows links out of it, if that is asked for", async () => {
    await using room = await setUpFiles({ followSymlinks: true });
    assertEquals(await (await fetch(`${room.url}/out.txt`)).text(), "secret");
  });

  it("sees a root whose own link was changed", async () => {
    await using temp = await tempDir();
    const root = join(temp.path, "current");
    for (const release of ["1", "2"]) {
      await mkdir(join(temp.path, release));
      await writeFile(join(temp.path, release, "a.txt"), release);
    }
    await symlink("1", root);
    await using room = await setUp(() => new Response("asked"), { root });
    assertEquals(await (await fetch(`${room.url}/a.txt`)).text(), "1");
    await symlink("2", `${root}.new`);
    execFileSync("mv", ["-T", `${root}.new`, root]);
    assertEquals(await (await fetch(`${room.url}/a.txt`)).text(), "2");
  });

  it("says what it cannot do: 403, and 500 without a root", {
    skip: process.getuid?.() === 0 && "root may read everything",
  }, async () => {
    await using room = await setUpFiles();
    await chmod(join(room.directory, "text.txt"), 0);
    const response = await fetch(`${room.url}/text.txt`);
    assertEquals([response.status, await response.text()], [403, "403 Forbidden\n"]);
    assertEquals(room.errors, []);
  });

  it("tells of a root that is not there", async () => {
    await using room = await setUpFiles({ root: "/nowhere/at/all" });
    const response = await fetch(`${room.url}/x`);
    assertEquals([response.status, await response.text()], [500, "500 Internal Server Error\n"]);
    assertStringIncludes(String(room.errors[0]), "/nowhere/at/all is no directory");
  });

  it("has no use for a pipe", { skip: noProc }, async () => {
    await using room = await setUpFiles();
    execFileSync("mkfifo", [join(room.directory, "pipe")]);
    assertEquals(await (await fetch(`${room.url}/pipe`)).text(), "asked");
  });

  it("cuts the connection when a file has become shorter", async () => {
    await using room = await setUpFiles();
    const path = join(room.directory, "huge.bin");
    await writeFile(path, "");
    await truncate(path, 50_000_000);
    const raw = await rawHttp(room.url);
    raw.send("GET /huge.bin HTTP/1.1\r\nHost: h\r\n\r\n");
    await raw.until((text) => text.length > 100_000);
    raw.pause();
    await truncate(path, 10);
    raw.resume();
    while (!raw.isClosed) await new Promise((resolve) => setTimeout(resolve, 2));
    assert(raw.text.length < 50_000_000);
  });

  it("closes every file: sent, left, refused, not modified", { skip: noProc }, async () => {
    await using room = await setUpFiles();
    const path = join(room.directory, "huge.bin");
    await writeFile(path, "");
    await truncate(path, 50_000_000);
    const ask = async (method: string, headers: Record<string, string>) => {
      const response = await fetch(`${room.url}/huge.bin`, { method, headers });
      await response.arrayBuffer();
    };
    await ask("HEAD", {});
    await ask("POST", {});
    await ask("GET", { "if-none-match": "*" });
    await ask("GET", { range: "bytes=0-9" });
    await ask("GET", { range: "bytes=0-300000" });
    await ask("GET", { range: "bytes=50000000-" });
    const raws = await Promise.all(Array.from({ length: 3 }, () => rawHttp(room.url)));
    for (const raw of raws) {
      raw.send("GET /huge.bin HTTP/1.1\r\nHost: h\r\n\r\n");
      await raw.until((text) => text.length > 100_000);
      raw.pause();
    }
    await waitUntil(() => openFiles(path) === 3);
    for (const raw of raws) raw.leave();
    await waitUntil(() => openFiles(path) === 0);
  });
});
