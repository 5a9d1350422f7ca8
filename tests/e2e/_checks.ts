/**
 * What every web server must do for an application, one check after another: the same for all, but
 * for the rows of `_differences.ts` that a way names. Where there is such a row, what the check
 * expects is what the row says: a server that stops being different fails. Some rows say only that
 * something cannot be relied on (an answer waits in buffers, a client that has gone or a line for
 * the log may be missed): there the rest must be right, whether it happens or not.
 */
import { assert, assertEquals, assertLess, assertMatch, assertNotEquals } from "../_assert.ts";
import { Hash, hashOf, parts } from "./_content.ts";
import type { DifferenceId } from "./_differences.ts";
import {
  bytesOf,
  http,
  HttpConnection,
  type HttpRequest,
  type HttpResponse,
} from "./_http_client.ts";
import type { Way } from "./_servers.ts";

const MEGABYTE = 1024 * 1024;

/** What the application of a way, and the server before it, have said. */
export interface Said {
  /**
   * Waits for a line in the server's error log, in which an application's own lines look as that
   * server writes them.
   */
  logged(line: string): Promise<void>;
  /**
   * The lines that the application has written to its standard error, and its standard output if
   * that can be seen.
   */
  application(): Promise<{ stdout: string; stderr: string[] }>;
}

/** What the `echo` route answers. */
interface Echo {
  method: string;
  url: string;
  headers: [string, string][];
  remoteAddr: unknown;
  scriptName: string;
  pathInfo: string;
  body: string;
}

/** Ids for the application's board, one for each check. */
let lastId = 0;
export const newId = (): string => `id${++lastId}`;

/** What a check works with. */
class Visit {
  readonly way: Way;
  readonly said: Said;
  /** How many bytes an upload or a download has. */
  readonly large: number;

  constructor(way: Way, said: Said, large: number) {
    this.way = way;
    this.said = said;
    this.large = large;
  }

  /** Whether the way has this row. */
  differs(id: DifferenceId): boolean {
    return this.way.differences.includes(id);
  }

  get mount(): string {
    return this.way.mount;
  }

  ask(target: string, request: HttpRequest = {}): Promise<HttpResponse> {
    return http(this.way.port, { ...request, target: this.mount + target });
  }

  async echo(target: string, request: HttpRequest = {}): Promise<Echo> {
    const answer = await this.ask(target, request);
    assertEquals(answer.status, 200, `${target}: ${answer.status} ${answer.text}`);
    return JSON.parse(answer.text);
  }

  connect(): Promise<HttpConnection> {
    return HttpConnection.open(this.way.port);
  }

  /** What a response has to say to be passed on part by part; `null`: nothing helps. */
  get streaming(): string | null {
    if (this.differs("streams never") || this.differs("streams in blocks")) return null;
    return this.differs("streams if asked") || this.differs("streams events") ? "?events" : "";
  }
}

/** One thing that every way must do. */
export interface Check {
  name: string;
  run(visit: Visit): Promise<void>;
}

/** Makes what a check works with. */
export function visit(way: Way, said: Said, large: number): Visit {
  return new Visit(way, said, large);
}

/** The checks. */
export const CHECKS: readonly Check[] = [
  {
    name: "GET: method, URL and query as the client sent them, no body",
    async run(on) {
      const got = await on.echo("/echo/a?x=1&y=%20&x=2+3");
      assertEquals(got.method, "GET");
      assertEquals(got.url, `http://example.org${on.mount}/echo/a?x=1&y=%20&x=2+3`);
      assertEquals(got.body, "");
    },
  },
  {
    name: "scriptName and pathInfo: the mount point and the rest, decoded",
    async run(on) {
      for (
        const [target, decoded] of [
          ["/echo", "/echo"],
          ["/echo/", "/echo/"],
          ["/echo/h%C3%A9llo%20w/x", "/echo/héllo w/x"],
          // No UTF-8: byte for byte.
          ["/echo/%E4/x", "/echo/\xe4/x"],
        ] as const
      ) {
        const { scriptName, pathInfo } = await on.echo(target);
        const path = on.mount + decoded;
        // Whatever is known of the mount point.
        assertEquals(scriptName + pathInfo, path);
        if (on.differs("first segment taken for the mount point")) {
          if (decoded !== "/echo") assertEquals(scriptName, "/echo");
        } else {
          assertEquals(scriptName, on.differs("mount point unknown") ? "" : on.mount);
        }
      }
    },
  },
  {
    name: "paths: escapes, double slashes and query reach the URL byte for byte",
    async run(on) {
      for (
        const target of [
          "/echo//double///slash//",
          "/echo/a%3Bb%25e",
          "/echo/%E2%82%AC/%c3%a4",
          "/echo/;a=b,c:@!$&'()*+~",
          "/echo/x?",
          "/echo/x?a=%2F%3F&b=//&c=?",
        ]
      ) {
        assertEquals((await on.echo(target)).url, `http://example.org${on.mount}${target}`);
      }
    },
  },
  {
    name: "paths: escaped bytes that are no UTF-8 reach the URL as they are",
    async run(on) {
      // Of these, UTF-8 may have the first two, elsewhere; the others in no text.
      const targets = ["/echo/%E4?%e4=%80", "/echo/%FF", "/echo/x?%C0=%fe"];
      for (const target of targets) {
        const answer = await on.ask(target);
        if (on.differs("bytes outside UTF-8 refused") && target !== targets[0]) {
          assertEquals(answer.status, 400);
        } else {
          assertEquals(JSON.parse(answer.text).url, `http://example.org${on.mount}${target}`);
        }
      }
    },
  },
  {
    name: "paths: raw bytes that are not ASCII are percent-encoded in the URL",
    async run(on) {
      for (
        const [sent, got] of [
          ["/echo/\xe2\x82\xac/\xc3\xa4", "/echo/%E2%82%AC/%C3%A4"],
          ["/echo/\xe4?q=\xe4", "/echo/%E4?q=%E4"],
        ] as const
      ) {
        const answer = await on.ask(sent);
        if (on.differs("raw bytes refused")) assertEquals(answer.status, 400);
        else assertEquals(JSON.parse(answer.text).url, `http://example.org${on.mount}${got}`);
      }
    },
  },
  {
    name: "paths: an encoded slash stays one",
    async run(on) {
      const answer = await on.ask("/echo/a%2Fb");
      if (on.differs("encoded slash refused")) return assertEquals(answer.status, 404);
      assertEquals(JSON.parse(answer.text).url, `http://example.org${on.mount}/echo/a%2Fb`);
    },
  },
  {
    name: "paths: an encoded question mark and hash stay in the path",
    async run(on) {
      const { url } = await on.echo("/echo/a%3Fb%23c?d");
      assertEquals(url, `http://example.org${on.mount}/echo/a%3Fb%23c?d`);
    },
  },
  {
    name: "paths: a target that starts with two slashes is a path, not a host",
    async run(on) {
      const answer = await http(on.way.port, { target: `/${on.mount}/echo//x` });
      assertEquals(JSON.parse(answer.text).url, `http://example.org/${on.mount}/echo//x`);
    },
  },
  {
    name: "Host: another port than the scheme's is in the URL",
    async run(on) {
      const { url, headers } = await on.echo("/echo", { host: "example.org:8443" });
      const host = on.differs("port taken out of Host") ? "example.org" : "example.org:8443";
      assertEquals(url, `http://${host}${on.mount}/echo`);
      assertEquals(headers.filter(([name]) => name === "host"), [["host", host]]);
    },
  },
  {
    name: "remoteAddr: the client's own address and port",
    async run(on) {
      await using connection = await on.connect();
      const answer = await connection.fetch({ target: `${on.mount}/echo` });
      assertEquals(JSON.parse(answer.text).remoteAddr, {
        transport: "tcp",
        hostname: "127.0.0.1",
        port: connection.localPort,
      });
    },
  },
  {
    name: "HEAD: head of the GET, no body",
    async run(on) {
      await using connection = await on.connect();
      const get = await connection.fetch({ target: `${on.mount}/status/200` });
      const head = await connection.fetch({ method: "HEAD", target: `${on.mount}/status/200` });
      assertEquals([get.status, get.text], [200, "200\n"]);
      assertEquals([head.status, head.text], [200, ""]);
      if (!on.differs("length left out")) {
        assertEquals(head.all("content-length"), ["4"]);
        assertEquals(get.all("content-length"), ["4"]);
      }
      // And the connection goes on: nothing of a body has leaked.
      const next = await connection.fetch({ target: `${on.mount}/status/404` });
      assertEquals(next.text, "404\n");
    },
  },
  {
    name: "methods: PUT, PATCH, DELETE, OPTIONS and PROPFIND reach the handler as they are",
    async run(on) {
      for (const method of ["PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]) {
        const body = method === "PUT" || method === "PATCH" ? bytesOf("new") : undefined;
        const got = await on.ask("/echo", { method, body });
        const { method: seen, body: text } = JSON.parse(got.text);
        assertEquals([seen, text], [method, body ? "new" : ""]);
      }
    },
  },
  {
    name: "POST: a form",
    async run(on) {
      const answer = await on.ask("/form", {
        method: "POST",
        headers: [["Content-Type", "application/x-www-form-urlencoded"]],
        body: bytesOf("name=J%C3%BCrgen&x=a+b&x=%26"),
      });
      assertEquals(JSON.parse(answer.text), [["name", "Jürgen"], ["x", "a b"], ["x", "&"]]);
    },
  },
  {
    name: "POST: JSON",
    async run(on) {
      const value = { text: "Grüße €", list: [1, null, true] };
      const answer = await on.ask("/json", {
        method: "POST",
        headers: [["Content-Type", "application/json"]],
        body: new TextEncoder().encode(JSON.stringify(value)),
      });
      assertEquals(JSON.parse(answer.text), { got: value });
      assertMatch(answer.all("content-type")[0]!, /^application\/json/);
    },
  },
  {
    name: "POST: multipart, with a file of all bytes",
    async run(on) {
      const form = new FormData();
      const file = Uint8Array.from({ length: 100_000 }, (_, index) => index);
      form.append("text", "Grüße");
      form.append("file", new Blob([file], { type: "image/png" }), "bytes.png");
      const encoded = new Request("http://x/", { method: "POST", body: form });
      const hash = new Hash();
      hash.add(file);
      const answer = await on.ask("/form", {
        method: "POST",
        headers: [["Content-Type", encoded.headers.get("content-type")!]],
        body: new Uint8Array(await encoded.arrayBuffer()),
      });
      assertEquals(JSON.parse(answer.text), [
        ["text", "Grüße"],
        ["file", "bytes.png", "image/png", String(hash)],
      ]);
    },
  },
  {
    name: "POST: in chunks, without a length",
    async run(on) {
      const answer = await on.ask("/echo", {
        method: "POST",
        body: async function* () {
          yield bytesOf("first, ");
          // The head is gone alone before the rest comes.
          await on.ask("/status/200");
          yield bytesOf("second");
        }(),
      });
      if (on.differs("length required")) return assertEquals(answer.status, 411);
      assertEquals(JSON.parse(answer.text).body, "first, second");
    },
  },
  {
    name: "POST: 100 kB in chunks",
    async run(on) {
      const answer = await on.ask("/hash", { method: "POST", body: parts(2 * 65536) });
      if (on.differs("length required")) return assertEquals(answer.status, 411);
      if (on.differs("large chunked uploads refused")) {
        // Closed with a reset, too, for what is still on its way: the answer may be lost.
        return assert(answer.status === 400 || answer.status === 0, `Status ${answer.status}`);
      }
      assertEquals(answer.text, hashOf(2 * 65536));
    },
  },
  {
    name: "POST: nothing",
    async run(on) {
      assertEquals((await on.echo("/echo", { method: "POST", length: 0 })).body, "");
    },
  },
  {
    name: "upload: large, byte for byte",
    async run(on) {
      const answer = await on.ask("/hash", {
        method: "POST",
        body: parts(on.large),
        length: on.large,
      });
      assertEquals(answer.text, hashOf(on.large));
    },
  },
  {
    name: "download: large, to a client that reads slowly, byte for byte",
    async run(on) {
      await using connection = await on.connect();
      await connection.send({ target: `${on.mount}/download?bytes=${on.large}` });
      assertEquals((await connection.head()).status, 200);
      assertEquals(await slowly(connection, () => on.ask("/status/200")), hashOf(on.large));
      assert(connection.isComplete);
    },
  },
  {
    name: "redirects: the status and the Location as the handler gave them",
    async run(on) {
      for (const status of [301, 302, 303, 307, 308]) {
        for (const to of ["/relative?x=1", "https://elsewhere.example/", "same-directory"]) {
          const answer = await on.ask(`/redirect/${status}?to=${encodeURIComponent(to)}`);
          assertEquals([answer.status, ...answer.all("location")], [status, to]);
        }
      }
    },
  },
  {
    name: "statuses: with their standard phrases; 204 and 304 without a body",
    async run(on) {
      for (
        const [status, reason] of [
          [201, "Created"],
          [404, "Not Found"],
          [503, "Service Unavailable"],
        ]
      ) {
        const answer = await on.ask(`/status/${status}`);
        assertEquals([answer.status, answer.reason, answer.text], [status, reason, `${status}\n`]);
      }
      for (const status of [204, 304]) {
        await using connection = await on.connect();
        const bare = await connection.fetch({ target: `${on.mount}/status/${status}` });
        assertEquals(bare.status, status);
        const next = await connection.fetch({ target: `${on.mount}/status/200` });
        assertEquals(next.text, "200\n");
      }
    },
  },
  {
    name: "cookies: several both ways",
    async run(on) {
      const answer = await on.ask("/cookies", {
        headers: [["Cookie", "a=1; b=2"], ["Accept", "*/*"], ["Cookie", "c=3"]],
      });
      assertEquals(
        answer.text,
        on.differs("cookies joined with a comma") ? "a=1; b=2, c=3" : "a=1; b=2; c=3",
      );
      assertEquals(answer.all("set-cookie"), [
        "a=1; Path=/",
        "b=2, with a comma; HttpOnly",
        "c=3",
      ]);
    },
  },
  {
    name: "headers: those that the client sent, and no other",
    async run(on) {
      const sent = [
        ["Accept", "text/html"],
        ["Accept-Language", "de, en;q=0.5"],
        ["Content-Type", "text/plain"],
        ["Referer", "http://example.org/?a=b"],
        ["User-Agent", "Test/1.0 (one two)"],
        ["X-Empty", ""],
        ["X-Forwarded-For", "192.0.2.1"],
      ] as [string, string][];
      const { headers } = await on.echo("/echo", {
        method: "POST",
        headers: [
          ...sent,
          // Those about the connection are not for the application, nor is what CGI programs take
          // for a setting.
          ["Connection", "keep-alive"],
          ["Proxy", "http://evil.example/"],
        ],
        body: bytesOf("abc"),
      });
      const expected = new Map(sent.map(([name, value]) => [name.toLowerCase(), value]));
      expected.set("content-length", "3").set("host", "example.org");
      if (on.differs("empty headers dropped")) expected.delete("x-empty");
      if (on.differs("X-Forwarded headers rewritten")) {
        expected.set("x-forwarded-for", "127.0.0.1")
          .set("x-forwarded-host", "example.org")
          .set("x-forwarded-proto", "http");
      }
      const sorted = (pairs: Iterable<[string, string]>) => [...pairs].sort();
      assertEquals(sorted(headers), sorted(expected));
    },
  },
  {
    name: "headers: no Content-Type and no Content-Length where the client sent none",
    async run(on) {
      for (const method of ["GET", "DELETE"]) {
        const got = await on.echo("/echo", { method });
        assertEquals(valuesOf(got, "content-type"), []);
        assertEquals(valuesOf(got, "content-length"), []);
      }
    },
  },
  {
    name: "headers: bytes of any encoding unchanged both ways",
    async run(on) {
      for (
        const value of ["Gr\xc3\xbc\xc3\x9fe \xe2\x82\xac", "Gr\xfc\xdfe", "a  b\tc", "\xff"]
      ) {
        const got = await on.echo("/echo", { headers: [["X-In", value]] });
        assertEquals(valuesOf(got, "x-in"), [value]);
        const answer = await on.ask("/header", { headers: [["X-In", value]] });
        assertEquals(answer.all("x-out"), [value]);
      }
    },
  },
  {
    name: "headers: repeated ones joined",
    async run(on) {
      const got = await on.echo("/echo", {
        headers: [["X-Twice", "one"], ["Accept", "*/*"], ["X-Twice", "two"]],
      });
      assertEquals(valuesOf(got, "x-twice"), ["one, two"]);
    },
  },
  {
    name: "headers: Authorization passed",
    async run(on) {
      const got = await on.echo("/echo", { headers: [["Authorization", "Basic dXNlcjpwYXNz"]] });
      assertEquals(
        valuesOf(got, "authorization"),
        on.differs("Authorization kept back") ? [] : ["Basic dXNlcjpwYXNz"],
      );
    },
  },
  {
    name: "headers: ninety of them",
    async run(on) {
      const sent = Array.from({ length: 90 }, (_, index): [string, string] => [
        `X-Header-${index}`,
        `value ${index}`,
      ]);
      const got = await on.echo("/echo", { headers: sent });
      assertEquals(
        new Map(got.headers.filter(([name]) => name.startsWith("x-header-"))),
        new Map(sent.map(([name, value]) => [name.toLowerCase(), value])),
      );
    },
  },
  {
    name: "streaming: the first part reaches the client before the second is made",
    async run(on) {
      const id = newId();
      await using connection = await on.connect();
      await connection.send({ target: `${on.mount}/stream/${id}${on.streaming ?? ""}` });
      if (on.streaming === null) {
        // Not so here: but it is all there in the end.
        await on.ask(`/wait/${id}/started`);
        await on.ask(`/mark/${id}/go`);
        assertEquals((await connection.head()).status, 200);
        assertEquals(await textOf(connection, "first\nsecond\n".length), "first\nsecond\n");
      } else {
        assertEquals((await connection.head()).status, 200);
        assertEquals(await textOf(connection, "first\n".length), "first\n");
        await on.ask(`/mark/${id}/go`);
        assertEquals(await textOf(connection, "second\n".length), "second\n");
      }
      assertEquals(await connection.read(), null);
      assert(connection.isComplete);
    },
  },
  {
    name: "client gone: signal aborts and a body that flows is cancelled within a second",
    async run(on) {
      const id = newId();
      await using connection = await on.connect();
      if (on.differs("gone unseen")) return await goneUnseen(on, id, connection, "stream");
      await connection.send({ target: `${on.mount}/flood/${id}` });
      await connection.head();
      assert(await connection.read());
      await goneWithinASecond(on, id, connection);
    },
  },
  {
    name: "client gone: signal aborts and a silent body is cancelled within a second",
    async run(on) {
      const id = newId();
      await using connection = await on.connect();
      if (on.differs("gone unseen")) return await goneUnseen(on, id, connection, "stream");
      await connection.send({ target: `${on.mount}/flood/${id}?held` });
      await on.ask(`/wait/${id}/started`);
      const sees = !on.differs("gone unseen until the application writes");
      await goneWithinASecond(on, id, connection, sees ? undefined : "go");
    },
  },
  {
    name: "client gone: signal aborts within a second while the handler thinks",
    async run(on) {
      const id = newId();
      await using connection = await on.connect();
      if (on.differs("gone unseen") || on.differs("gone unseen until the application writes")) {
        return await goneUnseen(on, id, connection, "think");
      }
      await connection.send({ target: `${on.mount}/think/${id}` });
      await on.ask(`/wait/${id}/started`);
      const from = performance.now();
      connection.close();
      await on.ask(`/wait/${id}/aborted`);
      assertLess(performance.now() - from, 1000);
      assertEquals((await on.ask("/status/200")).status, 200);
    },
  },
  {
    name: "errors: a handler that throws is a 500, the reason in the error log and not on the page",
    async run(on) {
      const id = newId();
      const answer = await on.ask(`/throw?message=secret%20${id}`);
      assertEquals([answer.status, answer.text], [500, "Internal Server Error\n"]);
      assert(answer.headers.every(([, value]) => !value.includes(id)));
      if (!on.differs("log lines lost")) await on.said.logged(`Error: secret ${id}`);
    },
  },
  {
    name: "info.log: a line in the error log",
    async run(on) {
      const id = newId();
      const line = `Line ${id}`;
      assertEquals((await on.ask(`/log?line=${encodeURIComponent(line)}`)).text, "logged\n");
      if (!on.differs("log lines lost")) await on.said.logged(line);
    },
  },
  ...([
    ["small", "bytes=5"],
    ["large", "bytes=200000"],
    ["with a length", "bytes=5&length"],
    ["large, with a length", "bytes=200000&length"],
  ] as const).map(([what, query]): Check => ({
    name: `a body that breaks off is seen to be broken by the client: ${what}`,
    async run(on) {
      // "close": Apache otherwise waits for another request before it lets a cut body be seen.
      const answer = await on.ask(`/break?${query}`, { headers: [["Connection", "close"]] });
      const looksWhole = !query.includes("length") && (on.differs("cut bodies look whole") ||
        on.differs("large cut bodies look whole") && what === "large");
      const isBroken = !answer.isComplete || answer.status >= 500;
      const seen = `Status ${answer.status}, ${answer.body.length} bytes`;
      assertEquals(isBroken, !looksWhole, seen);
      assertEquals((await on.ask("/status/200")).text, "200\n");
    },
  })),
  {
    name: "concurrency: many requests in flight, each gets its own answer",
    async run(on) {
      const count = on.differs("one request at a time for each process") ? 4 : 50;
      const id = newId();
      const answers = await Promise.all(
        Array.from(
          { length: count },
          (_, index) => on.ask(`/barrier/${id}?count=${count}&index=${index}`),
        ),
      );
      assertEquals(answers.map(({ text }) => text), answers.map((_, index) => String(index)));
    },
  },
  {
    name: "the application has said nothing on stdout, and on stderr nothing but errors of its own",
    async run(on) {
      const { stdout, stderr } = await on.said.application();
      assertEquals(stdout, "");
      assertMatch(stderr[0] ?? "", /^Serving FastCGI on /);
      const isOwn = (line: string) =>
        /^Serving FastCGI on |^[Ee]rror: (secret |The body broke)/.test(line) ||
        // What the runtimes show of an error: where it was thrown, on Bun with the lines of code.
        /^\s|^$|^\d+ \|/.test(line);
      assertEquals(stderr.filter((line) => !isOwn(line)), []);
    },
  },
];

/** The values of a request header, as the application saw it. */
function valuesOf(echo: Echo, name: string): string[] {
  return echo.headers.filter(([other]) => other === name).map(([, value]) => value);
}

/**
 * Lets a client go, and waits for the application to see it; with `event`, once it has been told to
 * go on.
 */
async function goneWithinASecond(
  on: Visit,
  id: string,
  connection: HttpConnection,
  event?: string,
): Promise<void> {
  connection.close();
  if (event !== undefined) await on.ask(`/mark/${id}/${event}`);
  const from = performance.now();
  await on.ask(`/wait/${id}/aborted`);
  assertLess(performance.now() - from, 1000, "Until the signal aborted");
  await on.ask(`/wait/${id}/cancelled`);
  assertLess(performance.now() - from, 1000, "Until the body was cancelled");
}

/**
 * Lets a client go that the server may not miss: the application goes on to its end, and all is
 * well after that.
 */
async function goneUnseen(
  on: Visit,
  id: string,
  connection: HttpConnection,
  route: "stream" | "think",
): Promise<void> {
  await connection.send({ target: `${on.mount}/${route}/${id}` });
  await on.ask(`/wait/${id}/started`);
  connection.close();
  await on.ask(`/mark/${id}/go`);
  await on.ask(`/wait/${id}/over`);
  assertEquals((await on.ask("/status/200")).status, 200);
}

/** Reads so many bytes of a body, in however many parts they come. */
async function textOf(connection: HttpConnection, length: number): Promise<string> {
  let text = "";
  while (text.length < length) {
    const part = await connection.read();
    if (part === null) break;
    text += new TextDecoder().decode(part);
  }
  return text;
}

/** Reads a body, with another request and its answer after each megabyte. */
export async function slowly(
  connection: HttpConnection,
  other: () => Promise<HttpResponse>,
): Promise<string> {
  const hash = new Hash();
  let next = MEGABYTE;
  for (let part = await connection.read(); part !== null; part = await connection.read()) {
    hash.add(part);
    if (hash.bytes < next) continue;
    next += MEGABYTE;
    assertNotEquals((await other()).status, 0);
  }
  return hash.toString();
}
