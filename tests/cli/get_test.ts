/** `fcgi get` and `fcgi ping`, against applications of this module and against nobody. */
import { createServer } from "node:net";
import { serve } from "../../mod.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../_assert.ts";
import { bytes } from "../_bytes.ts";
import { describe, it } from "../_harness.ts";
import { freePort, spawnScript } from "../_runtime.ts";
import { FakeTerminal, fcgi } from "./_terminal.ts";

const MAIN = new URL("../../src/cli/main.ts", import.meta.url);
const quiet = { port: 0, onListen: () => {} };

/** Says what it was sent. */
async function echo(
  request: Request,
  info: {
    params: { get(name: string): string | undefined };
    role: string;
    log(text: string): void;
  },
) {
  info.log("a line of the log");
  const { pathname, search } = new URL(request.url);
  const names = ["SCRIPT_FILENAME", "DOCUMENT_ROOT", "X", "HTTP_HOST"];
  return Response.json({
    method: request.method,
    url: pathname + search,
    type: request.headers.get("content-type"),
    header: request.headers.get("x-a"),
    body: await request.text(),
    role: info.role,
    params: names.map((name) => info.params.get(name) ?? null),
  }, { status: pathname === "/missing" ? 404 : 200, headers: { "x-b": "c" } });
}

async function withEcho(args: readonly string[], terminal?: FakeTerminal) {
  const server = serve({ ...quiet, roles: ["responder", "authorizer"] }, echo);
  try {
    const { port } = await server.ready as { port: number };
    const outcome = await fcgi([...args, "--connect", String(port)], terminal);
    return { ...outcome, said: outcome.out.startsWith("{") ? JSON.parse(outcome.out) : undefined };
  } finally {
    await server.shutdown();
  }
}

describe("fcgi get", () => {
  it("prints the body, and the application's standard error as such", async () => {
    const { code, err, said } = await withEcho(["get", "/a?b=c"]);
    assertEquals([code, err], [0, ["a line of the log"]]);
    assertEquals([said.method, said.url, said.body, said.role], ["GET", "/a?b=c", "", "responder"]);
    assertEquals(said.params, [null, "", null, "localhost"]);
  });

  it("sends method, headers, body and parameters", async () => {
    const { said } = await withEcho([
      ...["get", "http://example.org/x", "-X", "PUT", "-H", "X-A: 1", "-H", "content-type: a/b"],
      ...["-d", "body", "-p", "X=ü=", "-p", "HTTP_HOST"],
    ]);
    assertEquals([said.method, said.type, said.header, said.body], ["PUT", "a/b", "1", "body"]);
    assertEquals(said.params, [null, "", "Ã¼=", null]);
  });

  it("posts a form unless it is told otherwise, from a file, too", async () => {
    const files = { "form.txt": bytes("a=b") as Uint8Array<ArrayBuffer> };
    const { said } = await withEcho(["get", "/", "-d", "@form.txt"], new FakeTerminal({ files }));
    assertEquals(
      [said.method, said.type, said.body],
      ["POST", "application/x-www-form-urlencoded", "a=b"],
    );
  });

  it("names a script as php-fpm wants it, and --param wins", async () => {
    const { said } = await withEcho(["get", "/", "--script", "site/a.php"]);
    assertEquals(said.params.slice(0, 2), ["/here/site/a.php", "/here/site"]);
    const other = await withEcho(["get", "/", "--script", "/a.php", "-p", "DOCUMENT_ROOT=/srv"]);
    assertEquals(other.said.params.slice(0, 2), ["/a.php", "/srv"]);
  });

  it("--include prints status and headers before the body", async () => {
    const { code, out } = await withEcho(["get", "/missing", "-i"]);
    const [head, body] = out.split("\n\n");
    assertEquals(code, 0);
    assertMatch(head!, /^HTTP\/1\.1 404 Not Found\n/);
    assertStringIncludes(head!, "\nx-b: c");
    assertEquals(JSON.parse(body!).url, "/missing");
  });

  it("--json has status, headers, body and the lines of standard error", async () => {
    const { code, err, said } = await withEcho(["get", "/missing", "--json"]);
    assertEquals([code, err, said.status, said.statusText], [0, [], 404, "Not Found"]);
    assertEquals(said.stderr, ["a line of the log"]);
    assert(said.headers.some(([name, value]: string[]) => name === "x-b" && value === "c"));
    assertEquals(JSON.parse(said.body).url, "/missing");
  });

  it("--json has a body that is not UTF-8 in base64, and one with a BOM as it is", async () => {
    for (
      const [content, expected] of [
        [[0xff, 0], { bodyBase64: "/wA=" }],
        [[0xef, 0xbb, 0xbf, 65], { body: "\ufeffA" }],
      ] as const
    ) {
      const server = serve(quiet, () => new Response(new Uint8Array(content)));
      const { port } = await server.ready as { port: number };
      const { out } = await fcgi(["get", "/", "--json", "-c", String(port)]);
      await server.shutdown();
      const { body, bodyBase64 } = JSON.parse(out);
      assertEquals({ ...body && { body }, ...bodyBase64 && { bodyBase64 } }, expected);
    }
  });

  it("--fail has exit code 22 for a status of 400 or more", async () => {
    assertEquals((await withEcho(["get", "/missing", "--fail"])).code, 22);
    assertEquals((await withEcho(["get", "/", "--fail"])).code, 0);
  });

  it("asks an authorizer", async () => {
    const options = { ...quiet, roles: ["authorizer"] as const };
    const server = serve(options, (_, info) => new Response(info.role, { status: 403 }));
    const { port } = await server.ready as { port: number };
    const { out } = await fcgi(["get", "/", "--role", "authorizer", "-c", String(port)]);
    await server.shutdown();
    assertEquals(out, "authorizer");
  });

  it("has exit code 7, and a reason, where nobody listens", async () => {
    const port = await freePort();
    const { code, out, err } = await fcgi(["get", "/", "-c", String(port)]);
    assertEquals([code, out, err.length], [7, "", 1]);
    assertMatch(err[0]!, /^fcgi: Cannot connect to 127\.0\.0\.1:\d+: ECONNREFUSED/);
  });

  it("has exit code 28 where no answer comes in time", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const sockets = new Set<{ destroy(): void }>();
    server.on("connection", (socket) => sockets.add(socket));
    for (const args of [["get", "/"], ["ping"]]) {
      const { code, err } = await fcgi([...args, "-c", String(port), "--timeout", "0.2"]);
      assertEquals(code, args[0] === "get" ? 28 : 1);
      assertEquals(err, [`fcgi: No answer from 127.0.0.1:${port} within 0.2 s`]);
    }
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe("fcgi ping", () => {
  it("has exit code 0 where the library answers, whatever the application does", async () => {
    const server = serve(quiet, () => new Promise<Response>(() => {}));
    const { port } = await server.ready as { port: number };
    const { code, out } = await fcgi(["ping", "-c", String(port)]);
    await server.shutdown();
    assertEquals(code, 0);
    assertMatch(out, /^127\.0\.0\.1:\d+ answers: [\d.]+ ms\n$/);
  });

  it("has exit code 1 where nobody listens, and for a status of 400 or more", async () => {
    assertEquals((await fcgi(["ping", "-c", String(await freePort())])).code, 1);
    const missing = await withEcho(["ping", "--path", "/missing"]);
    assertEquals([missing.code, missing.err.at(-1)], [1, "fcgi: /missing has the status 404"]);
    assertEquals((await withEcho(["ping", "--path", "/"])).code, 0);
  });

  it("--quiet prints nothing", async () => {
    const { code, out, err } = await withEcho(["ping", "--path", "/missing", "-q"]);
    assertEquals([code, out, err], [1, "", []]);
  });
});

describe("the program", () => {
  it("is a function, too, which does nothing until it is called", async () => {
    const { fcgi: run } = await import("../../src/cli/main.ts");
    assertEquals(await run("ping", "--quiet", "-c", String(await freePort())), 1);
  });

  it("answers, prints bytes as they are, and ends", async () => {
    const server = serve(quiet, () => new Response("Hello\n"));
    const { port } = await server.ready as { port: number };
    await using program = await spawnScript(MAIN, ["get", "/", "-c", String(port)]);
    const { code } = await program.exit;
    await server.shutdown();
    assertEquals([code, program.stdout.text, program.stderr.text], [0, "Hello\n", ""]);
  });

  it("has the exit codes of its help", async () => {
    await using program = await spawnScript(MAIN, ["gte"]);
    assertEquals((await program.exit).code, 2);
    assertStringIncludes(program.stderr.text, "did you mean get?");
    assertEquals(program.stdout.text, "");
  });
});
