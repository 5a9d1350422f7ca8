/** HTTP in front of a gateway: what reaches the application, and what becomes of its answers. */
import { assertEquals, assertStringIncludes } from "../_assert.ts";
import { pattern } from "../_bytes.ts";
import { describe, it } from "../_harness.ts";
import { waitUntil } from "../_runtime.ts";
import { ask, echo, headerOf, rawHttp, setUp, statusOf, watched } from "./_gateway.ts";

const CLOSE = "Connection: close\r\n\r\n";

function bodyOf(response: string): string {
  return response.slice(response.indexOf("\r\n\r\n") + 4);
}

/** The JSON of a body, which may be in chunks. */
function paramsOf(response: string): Record<string, string> {
  const body = bodyOf(response);
  return JSON.parse(body.slice(body.indexOf("{"), body.lastIndexOf("}") + 1));
}

describe("serveGateway, Host", () => {
  const hosts = [
    ...["good/admin?x=", "", " ", "a b", "u@h", "a#b", "a\\b", "a?b", "%61", "[::1", "a:b"],
    ...["a\r\nHost: b", "ü", "a:999999"],
  ];
  for (const host of hosts) {
    it(`refuses ${JSON.stringify(host)}`, async () => {
      let asked = 0;
      await using room = await setUp(() => {
        asked++;
        return new Response();
      });
      const response = await ask(room.url, `GET /public/x HTTP/1.1\r\nHost: ${host}\r\n${CLOSE}`);
      assertEquals([statusOf(response), asked], [400, 0]);
    });
  }

  it("reaches the application as it was sent", async () => {
    await using room = await setUp(echo);
    for (const host of ["EXAMPLE.org", "a:8080", "[::1]:81", "a_b", "192.0.2.1"]) {
      const response = await ask(room.url, `GET /x?y HTTP/1.1\r\nHost: ${host}\r\n${CLOSE}`);
      const { HTTP_HOST, REQUEST_URI } = paramsOf(response);
      assertEquals([HTTP_HOST.toLowerCase(), REQUEST_URI], [host.toLowerCase(), "/x?y"]);
    }
  });

  it("may be missing in HTTP/1.0 alone", async () => {
    await using room = await setUp(echo);
    const old = await ask(room.url, "GET /x HTTP/1.0\r\n\r\n");
    assertEquals([statusOf(old), paramsOf(old).REQUEST_URI], [200, "/x"]);
    assertEquals(statusOf(await ask(room.url, `GET /x HTTP/1.1\r\n${CLOSE}`)), 400);
  });

  it("is that of an absolute target, whatever else is said (RFC 9112, section 3.2.2)", async () => {
    await using room = await setUp((request) => new Response(request.url));
    for (
      const [target, url] of [
        ["http://target:81/p?q", "http://target:81/p?q"],
        ["HTTP://target", "http://target/"],
        ["http://target?q", "http://target/?q"],
        // The scheme is that of the connection.
        ["https://target/p", "http://target/p"],
      ]
    ) {
      const response = await ask(room.url, `GET ${target} HTTP/1.1\r\nHost: other\r\n${CLOSE}`);
      assertStringIncludes(bodyOf(response), url);
    }
  });

  for (const target of ["http://u@h/", "http:///x", "ftp://a/x", "x", "*", "http://a b/"]) {
    it(`refuses the target ${target}`, async () => {
      await using room = await setUp(echo);
      const response = await ask(room.url, `OPTIONS ${target} HTTP/1.1\r\nHost: h\r\n${CLOSE}`);
      assertEquals(statusOf(response), 400);
    });
  }
});

describe("serveGateway, requests", () => {
  it("keep what a target means: %2F, //, a backslash", async () => {
    await using room = await setUp((_, info) => new Response(info.params.get("REQUEST_URI")));
    for (
      const [target, uri] of [["/a%2Fb//c%00", ""], ["/a%2Fb//c", "/a%2Fb//c"], ["/a\\b", "/a%5Cb"]]
    ) {
      const response = await ask(room.url, `GET ${target} HTTP/1.1\r\nHost: h\r\n${CLOSE}`);
      if (uri === "") assertEquals(statusOf(response), 400);
      else assertStringIncludes(bodyOf(response), uri);
    }
  });

  it("lose what is for the connection alone (RFC 9110, section 7.6.1)", async () => {
    await using room = await setUp(echo);
    const response = await ask(
      room.url,
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: close, X-Mine, Host,, Content-Type\r\nX-Mine: 1\r\n" +
        "X-Other: 2\r\nKeep-Alive: 1\r\nTE: trailers\r\nTrailer: x\r\nProxy-Connection: close\r\n" +
        "Proxy: http://evil\r\nUpgrade: x\r\nProxy-Authorization: x\r\n\r\n",
    );
    const names = Object.keys(paramsOf(response)).filter((name) => name.startsWith("HTTP_"));
    assertEquals(names.filter((name) => name !== "HTTP_PROXY_AUTHORIZATION").sort(), [
      "HTTP_HOST",
      "HTTP_X_OTHER",
    ]);
  });

  it("with Expect are told to continue, once", async () => {
    await using room = await setUp(async (request) => new Response(await request.text()));
    const raw = await rawHttp(room.url);
    raw.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    assertEquals(
      await raw.until((text) => text.includes("\r\n\r\n")),
      "HTTP/1.1 100 Continue\r\n\r\n",
    );
    raw.send("hello");
    const all = await raw.until((text) => text.includes("hello"));
    assertEquals(all.match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 100", "HTTP/1.1 200"]);
    raw.leave();
  });

  it("may have trailers", async () => {
    await using room = await setUp(async (request) => new Response(`<${await request.text()}>`));
    const response = await ask(
      room.url,
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" +
        "3\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n",
    );
    assertStringIncludes(response, "<abc>");
  });

  it("come one after the other on a connection, whatever the answers are", async () => {
    await using room = await setUp((request) => {
      const status = Number(new URL(request.url).pathname.slice(1));
      return new Response([204, 205, 304].includes(status) ? null : String(status), { status });
    });
    const raw = await rawHttp(room.url);
    let count = 0;
    for (const status of [200, 204, 205, 304, 404, 206, 200]) {
      raw.send(`GET /${status} HTTP/1.1\r\nHost: h\r\n\r\n`);
      count++;
      await raw.until((text) =>
        text.split("HTTP/1.1 ").length > count && text.includes("\r\n\r\n")
      );
    }
    raw.send(`GET /500 HTTP/1.1\r\nHost: h\r\n${CLOSE}`);
    while (!raw.isClosed) await new Promise((resolve) => setTimeout(resolve, 2));
    assertEquals(raw.text.match(/(?<=HTTP\/1\.1 )\d+/g)?.map(Number), [
      ...[200, 204, 205, 304, 404, 206, 200, 500],
    ]);
  });
});

describe("serveGateway, answers", () => {
  const answer = (headers: Record<string, string>, status = 200) => () => {
    const body = [204, 205, 304].includes(status) ? null : "hello";
    return new Response(body, { status, headers });
  };
  const get = `GET / HTTP/1.1\r\nHost: h\r\n${CLOSE}`;
  const head = `HEAD / HTTP/1.1\r\nHost: h\r\n${CLOSE}`;

  it("to HEAD have no length, if the application says none (RFC 9110, section 8.6)", async () => {
    await using room = await setUp((request) =>
      new Response(request.method === "HEAD" ? null : new ReadableStream())
    );
    const response = await ask(room.url, head);
    assertEquals([statusOf(response), headerOf(response, "content-length")], [200, undefined]);
    assertEquals(bodyOf(response), "");
  });

  it("to HEAD have the length that the application says", async () => {
    await using room = await setUp(answer({ "content-length": "5" }));
    const response = await ask(room.url, head);
    assertEquals([headerOf(response, "content-length"), bodyOf(response)], ["5", ""]);
  });

  it("keep their own ranges", async () => {
    const range = { "content-range": "bytes 0-4/100", "accept-ranges": "bytes" };
    await using room = await setUp(answer(range, 206));
    const response = await ask(room.url, get.replace("Host", "Range: bytes=0-4\r\nHost"));
    assertEquals([statusOf(response), headerOf(response, "content-range")], [206, "bytes 0-4/100"]);
    assertStringIncludes(response, "hello");
  });
});

describe("serveGateway, what the application says of its connection", () => {
  /** An application that says what ours would never let it say. */
  const broken = async (headers: string, use: (url: string) => Promise<void>) => {
    const { createServer } = await import("node:net");
    const text = `${headers}\r\n\r\n`;
    const length = text.length;
    const reply = [1, 6, 0, 1, length >> 8, length & 255, 0, 0, ...new TextEncoder().encode(text)]
      .concat([1, 6, 0, 1, 0, 0, 0, 0, 1, 3, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.end(new Uint8Array(reply)));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    await using room = await setUp(echo, { to: server.address() as { port: number } });
    await use(room.url);
    await new Promise((resolve) => server.close(resolve));
  };

  it("is not passed on", async () => {
    const headers =
      "Connection: X-Mine, keep-alive\r\nX-Mine: 1\r\nX-Other: 2\r\nTE: x\r\nTrailer: y\r\n" +
      "Proxy-Connection: z\r\nKeep-Alive: timeout=1000\r\nTransfer-Encoding: chunked\r\nUpgrade: h2c";
    await broken(headers, async (url) => {
      const response = await ask(url, `GET / HTTP/1.1\r\nHost: h\r\n${CLOSE}`);
      assertEquals(statusOf(response), 200);
      const names = ["x-mine", "te", "trailer", "proxy-connection", "upgrade", "keep-alive"];
      assertEquals(names.filter((name) => headerOf(response, name) !== undefined), []);
      assertEquals([headerOf(response, "x-other"), headerOf(response, "connection")], [
        "2",
        "close",
      ]);
    });
  });

  for (const [status, length] of [[204, undefined], [205, "0"]] as const) {
    it(`and a length with a ${status} is not waited for`, async () => {
      await broken(`Status: ${status}\r\nContent-Length: 100`, async (url) => {
        const raw = await rawHttp(url);
        raw.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        const first = await raw.until((text) => text.includes("\r\n\r\n"));
        assertEquals([statusOf(first), headerOf(first, "content-length")], [status, length]);
        raw.send(`GET / HTTP/1.1\r\nHost: h\r\n${CLOSE}`);
        await raw.until((text) => text.split("HTTP/1.1 ").length === 3);
        raw.leave();
      });
    });
  }

  it("but the length of a 304 is that of the file", async () => {
    await broken("Status: 304\r\nContent-Length: 100\r\nETag: x", async (url) => {
      const response = await ask(url, `GET / HTTP/1.1\r\nHost: h\r\n${CLOSE}`);
      assertEquals([statusOf(response), headerOf(response, "content-length")], [304, "100"]);
    });
  });

  for (const status of [100, 101, 199, 600, 0]) {
    it(`as a status ${status} is a 502`, async () => {
      await broken(`Status: ${status}`, async (url) => {
        assertEquals(statusOf(await ask(url, `GET / HTTP/1.1\r\nHost: h\r\n${CLOSE}`)), 502);
      });
    });
  }
});

describe("serveGateway, clients that leave", () => {
  it("abort a request that has no answer yet", async () => {
    const begun = Promise.withResolvers<void>();
    const aborted = Promise.withResolvers<void>();
    await using room = await setUp(async (request) => {
      request.signal.addEventListener("abort", () => aborted.resolve());
      begun.resolve();
      await aborted.promise;
      return new Response("late");
    });
    const raw = await rawHttp(room.url);
    raw.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    await begun.promise;
    raw.leave();
    await aborted.promise;
    assertEquals(room.errors, []);
  });

  it("abort an answer that streams", async () => {
    const aborted = Promise.withResolvers<void>();
    await using room = await setUp((request) => {
      request.signal.addEventListener("abort", () => aborted.resolve());
      return new Response(
        new ReadableStream({ start: (controller) => controller.enqueue(pattern(1000)) }),
      );
    });
    const raw = await rawHttp(room.url);
    raw.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    await raw.until((text) => text.length > 1000);
    raw.leave();
    await aborted.promise;
  });

  it("abort an upload, and nobody is told of a failure", async () => {
    const asked: string[] = [];
    const uploads = watched();
    await using room = await setUp((request) => {
      asked.push(request.method);
      return new Response();
    }, { params: uploads.params });
    const raw = await rawHttp(room.url);
    raw.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhello");
    await uploads.begun;
    raw.leave();
    await uploads.aborted;
    assertEquals(await (await fetch(room.url)).text(), "");
    assertEquals([room.errors, asked], [[], ["GET"]]);
  });

  it("leave nothing behind: the next ones are answered", async () => {
    let asked = 0;
    await using room = await setUp(async (request) => {
      if (new URL(request.url).pathname === "/slow") {
        await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
      }
      return new Response("ok");
    }, { maxConnections: 2, params: () => void asked++ });
    const raws = await Promise.all(Array.from({ length: 20 }, () => rawHttp(room.url)));
    for (const raw of raws) raw.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
    await waitUntil(() => asked === raws.length);
    for (const raw of raws) raw.leave();
    assertEquals(await (await fetch(room.url)).text(), "ok");
    assertEquals(room.errors, []);
  });
});
