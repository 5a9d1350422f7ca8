/** What an application gets from a gateway, and what comes of its failures. */
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { type ServeGatewayOptions } from "../../src/client/mod.ts";
import { assert, assertEquals, assertMatch } from "../_assert.ts";
import { utf8AsLatin1 } from "../_bytes.ts";
import { describe, it } from "../_harness.ts";
import { freePort, tempDir } from "../_runtime.ts";
import { echo, type Room, setUp } from "./_gateway.ts";

type Options = Partial<ServeGatewayOptions>;

/** A website of PHP, as far as an echo can be one, below a directory with another letter. */
async function setUpPhp(options: Options = {}): Promise<Room & { root: string }> {
  const temp = await tempDir();
  const root = join(temp.path, "wöb");
  await mkdir(join(root, "app"), { recursive: true });
  for (const name of ["index.php", "x.php", "app/index.php", "ü.php"]) {
    await writeFile(join(root, name), "<?php");
  }
  const room = await setUp(echo, { root, ...options });
  return {
    ...room,
    root: utf8AsLatin1(root),
    async [Symbol.asyncDispose]() {
      await room[Symbol.asyncDispose]();
      await temp[Symbol.asyncDispose]();
    },
  };
}

async function paramsOf(url: string, init: RequestInit = {}): Promise<Record<string, string>> {
  const response = await fetch(url, init);
  assertEquals(response.status, 200);
  return await response.json();
}

const PATH = [
  ...["SCRIPT_NAME", "SCRIPT_FILENAME", "PATH_INFO", "PATH_TRANSLATED", "DOCUMENT_ROOT"],
  ...["DOCUMENT_URI", "REQUEST_URI", "QUERY_STRING"],
];

function pick(params: Record<string, string>, names: string[]): (string | undefined)[] {
  return names.map((name) => params[name]);
}

describe("a gateway before PHP", () => {
  it("names the script, the path behind it, and where they are", async () => {
    await using room = await setUpPhp();
    const { root } = room;
    assertEquals(pick(await paramsOf(`${room.url}/x.php/y%20z?a=b`), PATH), [
      ...["/x.php", `${root}/x.php`, "/y z", `${root}/y z`, root],
      ...["/x.php", "/x.php/y%20z?a=b", "a=b"],
    ]);
    assertEquals(pick(await paramsOf(`${room.url}/x.php`), PATH), [
      ...["/x.php", `${root}/x.php`, "", undefined, root],
      ...["/x.php", "/x.php", ""],
    ]);
  });

  it("takes the index of a directory", async () => {
    await using room = await setUpPhp();
    const { root } = room;
    const params = await paramsOf(`${room.url}/app?x`);
    assertEquals(pick(params, PATH), [
      ...["/app/index.php", `${root}/app/index.php`, "", undefined, root],
      ...["/app/index.php", "/app/?x", "x"],
    ]);
  });

  it("has a front controller, which sees the URL of the client", async () => {
    await using room = await setUpPhp({ try: ["$uri", "$uri/", "/index.php"] });
    const { root } = room;
    assertEquals(pick(await paramsOf(`${room.url}/no/such%2Fpage?x=1`), PATH), [
      ...["/index.php", `${root}/index.php`, "", undefined, root],
      ...["/index.php", "/no/such%2Fpage?x=1", "x=1"],
    ]);
  });

  it("gives a front controller another query, if that is asked for", async () => {
    await using room = await setUpPhp({ try: ["/index.php?q=$uri&$args"] });
    const params = await paramsOf(`${room.url}/a%20b?x=1`);
    assertEquals(pick(params, ["QUERY_STRING", "REQUEST_URI"]), ["q=/a%20b&x=1", "/a%20b?x=1"]);
  });

  it("sends bytes as bytes", async () => {
    await using room = await setUpPhp();
    const params = await paramsOf(`${room.url}/%C3%BC.php/%FF`);
    assertEquals(pick(params, ["SCRIPT_NAME", "PATH_INFO"]), ["/\xc3\xbc.php", "/\xff"]);
  });

  it("takes POST, HEAD and any method", async () => {
    await using room = await setUpPhp();
    for (const method of ["POST", "DELETE", "PROPFIND"]) {
      const { REQUEST_METHOD } = await paramsOf(`${room.url}/x.php`, { method });
      assertEquals(REQUEST_METHOD, method);
    }
  });
});

describe("a gateway with scriptName", () => {
  it("cuts the path", async () => {
    const names = ["SCRIPT_NAME", "PATH_INFO", "SCRIPT_FILENAME", "DOCUMENT_ROOT"];
    for (
      const [scriptName, path, name, info] of [["", "/a%20b", "", "/a b"], [
        "/app",
        "/app/x",
        "/app",
        "/x",
      ]]
    ) {
      await using room = await setUp(echo, { scriptName });
      const params = await paramsOf(room.url + path);
      assertEquals(pick(params, names), [name, info, undefined, ""]);
    }
  });

  it("answers 404 outside of it", async () => {
    await using room = await setUp(echo, { scriptName: "/app" });
    const response = await fetch(`${room.url}/apple`);
    assertEquals([response.status, await response.text()], [404, "404 Not Found\n"]);
  });

  it("leaves a URL to our own applications as it is", async () => {
    await using room = await setUp(
      (request, { scriptName, pathInfo }) => Response.json([request.url, scriptName, pathInfo]),
      { scriptName: "/ä" },
    );
    const told = await (await fetch(`${room.url}/%C3%A4/b//c?d`)).json();
    assertEquals(told, [`${room.url}/%C3%A4/b//c?d`, "/ä", "/b//c"]);
  });
});

describe("a gateway's params", () => {
  it("replace all others, and remove them", async () => {
    await using room = await setUpPhp({
      params: { SERVER_NAME: "mine", DOCUMENT_ROOT: "/srv", HTTP_ACCEPT: undefined, X: "1" },
    });
    const params = await paramsOf(`${room.url}/x.php`);
    const names = ["SERVER_NAME", "DOCUMENT_ROOT", "HTTP_ACCEPT", "X"];
    assertEquals(pick(params, names), ["mine", "/srv", undefined, "1"]);
  });

  it("may be bytes, and a function of the request and its client", async () => {
    const params: Options["params"] = (request, { hostname, port }) =>
      Promise.resolve({
        REMOTE_USER: new TextEncoder().encode("Jürgen"),
        SEEN: `${request.method} ${new URL(request.url).pathname} ${hostname} ${port > 0}`,
      });
    await using room = await setUp(echo, { params });
    const told = await paramsOf(`${room.url}/x`);
    assertEquals(pick(told, ["REMOTE_USER", "SEEN"]), [
      utf8AsLatin1("Jürgen"),
      "GET /x 127.0.0.1 true",
    ]);
  });

  for (
    const [name, params] of [["throws", () => {
      throw new Error("mine");
    }], ["rejects", () => Promise.reject(new Error("mine"))]] as const
  ) {
    it(`that is a function which ${name} is a 500, and told`, async () => {
      await using room = await setUp(echo, { params });
      const response = await fetch(room.url);
      assertEquals([response.status, await response.text()], [500, "500 Internal Server Error\n"]);
      assertEquals(room.errors.map(String), ["Error: mine"]);
    });
  }

  it("which cannot be sent are a 500, and told", async () => {
    await using room = await setUp(echo, { params: { X: "日" } });
    const response = await fetch(room.url);
    await response.text();
    assertEquals(response.status, 500);
    assertMatch(String(room.errors[0]), /^RangeError/);
  });
});

describe("a gateway behind a proxy", () => {
  const headers = {
    "x-forwarded-for": "198.51.100.1, 192.0.2.1",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "example.org",
    "proxy": "http://evil.example",
  };
  const names = [
    ...["REMOTE_ADDR", "REMOTE_PORT", "HTTPS", "REQUEST_SCHEME", "HTTP_HOST", "SERVER_NAME"],
    ...["SERVER_PORT", "HTTP_X_FORWARDED_FOR", "HTTP_PROXY"],
  ];

  it("believes it, if it is told to", async () => {
    await using room = await setUp(echo, { trustedProxies: ["127.0.0.0/8"] });
    assertEquals(pick(await paramsOf(room.url, { headers }), names), [
      ...["192.0.2.1", "", "on", "https", "example.org", "example.org", "443"],
      ...[headers["x-forwarded-for"], undefined],
    ]);
  });

  it("passes on what others say, and believes nothing", async () => {
    await using room = await setUp(echo, { trustedProxies: ["10.0.0.0/8"] });
    const params = await paramsOf(room.url, { headers });
    const { host, port } = new URL(room.url);
    assertMatch(params.REMOTE_PORT, /^\d+$/);
    assertEquals(pick({ ...params, REMOTE_PORT: "" }, names), [
      ...["127.0.0.1", "", undefined, "http", host, "127.0.0.1", port],
      ...[headers["x-forwarded-for"], undefined],
    ]);
  });

  it("gives our own applications the URL of the client", async () => {
    await using room = await setUp(
      (request, { remoteAddr }) => Response.json([request.url, remoteAddr.hostname]),
      { trustedProxies: ["127.0.0.1"] },
    );
    const told = await (await fetch(`${room.url}/x?y`, { headers })).json();
    assertEquals(told, ["https://example.org/x?y", "192.0.2.1"]);
  });
});

describe("a gateway's failures", () => {
  /** A server that takes connections, and nothing else. */
  async function silent() {
    const sockets = new Set<{ destroy(): void }>();
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.resume();
      sockets.add(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return {
      to: server.address() as { port: number },
      async [Symbol.asyncDispose]() {
        for (const socket of sockets) socket.destroy();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  }

  const code = ({ errors }: Room) => errors.map((error) => (error as { code?: string }).code);

  it("are a 504 if the application takes too long, which is told", async () => {
    await using application = await silent();
    await using room = await setUp(echo, { to: application.to, responseTimeout: 50 });
    const response = await fetch(room.url);
    assertEquals([response.status, code(room)], [504, ["timed_out"]]);
    assert((await response.text()).startsWith("504 Gateway Timeout\n\n"));
  });

  it("are a 502 if it cannot be reached, which is told", async () => {
    await using room = await setUp(echo, { to: { port: await freePort() } });
    const response = await fetch(room.url);
    assertEquals([response.status, code(room)], [502, ["ECONNREFUSED"]]);
    assert((await response.text()).startsWith("502 Bad Gateway\n\n"));
  });

  it("are a 503 if too many wait for it, which is not told", async () => {
    await using application = await silent();
    const limits = { maxConnections: 1, maxQueue: 0, responseTimeout: 500 };
    await using room = await setUp(echo, { to: application.to, ...limits });
    const responses = await Promise.all([fetch(room.url), fetch(room.url)]);
    assertEquals(responses.map(({ status }) => status).sort(), [503, 504]);
    assertEquals(code(room), ["timed_out"]);
    await Promise.all(responses.map((response) => response.text()));
  });

  it("are a 413 if a body is too large, which is not told", async () => {
    await using room = await setUp(echo, { maxBodyBytes: 1000 });
    for (const body of ["x".repeat(2000), new Blob(["x".repeat(2000)]).stream()]) {
      const response = await fetch(
        room.url,
        { method: "POST", body, duplex: "half" } as RequestInit,
      );
      assertEquals([response.status, await response.text()], [413, "413 Content Too Large\n"]);
    }
    assertEquals(room.errors, []);
    assertEquals((await paramsOf(room.url)).REQUEST_METHOD, "GET");
  });
});
