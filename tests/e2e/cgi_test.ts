/**
 * The application as a plain CGI program: under Apache's mod_cgid and mod_cgi and lighttpd's
 * mod_cgi, with the configurations in `examples/` as they are, and in a bare shell.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../_assert.ts";
import { afterAll, beforeAll, describe, it } from "../_harness.ts";
import { spawnProgram, tempDir, waitUntil } from "../_runtime.ts";
import { APP_COMMAND, SERVERS, startCgiServer } from "./_cgi_server.ts";
import { hashOf, PART_BYTES, parts } from "./_content.ts";
import { bytesOf, http, HttpConnection, type HttpRequest } from "./_http_client.ts";
import { type RunningServer, skipReason } from "./_web_server.ts";

/** 5 MB. */
const LARGE = 80 * PART_BYTES;
const SCRIPT = "/app.cgi.ts";

/** What differs from server to server, as it was seen. */
interface Behaviour {
  /** The ports of the configuration with what is mounted there. */
  ways: [port: number, mount: string][];
  /** A Content-Length of ours reaches the client. */
  keepsLength: boolean;
  /** A path with bytes that are no UTF-8 is the application's to judge. */
  passesAnyPath: boolean;
  /** Cuts the client's connection where a body with a Content-Length breaks. */
  cutsBroken: boolean;
  /** The way on which parts of an answer are passed on as they come. */
  streams: [port: number, mount: string];
}

const APACHE: Behaviour = {
  ways: [[8280, SCRIPT], [8281, "/app"], [8282, ""]],
  keepsLength: false,
  passesAnyPath: true,
  cutsBroken: false,
  streams: [8280, SCRIPT],
};
const BEHAVIOUR: Record<string, Behaviour> = {
  "Apache mod_cgid": APACHE,
  "Apache mod_cgi": APACHE,
  "lighttpd mod_cgi": {
    ways: [[8285, SCRIPT], [8286, "/app"], [8287, ""]],
    keepsLength: true,
    passesAnyPath: false,
    cutsBroken: true,
    streams: [8287, ""],
  },
};

for (const [name, server] of Object.entries(SERVERS)) {
  const behaviour = BEHAVIOUR[name]!;
  const skip = await skipReason(server);
  describe(name, { skip, timeout: 30_000 }, () => {
    let running: RunningServer;
    beforeAll(async () => {
      running = await startCgiServer(server);
    });
    afterAll(async () => await running?.[Symbol.asyncDispose]());
    for (const [port, mount] of behaviour.ways) {
      describe(`port ${port}`, () => testRequests(behaviour, port, mount));
    }
    // A process for each request takes its time: what has nothing to do with the mount point is
    // tested once.
    const [port, mount] = behaviour.streams;
    testAnswers(behaviour, port, mount, () => running);

    it("passes on the first part of an answer before there is a second", async () => {
      const until = join(running.directory, `go-${name.replaceAll(" ", "-")}`);
      await using connection = await HttpConnection.open(port);
      await connection.send({ target: `${mount}/stream?until=${until}` });
      assertEquals((await connection.head()).status, 200);
      assertEquals(String.fromCharCode(...(await connection.read())!), "first\n");
      await using touch = await spawnProgram("touch", [until]);
      await touch.exit;
      assertEquals(String.fromCharCode(...(await connection.read())!), "second\n");
      assertEquals(await connection.read(), null);
      assert(connection.isComplete);
    });

    it("lets a client go in the middle of an answer", async () => {
      const mark = join(running.directory, "mark");
      await using connection = await HttpConnection.open(port);
      await connection.send({ target: `${mount}/flood?mark=${mark}` });
      assertEquals((await connection.head()).status, 200);
      await connection.read();
      connection.close();
      // The program hears of it, or the server has killed it: either way it is gone.
      const programs = async () => {
        await using list = await spawnProgram("sh", [
          "-c",
          `grep -lza "flood?mark=${mark}" /proc/[0-9]*/environ 2>/dev/null | wc -l`,
        ]);
        await list.exit;
        return Number(list.stdout.text);
      };
      await waitUntil(async () => await programs() === 0, { what: "the program to end" });
    });
  });
}

function asker(port: number, mount: string) {
  return (target: string, request: HttpRequest = {}) =>
    http(port, { ...request, target: mount + target });
}

function testRequests(behaviour: Behaviour, port: number, mount: string): void {
  const ask = asker(port, mount);
  const echo = async (target: string, request: HttpRequest = {}) => {
    const answer = await ask(target, request);
    assertEquals(answer.status, 200, answer.text);
    return JSON.parse(answer.text);
  };

  it("GET: the URL as the client sent it, the mount point and the path below it", async () => {
    const got = await echo("/echo/a%20b/w%C3%B6?x=1&y=%20&x=2+3");
    assertEquals(got.method, "GET");
    assertEquals(got.url, `http://example.org${mount}/echo/a%20b/w%C3%B6?x=1&y=%20&x=2+3`);
    assertEquals([got.scriptName, got.pathInfo], [mount, "/echo/a b/wö"]);
    assertEquals([got.remoteAddr.hostname, got.body], ["127.0.0.1", ""]);
  });

  it("a path whose bytes are no UTF-8", async () => {
    const answer = await ask("/echo/%F6");
    if (!behaviour.passesAnyPath) return assertEquals(answer.status, 400);
    const got = JSON.parse(answer.text);
    assertEquals([got.scriptName, got.pathInfo], [mount, "/echo/\xf6"]);
  });

  it("no Proxy header (httpoxy)", async () => {
    const got = await echo("/echo", { headers: [["Proxy", "http://evil.example"]] });
    assertEquals(got.headers.filter(([name]: [string]) => name === "proxy"), []);
  });

  it("POST: a form", async () => {
    const answer = await ask("/form", {
      method: "POST",
      headers: [["Content-Type", "application/x-www-form-urlencoded"]],
      body: bytesOf("a=1&b=%C3%B6"),
    });
    assertEquals(JSON.parse(answer.text), [["a", "1"], ["b", "ö"]]);
  });
}

function testAnswers(
  behaviour: Behaviour,
  port: number,
  mount: string,
  running: () => RunningServer,
): void {
  const ask = asker(port, mount);

  it("headers, in UTF-8 and in Latin-1, byte for byte, and back", async () => {
    for (const value of ["plain", "w\xc3\xb6rld", "\xe9t\xe9 \x80\xff"]) {
      const answer = await ask("/header", { headers: [["X-In", value]] });
      assertEquals(answer.all("x-out"), [value]);
    }
  });

  it("POST: 5 MB, with a Content-Length and in chunks", async () => {
    for (const length of [LARGE, undefined]) {
      const answer = await ask("/hash", { method: "POST", body: parts(LARGE), length });
      assertEquals([answer.status, answer.text], [200, hashOf(LARGE)]);
    }
  });

  it("POST: 5 MB there and back at once", async () => {
    const answer = await ask("/copy", { method: "POST", body: parts(LARGE), length: LARGE });
    assertEquals([answer.status, answer.body.length, answer.isComplete], [200, LARGE, true]);
  });

  it("POST: an answer to 5 MB that the application does not read", async () => {
    for (const length of [LARGE, undefined]) {
      const answer = await ask("/unread", { method: "POST", body: parts(LARGE), length });
      assertEquals([answer.status, answer.text], [200, "No, thanks\n"]);
    }
  });

  it("a download of 5 MB", async () => {
    const answer = await ask(`/download/${LARGE}`);
    assertEquals([answer.status, answer.body.length, answer.isComplete], [200, LARGE, true]);
  });

  it("HEAD: the head of a GET, without its body", async () => {
    const answer = await ask("/status/200", { method: "HEAD" });
    assertEquals([answer.status, answer.body.length], [200, 0]);
    if (behaviour.keepsLength) assertEquals(answer.all("content-length"), ["4"]);
  });

  it("statuses", async () => {
    for (const status of [201, 204, 304, 404, 418, 503]) {
      const answer = await ask(`/status/${status}`);
      const text = status === 204 || status === 304 ? "" : `${status}\n`;
      assertEquals([answer.status, answer.text], [status, text]);
    }
  });

  it("redirects, which are the client's to follow, local ones too", async () => {
    for (const [status, to] of [[302, "/elsewhere?a=1"], [303, "http://example.com/"]] as const) {
      const answer = await ask(`/redirect/${status}?to=${encodeURIComponent(to)}`);
      assertEquals([answer.status, answer.all("location")], [status, [to]]);
    }
  });

  it("cookies, each in a line of its own", async () => {
    const answer = await ask("/cookies", { headers: [["Cookie", "c=3; d=4"]] });
    assertEquals(answer.all("set-cookie"), ["a=1; Path=/", "b=2, with a comma; HttpOnly"]);
    assertEquals(answer.text, "c=3; d=4");
  });

  it("failures and log lines, in the error log, and nothing of them at the client", async () => {
    const answer = await ask("/throw?message=secret-of-the-handler");
    assertEquals([answer.status, answer.text], [500, "Internal Server Error\n"]);
    assertEquals((await ask("/log?line=a-line-of-ours")).text, "logged\n");
    for (const pattern of [/^.*Error: secret-of-the-handler.*$/m, /^.*a-line-of-ours$/m]) {
      await waitUntil(async () => pattern.test(await running().errorLog()), { what: `${pattern}` });
    }
  });

  it("an answer that breaks midway, cut where the server can tell", async () => {
    // "close": lighttpd otherwise waits for another request before it lets a cut body be seen.
    const headers: [string, string][] = [["Connection", "close"]];
    const unknown = await ask("/break", { headers });
    assertEquals([unknown.status, unknown.text, unknown.isComplete], [200, "first\n", true]);
    const declared = await ask("/break?length", { headers });
    assertEquals([declared.status, declared.text], [200, "first\n"]);
    assertEquals(declared.isComplete, !behaviour.cutsBroken);
  });
}

describe("a bare shell", { timeout: 20_000 }, () => {
  const run = async (script: string, input = "") => {
    await using directory = await tempDir();
    await using program = await spawnProgram("sh", ["-c", script], {
      cwd: directory.path,
      stdin: "pipe",
      env: { NO_COLOR: "1", FORCE_COLOR: undefined },
    });
    // Its standard input stays open, as a terminal's does.
    program.process.stdin?.write(input);
    const { code } = await program.exit;
    return { code, stdout: program.stdout.text, stderr: program.stderr.text };
  };
  const CGI = "GATEWAY_INTERFACE=CGI/1.1 SCRIPT_NAME=";
  const get = (path: string, more = "") =>
    `${CGI} REQUEST_METHOD=GET PATH_INFO=${path} ${more} ${APP_COMMAND}`;
  const post = (path: string, length: number) =>
    `${CGI} REQUEST_METHOD=POST PATH_INFO=${path} CONTENT_LENGTH=${length} ${APP_COMMAND}`;

  it("gets an answer on standard output, and exit code 0", async () => {
    assertEquals(await run(get("/status/404")), {
      code: 0,
      stdout: "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: 4\r\n" +
        "Status: 404 Not Found\r\n\r\n404\n",
      stderr: "",
    });
  });

  it("gives a body, which need not end", async () => {
    const { code, stdout } = await run(post("/copy", 3), "abcdef");
    assertEquals([code, stdout.split("\r\n\r\n")[1]], [0, "abc"]);
  });

  it("gets exit code 0 for a 500, the reason on standard error", async () => {
    const { code, stdout, stderr } = await run(get("/throw", "QUERY_STRING=message=Thrown"));
    assertEquals(code, 0);
    assertStringIncludes(stdout, "Status: 500 Internal Server Error\r\n\r\nInternal Server Error");
    assertMatch(stderr, /^Error: Thrown[^\n]*\n$/);
  });

  it("gets exit code 1 for an answer that breaks midway, and what there was of it", async () => {
    const { code, stdout, stderr } = await run(get("/break"));
    assertEquals([code, stdout.split("\r\n\r\n")[1]], [1, "first\n"]);
    assertMatch(stderr, /^Error: The body broke[^\n]*\n$/);
  });

  it("that stops reading ends the program: the body is cancelled, exit code 1", async () => {
    await using directory = await tempDir();
    const mark = join(directory.path, "mark");
    const command = get("/flood", `QUERY_STRING=mark=${mark}`);
    const { stderr } = await run(`{ ${command}; echo "exit code $?" >&2; } | head -c 100000 >&2`);
    assertStringIncludes(stderr, "exit code 1\n");
    assertEquals(await readFile(mark, "utf8"), "cancelled");
  });

  it("without all of the CGI variables starts a FastCGI server", async () => {
    for (const variables of ["", "REQUEST_METHOD=GET", "GATEWAY_INTERFACE=CGI/1.1"]) {
      await using program = await spawnProgram("sh", [
        "-c",
        `unset GATEWAY_INTERFACE REQUEST_METHOD; ${variables} exec ${APP_COMMAND}`,
      ]);
      // Another test may have the port: that is a FastCGI server, too.
      await program.waitForLine("stderr", /^Serving FastCGI on 127\.0\.0\.1:9000|EADDRINUSE/);
      assertEquals(program.stdout.text, "");
    }
  });
});
