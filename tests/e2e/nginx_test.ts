/**
 * Applications behind nginx: `examples/nginx/nginx.conf` as it is, every server block of it, and the application on
 * the runtime that runs the test, once on a Unix socket and once on TCP.
 */
import { delimiter, dirname } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import {
  afterAll,
  assert,
  assertEquals,
  assertLess,
  assertMatch,
  assertNotEquals,
  beforeAll,
  describe,
  it,
} from "../_harness.ts";
import { type Program, runtime, spawnProgram, spawnScript, waitUntil } from "../_runtime.ts";
import { Hash, hashOf, LARGE, parts } from "./_content.ts";
import {
  bytesOf,
  http,
  HttpConnection,
  type HttpRequest,
  type HttpResponse,
} from "./_http_client.ts";
import {
  type Nginx,
  skipNginx,
  startNginx,
  startOnPort9000,
  startTcpApp,
  startUnixApp,
} from "./_nginx.ts";
import { heldBack, peakGrowth, skipMemory, skipSockets, socketsOf, warmUp } from "./_process.ts";

/** One way to an application through the configuration. */
interface Way {
  name: string;
  port: number;
  /** Where the application is mounted. */
  mount: "" | "/yourapplication";
  /** What nginx or `basePath` lets the application know of that. */
  scriptName: "" | "/yourapplication";
  app: "unix" | "tcp";
  buffers: boolean;
}

const WAYS: Way[] = [
  { name: "Unix socket", port: 8180, mount: "", scriptName: "", app: "unix", buffers: true },
  {
    name: "Unix socket, mounted",
    port: 8180,
    mount: "/yourapplication",
    // The stock parameters do not say, and nobody told the application.
    scriptName: "",
    app: "unix",
    buffers: true,
  },
  { name: "TCP", port: 8181, mount: "", scriptName: "", app: "tcp", buffers: true },
  {
    name: "TCP, mounted, basePath",
    port: 8181,
    mount: "/yourapplication",
    scriptName: "/yourapplication",
    app: "tcp",
    buffers: true,
  },
  { name: "kept connections", port: 8182, mount: "", scriptName: "", app: "unix", buffers: true },
  { name: "no buffers", port: 8183, mount: "", scriptName: "", app: "unix", buffers: false },
  {
    name: "flup's recipe, mounted",
    port: 8184,
    mount: "/yourapplication",
    scriptName: "/yourapplication",
    app: "unix",
    buffers: true,
  },
  {
    name: "flup's recipe, root",
    port: 8184,
    mount: "",
    scriptName: "",
    app: "unix",
    buffers: true,
  },
];

const MEGABYTE = 1024 * 1024;
/** How much more memory a process may have for 50 MB that pass through it. */
const MEMORY_LIMIT = 24 * MEGABYTE;

let nginx: Nginx;
let apps: Record<Way["app"], Program>;
/** Ids for the application's board, one per test. */
let lastId = 0;
const newId = () => `id${++lastId}`;

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

describe("nginx", { skip: skipNginx, timeout: 30_000 }, () => {
  beforeAll(async () => {
    nginx = await startNginx();
    apps = { unix: await startUnixApp(nginx.directory), tcp: await startTcpApp() };
  });
  afterAll(async () => {
    await apps?.unix[Symbol.asyncDispose]();
    await apps?.tcp[Symbol.asyncDispose]();
    await nginx?.[Symbol.asyncDispose]();
  });

  for (const way of WAYS) describe(way.name, () => testWay(way));

  it("passes a head of 3.9 kB, and says what happened to one that is too large", async () => {
    const fits = await http(8180, { target: "/headers?bytes=3900" });
    assertEquals([fits.status, fits.all("x-large")[0]!.length], [200, 3900]);
    const large = await http(8180, { target: "/headers?bytes=5000" });
    assertEquals(large.status, 502);
    await apps.unix.waitForLine(
      "stderr",
      /larger than stock nginx takes: 5\d{3} bytes, limit 4087/,
    );
    await logged("upstream sent too big header");
  });

  it("gets each request a new connection without keepalive, and all the same one with it", {
    skip: skipNginx || skipSockets,
  }, async () => {
    for (const [port, different] of [[8180, 5], [8182, 1]] as const) {
      const seen = new Set<string>();
      for (let i = 0; i < 5; i++) {
        const id = newId();
        const answer = http(port, { target: `/hold/${id}` });
        await http(port, { target: `/wait/${id}/started` });
        // The other connections of the moment are idle ones that nginx keeps, the same each time.
        seen.add((await socketsOf(apps.unix.pid)).join(" "));
        await http(port, { target: `/mark/${id}/go` });
        assertEquals((await answer).text, `${id}\n`);
      }
      assertEquals(seen.size, different);
    }
  });

  describe("memory", { skip: skipNginx || skipMemory, timeout: 60_000 }, () => {
    const port = 8183;
    const expected = hashOf(LARGE);
    let level: number;

    beforeAll(async () => {
      level = await warmUp(apps.unix.pid, async () => {
        const request = { method: "POST", body: parts(LARGE), length: LARGE };
        assertEquals((await http(port, { target: "/hash", ...request })).text, expected);
        await using connection = await HttpConnection.open(port);
        await connection.send({ target: `/download?bytes=${LARGE}` });
        await connection.head();
        assertEquals(await slowly(connection, port), expected);
      });
    });

    it("grows by less than 24 MB with a download to a client that reads slowly", async () => {
      const growth = await peakGrowth(apps.unix.pid, level, MEMORY_LIMIT, async () => {
        const id = newId();
        await using connection = await HttpConnection.open(port);
        await connection.send({ target: `/download/${id}?bytes=${LARGE}` });
        assertEquals((await connection.head()).status, 200);
        const made = await heldBack(async () => {
          return Number((await http(port, { target: `/progress/${id}` })).text);
        });
        assertLess(made, LARGE / 2);
        assertEquals(await slowly(connection, port), expected);
      });
      assertLess(growth, MEMORY_LIMIT);
    });

    it("grows by less than 24 MB with an upload that the application reads late", async () => {
      const growth = await peakGrowth(apps.unix.pid, level, MEMORY_LIMIT, async () => {
        const id = newId();
        await using connection = await HttpConnection.open(port);
        const answer = connection.fetch({
          method: "POST",
          target: `/hash/${id}?hold`,
          body: parts(LARGE),
          length: LARGE,
        });
        await http(port, { target: `/wait/${id}/started` });
        const written = await heldBack(async () => {
          await http(port, { target: "/status/200" });
          return connection.written;
        });
        assertLess(written, LARGE / 2);
        await http(port, { target: `/mark/${id}/go` });
        assertEquals((await answer).text, expected);
      });
      assertLess(growth, MEMORY_LIMIT);
    });
  });
});

describe("nginx, hello.fcgi.ts", { skip: skipNginx, timeout: 30_000 }, () => {
  const file = fileURLToPath(new URL("../../examples/hello.fcgi.ts", import.meta.url));
  /** Puts the runtime that runs the test first for `env`. */
  const env = { PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) };

  for (
    const [how, start, skip] of [
      ["run by the runtime", () => spawnScript(file), false],
      ["run as a program", () => spawnProgram(file, [], { env }), notDeno()],
    ] as const
  ) {
    it(`says hello on the default address, ${how}`, { skip: skipNginx || skip }, async () => {
      await using _nginx = await startNginx();
      await using program = await startOnPort9000(start);
      for (const path of ["/", "/yourapplication/w%C3%B6rld"]) {
        const answer = await http(8181, { target: path });
        assertEquals([answer.status, answer.text], [200, `Hello from ${path}\n`]);
        assertMatch(answer.all("content-type")[0]!, /^text\/plain; ?charset=utf-8$/i);
        assertEquals(answer.all("content-length"), [String(answer.body.length)]);
      }
      assertEquals(program.stdout.text, "");
    });
  }

  function notDeno(): string | false {
    return runtime !== "deno" && "Its first line names Deno";
  }
});

function testWay(way: Way): void {
  const { port, mount } = way;
  const ask = (target: string, request: HttpRequest = {}): Promise<HttpResponse> =>
    http(port, { ...request, target: mount + target });
  const echo = async (target: string, request: HttpRequest = {}): Promise<Echo> => {
    const answer = await ask(target, request);
    assertEquals(answer.status, 200, answer.text);
    return JSON.parse(answer.text);
  };

  it("GET: method, URL and query as the client sent them, no body", async () => {
    const got = await echo("/echo/a?x=1&y=%20&x=2+3");
    assertEquals(got.method, "GET");
    assertEquals(got.url, `http://example.org${mount}/echo/a?x=1&y=%20&x=2+3`);
    assertEquals(got.body, "");
    assertEquals(headers(got, "content-length"), []);
  });

  it("scriptName and pathInfo: the mount point and the rest, decoded", async () => {
    for (
      const [target, decoded] of [
        ["/echo", "/echo"],
        ["/echo/", "/echo/"],
        ["/echo/h%C3%A9llo%20w", "/echo/héllo w"],
      ]
    ) {
      const { scriptName, pathInfo } = await echo(target!);
      assertEquals(
        [scriptName, pathInfo],
        way.scriptName === mount ? [mount, decoded] : ["", mount + decoded],
      );
    }
  });

  it("paths: escapes, double slashes and raw UTF-8 reach the URL byte for byte", async () => {
    for (
      const [sent, got = sent] of [
        ["/echo//double///slash//"],
        ["/echo/a%2Fb%3Fc%23d%25e"],
        ["/echo/%E2%82%AC/%c3%a4"],
        ["/echo/\xe2\x82\xac/\xc3\xa4", "/echo/%E2%82%AC/%C3%A4"],
        ["/echo/\xe4?q=\xe4", "/echo/%E4?q=%E4"],
        ["/echo/;a=b,c:@!$&'()*+~"],
        ["/echo/x?"],
        ["/echo/x?a=%2F%3F&b=//&c=?"],
      ] as [string, string?][]
    ) {
      assertEquals((await echo(sent)).url, `http://example.org${mount}${got}`);
    }
  });

  if (mount === "") {
    it("paths: a target that starts with two slashes is a path, not a host", async () => {
      assertEquals((await echo("//echo//x")).url, "http://example.org//echo//x");
    });
  }

  it("remoteAddr: the client's own address and port", async () => {
    await using connection = await HttpConnection.open(port);
    const answer = await connection.fetch({ target: `${mount}/echo` });
    assertEquals(JSON.parse(answer.text).remoteAddr, {
      transport: "tcp",
      hostname: "127.0.0.1",
      port: connection.localPort,
    });
  });

  it("HEAD: head of the GET, no body", async () => {
    await using connection = await HttpConnection.open(port);
    const get = await connection.fetch({ target: `${mount}/status/200` });
    const head = await connection.fetch({ method: "HEAD", target: `${mount}/status/200` });
    assertEquals([get.status, get.text], [200, "200\n"]);
    assertEquals([head.status, head.text], [200, ""]);
    assertEquals(head.all("content-length"), get.all("content-length"));
    // And the connection goes on: nothing of a body has leaked.
    assertEquals((await connection.fetch({ target: `${mount}/status/404` })).text, "404\n");
  });

  it("methods: PUT, PATCH, DELETE and OPTIONS reach the handler as they are", async () => {
    for (const method of ["PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]) {
      const body = method === "PUT" || method === "PATCH" ? bytesOf("new") : undefined;
      const got = await ask("/echo", { method, body });
      if (method === "PROPFIND" && got.status === 501) continue; // Bun's Request has a fixed list.
      const { method: seen, body: text } = JSON.parse(got.text);
      assertEquals([seen, text], [method, body ? "new" : ""]);
    }
  });

  it("POST: a form", async () => {
    const answer = await ask("/form", {
      method: "POST",
      headers: [["Content-Type", "application/x-www-form-urlencoded"]],
      body: bytesOf("name=J%C3%BCrgen&x=a+b&x=%26"),
    });
    assertEquals(JSON.parse(answer.text), [["name", "Jürgen"], ["x", "a b"], ["x", "&"]]);
  });

  it("POST: JSON", async () => {
    const value = { text: "Grüße €", list: [1, null, true] };
    const answer = await ask("/json", {
      method: "POST",
      headers: [["Content-Type", "application/json"]],
      body: new TextEncoder().encode(JSON.stringify(value)),
    });
    assertEquals(JSON.parse(answer.text), { got: value });
    assertMatch(answer.all("content-type")[0]!, /^application\/json/);
  });

  it("POST: multipart, with a file of all bytes", async () => {
    const form = new FormData();
    const file = Uint8Array.from({ length: 100_000 }, (_, index) => index);
    form.append("text", "Grüße");
    form.append("file", new Blob([file], { type: "image/png" }), "bytes.png");
    const encoded = new Request("http://x/", { method: "POST", body: form });
    const hash = new Hash();
    hash.add(file);
    const answer = await ask("/form", {
      method: "POST",
      headers: [["Content-Type", encoded.headers.get("content-type")!]],
      body: new Uint8Array(await encoded.arrayBuffer()),
    });
    assertEquals(JSON.parse(answer.text), [
      ["text", "Grüße"],
      ["file", "bytes.png", "image/png", String(hash)],
    ]);
  });

  it("POST: in chunks, without a length", async () => {
    const got = await echo("/echo", {
      method: "POST",
      body: async function* () {
        yield bytesOf("first, ");
        // The head is gone alone before the rest comes.
        await ask("/status/200");
        yield bytesOf("second");
      }(),
    });
    assertEquals(got.body, "first, second");
  });

  it("POST: nothing", async () => {
    assertEquals((await echo("/echo", { method: "POST", length: 0 })).body, "");
  });

  it("upload: 50 MB, byte for byte", async () => {
    const answer = await ask("/hash", { method: "POST", body: parts(LARGE), length: LARGE });
    assertEquals(answer.text, hashOf(LARGE));
  });

  it("download: 50 MB to a client that reads slowly, byte for byte", async () => {
    await using connection = await HttpConnection.open(port);
    await connection.send({ target: `${mount}/download?bytes=${LARGE}` });
    assertEquals((await connection.head()).status, 200);
    assertEquals(await slowly(connection, port), hashOf(LARGE));
    assert(connection.isComplete);
  });

  it("redirects: the status and the Location as the handler gave them", async () => {
    for (const status of [301, 302, 303, 307, 308]) {
      for (const to of ["/relative?x=1", "https://elsewhere.example/", "same-directory"]) {
        const answer = await ask(`/redirect/${status}?to=${encodeURIComponent(to)}`);
        assertEquals([answer.status, ...answer.all("location")], [status, to]);
      }
    }
  });

  it("statuses: with their standard phrases; 204 and 304 without a body", async () => {
    for (
      const [status, reason] of [[201, "Created"], [404, "Not Found"], [503, "Service Unavailable"]]
    ) {
      const answer = await ask(`/status/${status}`);
      assertEquals([answer.status, answer.reason, answer.text], [status, reason, `${status}\n`]);
    }
    for (const status of [204, 304]) {
      await using connection = await HttpConnection.open(port);
      assertEquals(
        (await connection.fetch({ target: `${mount}/status/${status}` })).status,
        status,
      );
      assertEquals((await connection.fetch({ target: `${mount}/status/200` })).text, "200\n");
    }
  });

  it("cookies: several both ways", async () => {
    const answer = await ask("/cookies", {
      headers: [["Cookie", "a=1; b=2"], ["Accept", "*/*"], ["Cookie", "c=3"]],
    });
    assertEquals(answer.text, "a=1; b=2; c=3");
    assertEquals(answer.all("set-cookie"), [
      "a=1; Path=/",
      "b=2, with a comma; HttpOnly",
      "c=3",
    ]);
  });

  it("headers: bytes of any encoding unchanged both ways", async () => {
    for (const value of ["Gr\xc3\xbc\xc3\x9fe \xe2\x82\xac", "Gr\xfc\xdfe", "a  b\tc", "\xff"]) {
      assertEquals(headers(await echo("/echo", { headers: [["X-In", value]] }), "x-in"), [value]);
      const answer = await ask("/header", { headers: [["X-In", value]] });
      assertEquals(answer.all("x-out"), [value]);
    }
  });

  it("headers: repeated ones joined, Authorization passed, Proxy not", async () => {
    const got = await echo("/echo", {
      headers: [
        ["X-Twice", "one"],
        ["Authorization", "Basic dXNlcjpwYXNz"],
        ["Proxy", "http://evil.example/"],
        ["X-Twice", "two"],
        ["Content-Type", "text/plain"],
      ],
    });
    assertEquals(headers(got, "x-twice"), ["one, two"]);
    assertEquals(headers(got, "authorization"), ["Basic dXNlcjpwYXNz"]);
    assertEquals(headers(got, "proxy"), []);
    assertEquals(headers(got, "content-type"), ["text/plain"]);
    assertEquals(headers(got, "host"), ["example.org"]);
  });

  it("headers: a hundred of them", async () => {
    const sent = Array.from({ length: 100 }, (_, index): [string, string] => [
      `X-Header-${index}`,
      `value ${index}`,
    ]);
    const got = await echo("/echo", { headers: sent });
    const values = got.headers.filter(([name]) => name.startsWith("x-header-"));
    assertEquals(
      new Map(values),
      new Map(sent.map(([name, value]) => [name.toLowerCase(), value])),
    );
  });

  it("streaming: the first part reaches the client before the second is made", async () => {
    // Without buffers as it is; with them, if the response asks for it.
    for (const query of way.buffers ? ["?unbuffered"] : ["", "?unbuffered"]) {
      const id = newId();
      await using connection = await HttpConnection.open(port);
      await connection.send({ target: `${mount}/stream/${id}${query}` });
      assertEquals((await connection.head()).status, 200);
      assertEquals(new TextDecoder().decode((await connection.read())!), "first\n");
      await ask(`/mark/${id}/go`);
      assertEquals(new TextDecoder().decode((await connection.read())!), "second\n");
      assertEquals(await connection.read(), null);
      assert(connection.isComplete);
    }
  });

  for (const route of ["flood", "stream"]) {
    const body = route === "flood" ? "a body that flows" : "a silent body";
    it(`client gone: signal aborts and ${body} is cancelled within a second`, async () => {
      const id = newId();
      await using connection = await HttpConnection.open(port);
      await connection.send({ target: `${mount}/${route}/${id}?unbuffered` });
      await connection.head();
      assert(await connection.read());
      const from = performance.now();
      connection.close();
      await ask(`/wait/${id}/aborted`);
      assertLess(performance.now() - from, 1000, "Until the signal aborted");
      await ask(`/wait/${id}/cancelled`);
      assertLess(performance.now() - from, 1000, "Until the body was cancelled");
    });
  }

  it("client gone: signal aborts within a second while the handler thinks", async () => {
    const id = newId();
    await using connection = await HttpConnection.open(port);
    await connection.send({ target: `${mount}/think/${id}` });
    await ask(`/wait/${id}/started`);
    const from = performance.now();
    connection.close();
    await ask(`/wait/${id}/aborted`);
    assertLess(performance.now() - from, 1000);
    assertEquals((await ask("/status/200")).status, 200);
  });

  it("errors: a handler that throws is a 500, the reason in nginx's log and not on the page", async () => {
    const id = newId();
    const answer = await ask(`/throw?message=secret%20${id}`);
    assertEquals([answer.status, answer.text], [500, "Internal Server Error\n"]);
    assert(answer.headers.every(([, value]) => !value.includes(id)));
    await logged(`FastCGI sent in stderr: "Error: secret ${id}`);
  });

  it("info.log: a line in nginx's error log", async () => {
    const id = newId();
    const line = `Grüße ${id}`;
    assertEquals((await ask(`/log?line=${encodeURIComponent(line)}`)).text, "logged\n");
    await logged(`FastCGI sent in stderr: "${line}"`);
  });

  for (
    const [what, query] of [
      ["small", "bytes=5"],
      ["large", "bytes=200000"],
      ["with a length", "bytes=5&length"],
      ["large, with a length", "bytes=200000&length"],
    ]
  ) {
    it(`a body that breaks off is seen to be broken by the client: ${what}`, async () => {
      const answer = await ask(`/break?${query}`);
      assertEquals(
        answer.isComplete,
        false,
        `Status ${answer.status}, ${answer.body.length} bytes`,
      );
      assertEquals((await ask("/status/200")).text, "200\n");
    });
  }

  it("concurrency: 50 requests in flight, each gets its own answer", async () => {
    const id = newId();
    const answers = await Promise.all(
      Array.from(
        { length: 50 },
        (_, index) => ask(`/barrier/${id}?count=50&index=${index}`),
      ),
    );
    assertEquals(answers.map(({ text }) => text), answers.map((_, index) => String(index)));
  });

  it("the application has said nothing on stdout, and nothing on stderr but errors of its own", () => {
    const { stdout, stderr } = apps[way.app];
    assertEquals(stdout.text, "");
    const lines = stderr.lines.filter((line) => /ECONNRESET|EPIPE|AbortError|closed/.test(line));
    assertEquals(lines, []);
  });
}

/** The values of a request header, as the application saw it. */
function headers(echo: Echo, name: string): string[] {
  return echo.headers.filter(([other]) => other === name).map(([, value]) => value);
}

/** Waits for nginx to write a line with `text` to its error log. */
async function logged(text: string): Promise<void> {
  await waitUntil(async () => (await nginx.errorLog()).includes(text), {
    what: `"${text}" in nginx's error log`,
  });
}

/** Reads a body, with another request and its answer after each megabyte. */
async function slowly(connection: HttpConnection, port: number): Promise<string> {
  const hash = new Hash();
  let next = MEGABYTE;
  for (let part = await connection.read(); part !== null; part = await connection.read()) {
    hash.add(part);
    if (hash.bytes < next) continue;
    next += MEGABYTE;
    assertNotEquals((await http(port, { target: "/status/200" })).status, 0);
  }
  return hash.toString();
}
