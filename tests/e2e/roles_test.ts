/**
 * Authorizers behind the web servers that have them: `lighttpd/authorizer.conf`,
 * `apache/authorizer.conf` and `apache/authorizer-fcgid.conf` of `examples/` as they are. No web
 * server asks for the Filter role.
 */
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "../_assert.ts";
import { afterAll, beforeAll, describe, it } from "../_harness.ts";
import { type Program, waitUntil } from "../_runtime.ts";
import {
  AUTHNZ_FCGI,
  contentOf,
  FCGID,
  LIGHTTPD,
  startApp,
  startGuardedServer,
} from "./_authorizers.ts";
import { hashOf, parts } from "./_content.ts";
import { http, type HttpRequest, type HttpResponse } from "./_http_client.ts";
import { type RunningServer, skipReason, type WebServer } from "./_web_server.ts";

const AUTHORIZER = "./apps/authorizer.ts";
const EVERYTHING = "./apps/everything.ts";
const EXAMPLE = "../../examples/authorizer.fcgi.ts";
/** Larger than any buffer on the way, a multiple of a part. */
const UPLOAD = 3 * 1024 * 1024;

type Headers = [name: string, value: string][];

const basic = (user: string, password: string): Headers => [
  ["Authorization", `Basic ${btoa(`${user}:${password}`)}`],
];
const ADA = basic("ada", "engine");

/** The port of each configuration. */
const PORTS = new Map([[LIGHTTPD, 8290], [AUTHNZ_FCGI, 8291], [FCGID, 8292]]);
const SKIP = new Map<WebServer, string | false>();
for (const setup of PORTS.keys()) SKIP.set(setup, await skipReason(setup));

let server: RunningServer;
let port: number;
let authorizer: Program | undefined;
let responder: Program | undefined;

const get = (target: string, headers: Headers = [], more: HttpRequest = {}) =>
  http(port, { target, headers, ...more });

const upload = (target: string, headers: Headers = []) =>
  get(target, headers, { method: "POST", body: parts(UPLOAD), length: UPLOAD });

/** A web server with the authorizer at its port and the same program as the responder behind it. */
function suite(name: string, setup: WebServer, tests: () => void): void {
  describe(name, { skip: SKIP.get(setup), timeout: 30_000 }, () => {
    beforeAll(async () => {
      await start(setup);
      responder = await startApp(AUTHORIZER, 9091, "port=9091");
      if (setup !== FCGID) authorizer = await startApp(AUTHORIZER, 9090, "port=9090");
    });
    afterAll(async () => {
      await authorizer?.[Symbol.asyncDispose]();
      await responder?.[Symbol.asyncDispose]();
      await server?.[Symbol.asyncDispose]();
      authorizer = responder = undefined;
    });
    tests();
  });
}

async function start(setup: WebServer): Promise<void> {
  server = await startGuardedServer(setup);
  port = PORTS.get(setup)!;
}

/** What the authorizer has been asked, in order, as far as its lines have come. */
function asked(): Record<string, unknown>[] {
  return authorizer!.stderr.lines.filter((line) => line.startsWith("asked "))
    .map((line) => JSON.parse(line.slice("asked ".length)));
}

/** What the authorizer is asked while something is done that asks it so often. */
async function askedDuring(
  count: number,
  work: () => Promise<unknown>,
): Promise<Record<string, unknown>[]> {
  const before = asked().length;
  await work();
  await waitUntil(() => asked().length >= before + count, { what: `${count} questions` });
  return asked().slice(before);
}

function assertFile({ status, text, isComplete, all }: HttpResponse, file: string): void {
  assertEquals([status, text, isComplete], [200, contentOf(file), true]);
  // Nothing of the grant is said of the file.
  assertEquals(all("content-language"), []);
  assert(!all("content-type").includes("text/plain;charset=UTF-8"), "The grant's Content-Type");
}

function assertRefused({ status, text }: HttpResponse, expected: number): void {
  assertEquals(status, expected);
  assert(!text.includes("The content of"), `The file came all the same: ${text}`);
}

/** That the log line of an authorizer came into the web server's error log. */
const logged = (text: string) =>
  waitUntil(async () => (await server.errorLog()).includes(text), { what: `${text} in the log` });

/** What every server does in front of another application, below /app/. */
function testInFront(headers: Headers, user: string): void {
  it("gives the application behind it the authorizer's variables", async () => {
    const { status, text, all } = await get("/app/grant", headers);
    assertEquals([status, JSON.parse(text)], [200, {
      method: "GET",
      body: hashOf(0),
      greeting: "h\xe9llo, world",
      user,
    }]);
    assertMatch(all("content-type").join(), /^application\/json/);
  });

  it("lets an upload through to the application", async () => {
    const { status, text } = await upload("/app/grant", headers);
    assertEquals([status, JSON.parse(text).body], [200, hashOf(UPLOAD)]);
  });

  it("lets HEAD through", async () => {
    const { status, body } = await get("/app/grant", headers, { method: "HEAD" });
    assertEquals([status, body.length], [200, 0]);
  });

  it("asks nobody who is refused, whatever the method", async () => {
    const count = () => responder!.stderr.lines.filter((line) => line === "responds").length;
    const before = count();
    for (const method of ["GET", "HEAD", "POST", "DELETE", "OPTIONS"]) {
      const body = method === "POST" ? new Uint8Array(10) : undefined;
      const { status } = await get("/app/refuse", headers, { method, body });
      assert(status === 403 || status === 401, `${method} got ${status}`);
    }
    // A request that gets through comes behind all that did.
    await get("/app/grant", headers);
    await waitUntil(() => count() > before);
    assertEquals(count(), before + 1);
  });
}

suite("lighttpd's authorizer", LIGHTTPD, () => {
  it("serves the file that was granted", async () => {
    const response = await get("/members/grant.txt");
    assertFile(response, "grant.txt");
    assertEquals([response.all("content-type"), response.all("x-authorizer")], [
      ["text/plain"],
      [],
    ]);
  });

  it("asks with the method, the path and the headers, and without a body", async () => {
    for (const method of ["GET", "HEAD", "POST"]) {
      const body = method === "POST" ? new Uint8Array(1000) : undefined;
      const [question] = await askedDuring(
        1,
        () => get("/members/grant.txt", ADA, { method, body }),
      );
      assertEquals(question, {
        verdict: "grant",
        method,
        authorization: ADA[0]![1],
        body: null,
        data: null,
        forbidden: [],
      });
    }
  });

  it("passes a refusal on as it is", async () => {
    const { status, text, all, isComplete } = await get("/members/refuse.txt");
    assertEquals([status, text, isComplete], [403, "No entry\n", true]);
    assertEquals(all("content-type"), ["text/plain;charset=UTF-8"]);
    assertEquals(all("x-authorizer"), ["refuse"]);
    assertEquals(all("variable-secret"), []);
    const large = await get("/members/large.txt");
    assertEquals([large.status, large.text.length, large.isComplete], [403, 300_000, true]);
    const head = await get("/members/refuse.txt", [], { method: "HEAD" });
    assertEquals([head.status, head.body.length], [403, 0]);
  });

  it("passes a question for a password and a redirect on", async () => {
    const question = await get("/members/ask.txt");
    assertEquals([question.status, question.all("www-authenticate")], [401, [
      'Basic realm="Tests"',
    ]]);
    const login = await get("/members/login.txt");
    assertEquals([login.status, login.all("set-cookie")], [302, ["visit=1"]]);
    assertEquals(login.all("location"), ["/login?back"]);
  });

  it("guards every spelling of a path", async () => {
    for (
      const target of [
        "/%6dembers/refuse.txt",
        "//members//refuse.txt",
        "/x/../members/refuse.txt",
        "/members/%72efuse.txt",
        "/members/./refuse.txt?grant",
      ]
    ) {
      assertRefused(await get(target), 403);
    }
  });

  it("refuses when the authorizer fails, and logs why", async () => {
    assertRefused(await get("/members/fail.txt"), 500);
    await logged("The list of users is lost");
  });

  testInFront([], "visitor");
});

suite("Apache's mod_authnz_fcgi", AUTHNZ_FCGI, () => {
  it("asks who it is, with the password", async () => {
    const [question] = await askedDuring(1, async () => {
      assertFile(await get("/members/grant.txt", ADA), "grant.txt");
    });
    assertEquals(question, {
      verdict: "grant",
      method: "GET",
      apache: "AUTHENTICATOR",
      user: "ada",
      password: "engine",
      authorization: null,
      body: null,
      data: null,
      forbidden: [],
    });
    await logged("Asked about grant");
  });

  it("does not ask about a client that names nobody", async () => {
    const before = asked().length;
    const { status, all } = await get("/members/grant.txt");
    assertEquals([status, all("www-authenticate")], [401, ['Basic realm="Members"']]);
    // A question that is asked comes behind all that were.
    await askedDuring(1, () => get("/members/grant.txt", ADA));
    assertEquals(asked().length, before + 1);
  });

  it("asks what a user may whose password it has checked itself", async () => {
    const [question] = await askedDuring(1, async () => {
      assertFile(await get("/staff/grant.txt", ADA), "grant.txt");
    });
    assertEquals([question?.apache, question?.user, question?.password], [
      "AUTHORIZER",
      "ada",
      undefined,
    ]);
    assertRefused(await get("/staff/refuse.txt", ADA), 401);
    assertRefused(await get("/staff/grant.txt", basic("ada", "wrong")), 401);
  });

  it("asks both at once", async () => {
    const questions = await askedDuring(1, async () => {
      assertFile(await get("/board/grant.txt", ADA), "grant.txt");
    });
    assertEquals(questions.map(({ apache, password }) => [apache, password]), [
      [undefined, "engine"],
    ]);
  });

  it("refuses with its own page, and keeps the variables", async () => {
    for (const [target, headers] of [["refuse", ADA], ["grant", basic("ada", "wrong")]] as const) {
      const response = await get(`/members/${target}.txt`, [...headers]);
      assertRefused(response, 401);
      assertEquals(response.all("variable-secret"), []);
    }
  });

  it("refuses when the authorizer fails", async () => {
    assertRefused(await get("/members/fail.txt", ADA), 500);
    await logged("The list of users is lost");
  });

  describe("when the application alone decides", () => {
    testInFront([], "visitor");

    it("asks it without a name, or with the header of a client that sends one", async () => {
      const [without] = await askedDuring(1, () => get("/app/grant"));
      assertEquals([without?.apache, without?.user], ["AUTHENTICATOR", undefined]);
      const [token] = await askedDuring(
        1,
        () => get("/app/grant", [["Authorization", "Bearer t"]]),
      );
      assertEquals(token?.authorization, "Bearer t");
    });

    it("passes a refusal on, as HTML", async () => {
      const { status, text, all } = await get("/app/refuse");
      assertEquals([status, text, all("x-authorizer")], [403, "No entry\n", ["refuse"]]);
      assertEquals(all("variable-secret"), []);
      assertStringIncludes(all("content-type")[0]!, "text/html");
      const login = await get("/app/login");
      assertEquals([login.status, login.all("location")], [302, ["/login?back"]]);
    });
  });
});

suite("Apache's mod_fcgid", FCGID, () => {
  it("starts an authorizer and asks who it is", async () => {
    assertFile(await get("/members/grant.txt", ADA), "grant.txt");
    assertRefused(await get("/members/grant.txt"), 401);
    assertRefused(await get("/members/grant.txt", basic("ada", "wrong")), 401);
    assertRefused(await get("/members/refuse.txt", ADA), 401);
    await logged('"apache":"AUTHENTICATOR","user":"ada","password":"engine",');
  });

  it("asks what the user may, too", async () => {
    assertFile(await get("/board/grant.txt", ADA), "grant.txt");
    await logged('"apache":"AUTHORIZER","user":"ada","authorization"');
  });

  it("refuses when the authorizer fails", async () => {
    const { status, text } = await get("/members/fail.txt", ADA);
    assertNotEquals(status, 200);
    assert(!text.includes("The content of"));
    await logged("The list of users is lost");
  });

  testInFront([], "visitor");

  it("asks an access checker with the header of a client that sends one", async () => {
    const { status } = await get("/app/grant", [["Authorization", "Bearer of-ada"]]);
    assertEquals(status, 200);
    await logged('"authorization":"Bearer of-ada"');
  });

  it("keeps the user's name from the client", async () => {
    const { status, all } = await get("/app/grant");
    assertEquals([status, all("variable-remote_user")], [200, []]);
  });
});

for (const setup of [LIGHTTPD, AUTHNZ_FCGI]) {
  describe(`${setup.command} lets nobody in`, { skip: SKIP.get(setup), timeout: 30_000 }, () => {
    beforeAll(async () => {
      await start(setup);
    });
    afterAll(async () => {
      await server?.[Symbol.asyncDispose]();
    });

    it("when the application does not take the role", async () => {
      await using _app = await startApp(EVERYTHING, 9090, "port=9090");
      assertRefused(await get("/members/grant.txt", ADA), 500);
    });

    it("when no application listens", async () => {
      const { status, text } = await get("/members/grant.txt", ADA);
      assert(status === 503 || status === 500, `Got ${status}`);
      assert(!text.includes("The content of"), text);
    });
  });

  describe(`examples/authorizer.fcgi.ts behind ${setup.command}`, {
    skip: SKIP.get(setup),
    timeout: 30_000,
  }, () => {
    beforeAll(async () => {
      await start(setup);
      authorizer = await startApp(EXAMPLE, 9090, "9090");
      responder = await startApp(AUTHORIZER, 9091, "port=9091");
    });
    afterAll(async () => {
      await authorizer?.[Symbol.asyncDispose]();
      await responder?.[Symbol.asyncDispose]();
      await server?.[Symbol.asyncDispose]();
      authorizer = responder = undefined;
    });

    it("knows those of its list", async () => {
      for (const headers of [ADA, basic("grace", "compiler")]) {
        assertFile(await get("/members/grant.txt", headers), "grant.txt");
      }
    });

    it("asks everybody else for a name and a password", async () => {
      const strangers = [[], basic("ada", "wrong"), basic("bob", ""), basic("", "")];
      const garbled = ["Basic", "Basic !", "Basic YWRh", "Bearer YWRhOmVuZ2luZQ=="]
        .map((value): Headers => [["Authorization", value]]);
      for (const headers of [...strangers, ...garbled]) {
        const response = await get("/members/grant.txt", headers);
        assertRefused(response, 401);
        assertEquals(response.all("www-authenticate"), ['Basic realm="Members"']);
      }
    });

    it("tells the application behind it who it is", async () => {
      const { status, text } = await get("/app/grant", ADA);
      assertEquals([status, JSON.parse(text).user], [200, "ada"]);
      assertRefused(await get("/app/grant"), 401);
    });

    if (setup === AUTHNZ_FCGI) {
      it("answers Apache's questions about a user alone, and about both", async () => {
        assertFile(await get("/staff/grant.txt", ADA), "grant.txt");
        assertFile(await get("/board/grant.txt", ADA), "grant.txt");
      });
    }
  });
}
