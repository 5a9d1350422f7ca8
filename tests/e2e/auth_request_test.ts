/**
 * `examples/nginx/auth_request.conf` as it is, and what its comments warn of: the same file with
 * one line as everybody writes it.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assert, assertEquals, assertMatch } from "../_assert.ts";
import { afterAll, beforeAll, describe, it } from "../_harness.ts";
import { freePort, type Program, tempDir } from "../_runtime.ts";
import { Nginx } from "../load/_nginx.ts";
import { http, type HttpRequest, type HttpResponse } from "./_http_client.ts";
import { type Asked, askThrough, cookie, startMembers } from "./_members.ts";
import { SETUPS } from "./_servers.ts";
import { type RunningServer, skipReason, startServer, type WebServer } from "./_web_server.ts";

const PORT = 8186;
const EXAMPLE = new URL("../../examples/nginx/auth_request.conf", import.meta.url);
const SERVER: WebServer = { ...SETUPS.nginx.server, configuration: "nginx/auth_request.conf" };
/** Larger than nginx passes on in one piece, smaller than its limit of 1 MB. */
const UPLOAD = new Uint8Array(300_000);

const skip = await skipReason(SERVER);

function assertPage({ status, text }: HttpResponse, expected: Partial<Asked>): void {
  assertEquals(status, 200, text);
  const asked: Asked = JSON.parse(text);
  assertEquals({ ...asked, ...expected }, asked);
}

describe("examples/nginx/auth_request.conf", { skip, timeout: 30_000 }, () => {
  let server: RunningServer;
  let app: Program;

  beforeAll(async () => {
    server = await startServer(SERVER, async (directory) => {
      await mkdir(join(directory, "www", "files"), { recursive: true });
      await writeFile(join(directory, "www", "files", "plan.txt"), "Our plan\n");
    });
    app = await startMembers(server.directory);
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await app?.[Symbol.asyncDispose]();
  });

  const get = (target: string, request: HttpRequest = {}) =>
    askThrough(PORT, app, { target, ...request });

  it("refuses who has no cookie, whatever the method and the spelling of the path", async () => {
    for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]) {
      const body = method.startsWith("P") ? UPLOAD : undefined;
      const { answer, asked } = await get("/members/plans?x", { method, body });
      assertEquals([answer.status, answer.all("location").length], [302, 1]);
      assertMatch(answer.all("location")[0]!, /\/login$/);
      assertEquals(asked.map(({ path }) => path), ["/auth"]);
    }
    for (
      const target of [
        "//members/plans",
        "/%6dembers/plans",
        "/x/../members/plans",
        "/x/%2e%2e/members/plans",
        "/members/./%70lans",
        "/members/auth",
        "/members/?/auth",
      ]
    ) {
      const { answer, asked } = await get(target);
      assertEquals([target, answer.status], [target, 302]);
      assertEquals(asked.map(({ path }) => path), ["/auth"]);
    }
    assertEquals((await get("/members/", cookie("eve"))).answer.status, 302);
  });

  it("lets a cookie through, and tells the page who it is", async () => {
    const { answer, asked } = await get("/members/a%2Fb?c=%20", cookie("ada"));
    assertPage(answer, { path: "/members/a%2Fb?c=%20", method: "GET", member: "ada" });
    assertEquals(asked.map(({ path }) => path), ["/auth", "/members/a%2Fb?c=%20"]);
    // The name that Basic gives itself is nobody's.
    const headers: [string, string][] = [
      ["Cookie", "session=ada"],
      ["Authorization", `Basic ${btoa("eve:x")}`],
      ["Remote-User", "eve"],
      ["X-Member", "eve"],
    ];
    assertPage((await get("/members/", { headers })).answer, { member: "ada" });
  });

  it("lets an upload through to the page, and asks the check without it", async () => {
    const request = { method: "POST", body: UPLOAD, ...cookie("ada") };
    const { answer, asked } = await get("/members/upload", request);
    assertPage(answer, { path: "/members/upload", method: "POST", body: UPLOAD.length });
    assertEquals(asked[0], {
      path: "/auth",
      method: "GET",
      body: null,
      member: null,
      original: "/members/upload",
      originalMethod: "POST",
    });
  });

  it("refuses when the check says so, fails, or cannot be asked", async () => {
    for (const [session, status] of [["banned", 403], ["broken", 500]] as const) {
      const { answer, asked } = await get("/members/plans", cookie(session));
      assertEquals(answer.status, status);
      assertEquals(asked.map(({ path }) => path), ["/auth"]);
    }
    await app[Symbol.asyncDispose]();
    const { status } = await http(PORT, { target: "/members/plans", ...cookie("ada") });
    assertEquals(status, 500);
    app = await startMembers(server.directory);
    // From outside there is no check that a stranger could ask.
    assertEquals((await get("/auth", cookie("ada"))).answer.status, 404);
  });

  it("has the application's page for a file that is not there, with the status 404", async () => {
    assertEquals((await get("/files/plan.txt")).answer.text, "Our plan\n");
    for (const target of ["/files/none", "/files/none?x", "/files/%C3%BC"]) {
      const { answer, asked } = await get(target);
      assertEquals([answer.status, answer.text], [404, "Nothing of that name\n"]);
      assertEquals(asked.map(({ path }) => path), ["/not-found"]);
    }
  });

  it("asks for a path under its other name, as raw as it came", async () => {
    for (
      const rest of ["/", "/a%20b/%C3%BC?c=%2F&d", "/a%2Fb%3Fc", "//a//b", "/%252e%252e/members/x"]
    ) {
      const { asked } = await get(`/old${rest}`);
      assertEquals(asked.map(({ path }) => path), [`/new${rest}`]);
    }
    // Another spelling of the path has no other name, and reaches nothing that is guarded.
    const { asked } = await get("/x/../old/../old/y");
    assertEquals(asked.map(({ path }) => path), ["/not-found"]);
    assertEquals((await get("/old/../members/plans")).answer.status, 302);
    assertEquals((await get("/old/..%2Fmembers/plans")).answer.status, 302);
  });
});

describe("nginx without a REQUEST_URI of its own", { skip, timeout: 30_000 }, () => {
  // How nginx and FastCGI are: should one of these fail, the warnings in the example and the README
  // can go.
  it("lets everybody in who is checked by auth_request", async () => {
    const answer = await askChanged("/members/plans", ["fastcgi_param REQUEST_URI /auth;", ""]);
    assertPage(answer, { path: "/members/plans", member: null });
  });

  it("asks for the page once more where error_page sends a stranger to log in", async () => {
    const { status, text } = await askChanged("/members/plans", [
      "error_page 401 = @login;",
      "error_page 401 /login;",
    ]);
    assertEquals([status, JSON.parse(text).path], [401, "/members/plans"]);
  });

  it("asks for the old path behind error_page 404 and rewrite", async () => {
    const missing = await askChanged("/files/none", [
      "fastcgi_param REQUEST_URI /not-found;",
      "",
    ]);
    assertEquals([missing.status, JSON.parse(missing.text).path], [404, "/files/none"]);
    const moved = await askChanged("/old/y", [
      "fastcgi_param REQUEST_URI $moved;",
      "rewrite ^/old/(.*)$ /new/$1 last;",
    ]);
    assertPage(moved, { path: "/old/y" });
  });

  it("asks for a guarded page where it is decoded twice: $uri", async () => {
    const answer = await askChanged("/old/%252e%252e/members/plans", [
      "fastcgi_param REQUEST_URI $moved;",
      "rewrite ^/old/(.*)$ /new/$1 break; fastcgi_param REQUEST_URI $uri$is_args$args;",
    ]);
    assertPage(answer, { path: "/members/plans", member: null });
  });
});

/** What a stranger gets from the example with one line changed. */
async function askChanged(
  target: string,
  [line, instead]: [line: string, instead: string],
): Promise<HttpResponse> {
  const port = await freePort();
  const text = await readFile(EXAMPLE, "utf8");
  const changed = text.replace(new RegExp(`^ +${RegExp.escape(line)}$`, "m"), () => instead);
  assert(changed !== text, `No line in the example: ${line}`);
  await using directory = await tempDir(0o755);
  const file = join(directory.path, "changed.conf");
  await writeFile(file, changed.replace(`listen 127.0.0.1:${PORT};`, `listen 127.0.0.1:${port};`));
  await using nginx = await Nginx.start(file);
  await using _app = await startMembers(nginx.directory);
  return await http(port, { target });
}
