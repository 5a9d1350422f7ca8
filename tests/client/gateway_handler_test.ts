/** A gateway as a fetch handler: without a server, and on those of the runtimes. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { serve, type ServeHandler } from "../../mod.ts";
import { gateway, type GatewayHandler, type GatewayOptions } from "../../src/client/mod.ts";
import { assert, assertEquals, assertThrows } from "../_assert.ts";
import { assertBytes, pattern } from "../_bytes.ts";
import { describe, it } from "../_harness.ts";
import { runtime, tempDir } from "../_runtime.ts";
import { ask, echo, headerOf, rawHttp, statusOf, watched } from "./_gateway.ts";

/** A gateway's handler before an application of ours. */
async function setUp(
  handler: ServeHandler = echo,
  options: Partial<GatewayOptions> = {},
) {
  const application = serve({ port: 0, onListen() {}, onError() {} }, handler);
  const handle = gateway({ to: await application.ready as { port: number }, ...options });
  return {
    handle,
    async [Symbol.asyncDispose]() {
      handle.close();
      await application.shutdown();
    },
  };
}

/** The handler on the runtime's own server. */
function onServer(handle: GatewayHandler): { url: string } & AsyncDisposable {
  const { Bun } = globalThis as unknown as {
    Bun: {
      serve(options: { port: number; hostname: string; fetch: GatewayHandler }): {
        port: number;
        stop(now: boolean): Promise<void>;
      };
    };
  };
  if (runtime === "bun") {
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: handle });
    return {
      url: `http://127.0.0.1:${server.port}`,
      [Symbol.asyncDispose]: () => server.stop(true),
    };
  }
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, handle);
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

describe("gateway", () => {
  it("is a function of a Request", async () => {
    await using room = await setUp();
    const response = await room.handle(new Request("https://example.org:444/a%2Fb?c"));
    const { HTTP_HOST, HTTPS, REQUEST_URI, SERVER_NAME, SERVER_PORT, REMOTE_ADDR } = await response
      .json();
    assertEquals([HTTP_HOST, HTTPS, REQUEST_URI, SERVER_NAME, SERVER_PORT, REMOTE_ADDR], [
      ...["example.org:444", "on", "/a%2Fb?c", "example.org", "444"],
      // Nobody is not 127.0.0.1, which may be allowed more than others.
      "",
    ]);
  });

  it("takes the client from what it is called with", async () => {
    await using room = await setUp();
    const info = { remoteAddr: { transport: "tcp", hostname: "192.0.2.1", port: 5 } };
    const response = await room.handle(new Request("http://localhost/"), info);
    const { REMOTE_ADDR, REMOTE_PORT } = await response.json();
    assertEquals([REMOTE_ADDR, REMOTE_PORT], ["192.0.2.1", "5"]);
  });

  it("is a handler of this module's own, too", async () => {
    await using room = await setUp((_, info) => Response.json(info.remoteAddr));
    await using outer = await setUp(room.handle);
    const info = { remoteAddr: { hostname: "192.0.2.1", port: 5 } };
    const response = await outer.handle(new Request("http://localhost/x"), info);
    assertEquals(await response.json(), { transport: "tcp", hostname: "192.0.2.1", port: 5 });
  });

  it("refuses a URL that is none for a web server", async () => {
    await using room = await setUp();
    const requests = [
      new Request("ftp://localhost/"),
      new Request("data:,x"),
      new Request("http://localhost/%00"),
      new Request("http://localhost/", { headers: { host: "a/b" } }),
    ];
    const statuses = [];
    for (const request of requests) statuses.push((await room.handle(request)).status);
    assertEquals(statuses, [400, 400, 400, 400]);
  });

  it("takes the host of the URL, whatever Host says", async () => {
    await using room = await setUp();
    const request = new Request("http://target/", { headers: { host: "other" } });
    const { HTTP_HOST, SERVER_NAME } = await (await room.handle(request)).json();
    assertEquals([HTTP_HOST, SERVER_NAME], ["target", "target"]);
  });

  it("is checked when it is made", () => {
    assertThrows(() => gateway({ to: { port: 1 }, trustedProxies: ["x"] }), TypeError);
    assertThrows(() => gateway({ to: { port: 1 }, root: ".", try: ["x"] }), TypeError);
  });

  it("passes on an abort, of which nobody is told", async () => {
    const aborted = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const errors: unknown[] = [];
    await using room = await setUp(async (request) => {
      request.signal.addEventListener("abort", () => aborted.resolve());
      begun.resolve();
      await aborted.promise;
      return new Response();
    }, { onError: (error) => errors.push(error) });
    const abort = new AbortController();
    const answered = room.handle(new Request("http://localhost/", { signal: abort.signal }));
    await begun.promise;
    abort.abort();
    await aborted.promise;
    await answered;
    assertEquals(errors, []);
  });

  it("answers 502 when it is closed", async () => {
    const errors: unknown[] = [];
    await using room = await setUp(echo, { onError: (error) => errors.push(error) });
    await (await room.handle(new Request("http://localhost/"))).text();
    await room.handle[Symbol.asyncDispose]();
    assertEquals((await room.handle(new Request("http://localhost/"))).status, 502);
    assertEquals(errors.length, 1);
  });
});

const noServer = runtime === "node" && "Node has no server of its own for fetch handlers";

describe("gateway on the runtime's own server", { skip: noServer, sanitize: false }, () => {
  it("knows the client, and what it has asked for", async () => {
    await using room = await setUp();
    await using server = onServer(room.handle);
    const { REMOTE_ADDR, REMOTE_PORT, HTTP_HOST, REQUEST_URI } =
      await (await fetch(`${server.url}/a%2Fb//c?d`)).json();
    assertEquals([REMOTE_ADDR, HTTP_HOST, REQUEST_URI], [
      "127.0.0.1",
      new URL(server.url).host,
      "/a%2Fb//c?d",
    ]);
    assert(Number(REMOTE_PORT) > 0);
  });

  it("refuses a Host that is none", async () => {
    await using room = await setUp();
    await using server = onServer(room.handle);
    for (const host of ["good/admin?x=", "", "u@h", "a#b"]) {
      const text = `GET /public/x HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
      assertEquals(statusOf(await ask(server.url, text)), 400, host);
    }
  });

  it("needs no Host in HTTP/1.0", async () => {
    await using room = await setUp((request) => new Response(new URL(request.url).pathname));
    await using server = onServer(room.handle);
    const response = await ask(server.url, "GET /x HTTP/1.0\r\n\r\n");
    assertEquals([statusOf(response), response.includes("/x")], [200, true]);
  });

  it("answers HEAD without a length, if the application says none", async () => {
    await using room = await setUp(() => new Response(new ReadableStream()));
    await using server = onServer(room.handle);
    const raw = await rawHttp(server.url);
    raw.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    const response = await raw.until((text) => text.includes("\r\n\r\n"));
    assertEquals([statusOf(response), headerOf(response, "content-length")], [200, undefined]);
    raw.leave();
  });

  it("aborts when a client leaves, and only then", async () => {
    const aborted = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    let aborts = 0;
    await using room = await setUp(async (request) => {
      request.signal.addEventListener("abort", () => aborts++);
      if (new URL(request.url).pathname !== "/slow") return new Response(pattern(100));
      request.signal.addEventListener("abort", () => aborted.resolve());
      begun.resolve();
      await aborted.promise;
      return new Response();
    }, { keepConnection: true });
    await using server = onServer(room.handle);
    for (const method of ["GET", "HEAD", "POST"]) {
      await (await fetch(server.url, { method })).arrayBuffer();
    }
    // An abort of one of them would have come on the one connection before this.
    await (await fetch(server.url)).arrayBuffer();
    assertEquals(aborts, 0);
    const raw = await rawHttp(server.url);
    raw.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
    await begun.promise;
    raw.leave();
    await aborted.promise;
  });

  it("tells nobody of an upload whose client leaves", async () => {
    const errors: unknown[] = [];
    const uploads = watched();
    await using room = await setUp(echo, {
      onError: (error) => errors.push(error),
      params: uploads.params,
    });
    await using server = onServer(room.handle);
    const raw = await rawHttp(server.url);
    raw.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhello");
    await uploads.begun;
    raw.leave();
    await uploads.aborted;
    assertEquals((await (await fetch(server.url)).json()).REQUEST_METHOD, "GET");
    assertEquals(errors, []);
  });

  it("carries megabytes both ways, and files", async () => {
    await using temp = await tempDir();
    await mkdir(join(temp.path, "www"));
    const content = pattern(2_000_000);
    await writeFile(join(temp.path, "www", "big.bin"), content);
    const options = { root: join(temp.path, "www"), scriptName: "" };
    await using room = await setUp((request) => new Response(request.body), options);
    await using server = onServer(room.handle);
    const echoed = await fetch(server.url, { method: "POST", body: content });
    assertBytes(new Uint8Array(await echoed.arrayBuffer()), content);
    const file = await fetch(`${server.url}/big.bin`);
    assertBytes(new Uint8Array(await file.arrayBuffer()), content);
    const headers = { range: "bytes=5-1500000" };
    const part = await fetch(`${server.url}/big.bin`, { headers });
    assertEquals([part.status, part.headers.get("content-range")], [
      206,
      "bytes 5-1500000/2000000",
    ]);
    assertBytes(new Uint8Array(await part.arrayBuffer()), content.slice(5, 1_500_001));
  });
});
