/** `FastCgiClient` and php-fpm, as Debian has it. */
import { join } from "node:path";
import { FastCgiClient, type FastCgiClientOptions } from "../../src/client/mod.ts";
import { FastCgiError } from "../../src/protocol/mod.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../_assert.ts";
import { afterAll, beforeAll, describe, it } from "../_harness.ts";
import { waitUntil } from "../_runtime.ts";
import { Hash, hashOf, LARGE, parts } from "./_content.ts";
import { PhpFpm, skipPhp } from "./_php_fpm.ts";
import { downloadHash, type Echo, inputOf } from "./_php_scripts.ts";

/** 20 MB. */
const UPLOAD = 20 * 1024 * 1024;

describe("FastCgiClient and php-fpm", { skip: skipPhp, timeout: 30_000 }, () => {
  let php: PhpFpm;
  let client: FastCgiClient;
  const stderr: { line: string; url: string }[] = [];

  const connect = (options: Partial<FastCgiClientOptions> = {}) =>
    new FastCgiClient({
      path: php.socket,
      onStderr: (line, { request }) => void stderr.push({ line, url: request.url }),
      ...options,
    } as FastCgiClientOptions);

  beforeAll(async () => {
    php = await PhpFpm.start();
    client = connect();
  });
  afterAll(async () => {
    client?.close();
    await php?.[Symbol.asyncDispose]();
  });

  /** Asks for a script: `echo.php?x`. */
  function ask(target: string, init: RequestInit = {}, by = client): Promise<Response> {
    const url = new URL(target, "http://example.org/");
    // `duplex` is for Node, whose fetch wants it with a stream.
    return by.fetch(new Request(url, { duplex: "half", ...init } as RequestInit), {
      params: { SCRIPT_FILENAME: join(php.root, url.pathname), DOCUMENT_ROOT: php.root },
    });
  }
  const echo = async (target: string, init: RequestInit = {}, by = client): Promise<Echo> =>
    await (await ask(target, init, by)).json();

  const stream = () => ReadableStream.from(parts(UPLOAD));
  const large = async () => {
    const blobs: Uint8Array<ArrayBuffer>[] = [];
    for await (const part of parts(UPLOAD)) blobs.push(part as Uint8Array<ArrayBuffer>);
    return new Blob(blobs, { type: "image/png" });
  };

  it("tells PHP what the request was", async () => {
    const got = await echo("/echo.php?a=1&b=%C3%BC", {
      headers: { "x-test": "yes", cookie: "c=1; d=2" },
    });
    const { server } = got;
    assertEquals(got.get, { a: "1", b: "ü" });
    assertEquals(got.cookie, { c: "1", d: "2" });
    assertEquals(
      [server.REQUEST_METHOD, server.REQUEST_URI, server.SCRIPT_NAME, server.PHP_SELF],
      ["GET", "/echo.php?a=1&b=%C3%BC", "/echo.php", "/echo.php"],
    );
    assertEquals([server.HTTP_HOST, server.HTTP_X_TEST], ["example.org", "yes"]);
  });

  it("gets a form to $_POST, of more bytes than are held in memory, too", async () => {
    for (const length of [10, 60_000, 300_000]) {
      const form = new URLSearchParams({ name: "Jürgen & Co", rest: "x".repeat(length) });
      const { post } = await echo("/echo.php", { method: "POST", body: form });
      assertEquals([post.name, post.rest?.length], ["Jürgen & Co", length]);
    }
  });

  it("gets a file of 20 MB to $_FILES, whose form has no length", async () => {
    const form = new FormData();
    form.append("text", "Grüße");
    form.append("file", await large(), "Bild ü.png");
    const { post, files } = await echo("/echo.php", { method: "POST", body: form });
    const { file } = files;
    assertEquals(post, { text: "Grüße" });
    assertEquals([file!.name, file!.type, file!.error], ["Bild ü.png", "image/png", 0]);
    assertEquals(`${file!.size} bytes, ${file!.sha256}`, hashOf(UPLOAD));
  });

  for (const [how, headers] of [["a", { "content-length": `${UPLOAD}` }], ["no", {}]] as const) {
    it(`gets a body of 20 MB, a stream with ${how} length, to php://input`, async () => {
      const got = await echo("/echo.php", { method: "PUT", headers, body: stream() });
      assertEquals(got.server.CONTENT_LENGTH, `${UPLOAD}`);
      assertEquals(inputOf(got), hashOf(UPLOAD));
    });
  }

  it("answers although a script reads nothing of its body", async () => {
    const response = await ask("/answer.php?body=unread", { method: "POST", body: stream() });
    assertEquals(await response.text(), "unread");
  });

  it("refuses a body above maxBodyBytes, and PHP hears nothing of it", async () => {
    const small = connect({ maxBodyBytes: 1_000_000 });
    const error = await assertRejects(
      () => ask("/echo.php", { method: "POST", body: stream() }, small),
      FastCgiError,
    );
    assertEquals(error.code, "body_too_large");
    small.close();
  });

  it("reads 50 MB, with a length and without", async () => {
    const expected = downloadHash(LARGE);
    for (const query of [`bytes=${LARGE}`, `bytes=${LARGE}&length`]) {
      const response = await ask(`/download.php?${query}`);
      const hash = new Hash();
      for await (const part of response.body!) hash.add(part);
      assertEquals(String(hash), expected);
    }
  });

  it("reads what flush() has sent before the script goes on", async () => {
    const id = crypto.randomUUID();
    const response = await ask(`/stream.php?id=${id}`);
    let text = "";
    const decoder = new TextDecoder();
    for await (const part of response.body!) {
      text += decoder.decode(part, { stream: true });
      const line = text.trimEnd().split("\n").length;
      // The script waits for this: a line that is held back would be waited for in vain.
      if (line < 3) await php.mark(`${id}.${line}`);
    }
    assertEquals(text, "line 1\nline 2\nline 3\n");
  });

  it("has a script see that its client has gone: by cancel(), and by a signal", async () => {
    for (const how of ["cancel", "signal"]) {
      const id = crypto.randomUUID();
      const controller = new AbortController();
      const { signal } = controller;
      const response = await ask(`/aborted.php?id=${id}`, { signal });
      const reader = response.body!.getReader();
      await reader.read();
      if (how === "cancel") await reader.cancel();
      else {
        controller.abort();
        await assertRejects(async () => {
          while (!(await reader.read()).done);
        });
      }
      await php.marked(`${id}.aborted`);
    }
  });

  it("has the answer while the script behind fastcgi_finish_request() goes on", async () => {
    const id = crypto.randomUUID();
    const response = await ask(`/finish.php?id=${id}`);
    assertEquals(await response.text(), "answered\n");
    await php.mark(`${id}.go`);
    await php.marked(`${id}.over`);
  });

  it("gives every line of an error to onStderr, with the request that it is of", async () => {
    stderr.length = 0;
    await Promise.all(
      [1, 2, 3].map(async (n) => await (await ask(`/fault.php?how=log&n=${n}`)).text()),
    );
    const warned = await ask("/fault.php?how=warning");
    assertEquals([warned.status, await warned.text()], [200, "warned"]);
    const failed = await ask("/fault.php?how=exception");
    assertEquals([failed.status, await failed.text()], [500, ""]);
    const linesOf = (query: string) =>
      stderr.filter(({ url }) => url.endsWith(query)).map(({ line }) => line);
    for (const n of [1, 2, 3]) {
      // php-fpm itself joins the messages of a request.
      assertEquals(linesOf(`?how=log&n=${n}`), [
        "PHP message: A line for the log: ü; PHP message: First of two",
        "Second of two",
      ]);
    }
    assertMatch(
      linesOf("?how=warning").join("\n"),
      /PHP Warning: {2}Undefined variable \$undefined/,
    );
    assertMatch(linesOf("?how=exception").join("\n"), /Uncaught RuntimeException: Nobody catches/);
  });

  it("loses no line of 5,000, and not the answer beside them", async () => {
    stderr.length = 0;
    assertEquals(await (await ask("/fault.php?how=flood")).text(), "flooded");
    // A line as long as php-fpm makes of them comes in parts.
    const said = stderr.map(({ line }) => line).join("");
    const seen = Array.from(said.matchAll(/Line (\d+) of many/g), ([, n]) => Number(n));
    assertEquals(seen, Array.from({ length: 5000 }, (_, n) => n));
  });

  it("fails with connection_lost where a worker is killed, and goes on with another", async () => {
    const error = await assertRejects(() => ask("/fault.php?how=killed"), FastCgiError);
    assertEquals(error.code, "connection_lost");
    for (let i = 0; i < 8; i++) {
      assertEquals(await (await ask("/answer.php?body=on")).text(), "on");
    }
  });

  it("has php-fpm's own page for a script that is not there", async () => {
    stderr.length = 0;
    const response = await ask("/none.php");
    assertEquals([response.status, await response.text()], [404, "File not found.\n"]);
    assertEquals(stderr.map(({ line }) => line), ["Primary script unknown"]);
  });

  it("pings: by GET_VALUES, and by php-fpm's own page", async () => {
    await client.ping();
    const response = await client.fetch(new Request("http://example.org/ping"), {
      params: { SCRIPT_FILENAME: "/ping", SCRIPT_NAME: "/ping" },
    });
    assertEquals([response.status, await response.text()], [200, "pong"]);
    const values = await client.values();
    assertEquals(values.get("FCGI_MPXS_CONNS"), "0");
  });

  it("keeps its connections with keepConnection", async () => {
    const kept = connect({ keepConnection: true, maxConnections: 2 });
    try {
      const pids = new Set<string>();
      for (let i = 0; i < 20; i++) {
        pids.add((await ask("/answer.php?pid", {}, kept)).headers.get("x-pid")!);
      }
      // A connection is one worker's for good.
      assertEquals(pids.size, 1);
      const many = await Promise.all(
        Array.from({ length: 40 }, (_, i) => ask(`/answer.php?body=${i}`, {}, kept)),
      );
      const texts = await Promise.all(many.map((response) => response.text()));
      assertEquals(texts, texts.map((_, i) => String(i)));
    } finally {
      kept.close();
    }
  });

  it("answers 400 requests at a time, a quarter of whose clients go away", async () => {
    const pool = connect({ maxConnections: 8 });
    const outcomes = await Promise.all(Array.from({ length: 400 }, async (_, i) => {
      const controller = new AbortController();
      const answer = ask(`/answer.php?body=${i}`, { signal: controller.signal }, pool);
      if (i % 4 === 0) {
        controller.abort();
        return await answer.then((r) => r.body?.cancel(), () => {}).then(() => "gone");
      }
      return await (await answer).text();
    }));
    pool.close();
    assertEquals(outcomes, outcomes.map((_, i) => i % 4 === 0 ? "gone" : String(i)));
  });

  it("waits in the queue while all workers are busy", async () => {
    const few = connect({ maxConnections: 1, maxQueue: 1 });
    const id = crypto.randomUUID();
    const first = await ask(`/stream.php?id=${id}`, {}, few);
    const second = ask("/answer.php?body=second", {}, few);
    const error = await assertRejects(() => ask("/answer.php", {}, few), FastCgiError);
    assertEquals(error.code, "overloaded");
    for (const line of [1, 2]) await php.mark(`${id}.${line}`);
    assert((await first.text()).endsWith("line 3\n"));
    assertEquals(await (await second).text(), "second");
    few.close();
  });

  it("says that it timed out where a script does not answer in time", async () => {
    const hurried = connect({ responseTimeout: 100 });
    const id = crypto.randomUUID();
    const error = await assertRejects(
      () => ask(`/late.php?id=${id}`, {}, hurried),
      FastCgiError,
    );
    assertEquals(error.code, "timed_out");
    await php.mark(`${id}.go`);
    hurried.close();
    await waitUntil(async () => (await ask("/answer.php?body=on")).ok);
  });
});
