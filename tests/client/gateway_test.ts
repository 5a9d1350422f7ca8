/**
 * The gateway and the client over real sockets: HTTP in front, an application of ours or a broken
 * one behind.
 */
import { createServer } from "node:net";
import { serve, type ServeHandler } from "../../mod.ts";
import { connect, FastCgiClient, type GatewayOptions, serveGateway } from "../../src/client/mod.ts";
import { assertBytes, bytes, latin1, pattern } from "../_bytes.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { captureConsoleError } from "../_console.ts";
import { freePort } from "../_runtime.ts";
import { end, stdout } from "./_application.ts";

/** An application behind a gateway. */
async function setUp(handler: ServeHandler, options = {}) {
  const application = serve({ port: 0, onListen() {}, onError() {} }, handler);
  const address = await application.ready;
  assert(address.transport === "tcp");
  const gateway = await serveGateway({ port: 0, to: address, onStderr() {}, ...options });
  return {
    url: gateway.url.slice(0, -1),
    gateway,
    application,
    address,
    async [Symbol.asyncDispose]() {
      gateway.close();
      await application.shutdown();
    },
  };
}

/** A gateway before a server that sends `reply` to everybody, and closes. */
async function setUpBroken(reply: Uint8Array, options: Partial<GatewayOptions> = {}) {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(reply));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const errors: Error[] = [];
  const onError = (error: unknown) => errors.push(error as Error);
  const gateway = await serveGateway({ port: 0, to: { port }, onError, ...options });
  return {
    url: gateway.url,
    errors,
    async [Symbol.asyncDispose]() {
      gateway.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Sends raw HTTP, and returns everything that comes back. */
async function rawHttp(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const streams = await connect({ hostname, port: Number(port) });
  const writer = streams.writable.getWriter();
  await writer.write(bytes(text));
  let received = "";
  const reader = streams.readable.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    received += latin1(value);
  }
  streams.close();
  return received;
}

describe("serveGateway", () => {
  it("tells the application what a web server would", async () => {
    await using room = await setUp((request, info) => {
      const names = ["REMOTE_ADDR", "SERVER_ADDR", "SERVER_PORT", "REQUEST_URI", "SCRIPT_NAME"];
      return Response.json({
        url: request.url,
        accept: request.headers.get("x-test"),
        remote: info.remoteAddr,
        params: names.map((name) => info.params.get(name)),
      });
    });
    const path = "/a%2Fb//c%20d?x=%C3%A4&y";
    const response = await fetch(room.url + path, { headers: { "x-test": "yes" } });
    const told = await response.json();
    assertEquals(told.url, room.url + path);
    assertEquals(told.accept, "yes");
    assert(told.remote.port > 0);
    assertEquals(told.remote.hostname, "127.0.0.1");
    const { port } = new URL(room.url);
    assertEquals(told.params, ["127.0.0.1", "127.0.0.1", port, path, "/a/b/c d"]);
  });

  it("passes on status, headers and cookies as they are", async () => {
    await using room = await setUp(() => {
      const headers = new Headers([["set-cookie", "a=1"], ["set-cookie", "b=2"]]);
      headers.set("x-latin", "\xe4");
      return new Response("gone", { status: 410, headers });
    });
    const response = await fetch(room.url);
    assertEquals(response.status, 410);
    assertEquals(response.headers.getSetCookie(), ["a=1", "b=2"]);
    assertEquals(await response.text(), "gone");
    const raw = await rawHttp(room.url, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert(/^x-latin: \xe4\r$/im.test(raw), raw);
  });

  it("passes on a redirect", async () => {
    await using room = await setUp(() => Response.redirect("http://localhost/there", 303));
    const response = await fetch(room.url, { redirect: "manual" });
    assertEquals([response.status, response.headers.get("location")], [
      303,
      "http://localhost/there",
    ]);
    await response.body?.cancel();
  });

  it("answers HEAD with the length and no body", async () => {
    await using room = await setUp(() => new Response("12345"));
    const response = await fetch(room.url, { method: "HEAD" });
    assertEquals(response.headers.get("content-length"), "5");
    assertEquals(await response.text(), "");
  });

  it("carries megabytes both ways", async () => {
    await using room = await setUp((request) => new Response(request.body));
    const content = pattern(3_000_000);
    const response = await fetch(room.url, { method: "POST", body: content });
    assertBytes(new Uint8Array(await response.arrayBuffer()), content);
  });

  it("carries a body without a length", async () => {
    await using room = await setUp(async (request) => {
      return Response.json([request.headers.get("content-length"), await request.text()]);
    });
    const raw = await rawHttp(
      room.url,
      "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n" +
        "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    );
    assert(raw.includes('["5","abcde"]'), raw);
  });

  it("streams: a part arrives before the next one is sent", async () => {
    const parts: ((part: string) => void)[] = [];
    await using room = await setUp(() =>
      new Response(
        new ReadableStream({
          pull: (controller) =>
            new Promise<void>((resolve) =>
              parts.push((part) => {
                if (part === "") controller.close();
                else controller.enqueue(bytes(part));
                resolve();
              })
            ),
        }),
      )
    );
    const fetched = fetch(room.url);
    const next = async (part: string) => {
      while (parts.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      parts.shift()!(part);
    };
    await next("one");
    const reader = (await fetched).body!.getReader();
    assertEquals(latin1((await reader.read()).value!), "one");
    await next("two");
    assertEquals(latin1((await reader.read()).value!), "two");
    await next("");
    assertEquals((await reader.read()).done, true);
  });

  it("lets the application know that the client has gone", async () => {
    const { promise: aborted, resolve } = Promise.withResolvers<void>();
    await using room = await setUp((request) => {
      request.signal.addEventListener("abort", () => resolve());
      return new Response(
        new ReadableStream({ start: (controller) => controller.enqueue(bytes("first")) }),
      );
    });
    const abort = new AbortController();
    const response = await fetch(room.url, { signal: abort.signal });
    await response.body!.getReader().read();
    abort.abort();
    await aborted;
  });

  it("answers 502 when nothing listens there", async () => {
    const errors: Error[] = [];
    const onError = (error: unknown) => errors.push(error as Error);
    const gateway = await serveGateway({ port: 0, to: { port: await freePort() }, onError });
    const response = await fetch(gateway.url);
    assertEquals(response.status, 502);
    assert((await response.text()).startsWith("502 Bad Gateway\n"));
    assert(errors[0].message.includes("ECONNREFUSED"), errors[0].message);
    gateway.close();
  });

  for (
    const [name, reply, code] of [
      ["hangs up", new Uint8Array(), "connection_lost"],
      ["hangs up inside its header block", stdout("X: 1\n"), "connection_lost"],
      ["refuses the request", end(2), "request_refused"],
      ["speaks HTTP", bytes("HTTP/1.1 200 OK\r\n\r\n"), "bad_version"],
    ] as const
  ) {
    it(`answers 502 when the application ${name}`, async () => {
      await using room = await setUpBroken(reply);
      const response = await fetch(room.url);
      assertEquals(response.status, 502);
      await response.text();
      assertEquals(room.errors.map((error) => (error as { code?: string }).code), [code]);
    });
  }

  it("answers 502 whatever becomes of onError, which hears the request", async () => {
    const heard: Request[] = [];
    const fail = [() => {
      throw Object.create(null);
    }, () => Promise.reject("rejected")];
    for (const failing of fail) {
      const printed = await captureConsoleError(async () => {
        const onError: GatewayOptions["onError"] = (_, { request }) => {
          heard.push(request);
          return failing() as unknown as void;
        };
        await using room = await setUpBroken(new Uint8Array(), { onError });
        const response = await fetch(`${room.url}path`);
        assertEquals([response.status, (await response.text()).slice(0, 3)], [502, "502"]);
      });
      assertEquals(printed.length, 1);
    }
    assertEquals(heard.map(({ url }) => new URL(url).pathname), ["/path", "/path"]);
  });

  it("prints why it answers 502, by default", async () => {
    const printed = await captureConsoleError(async () => {
      const options = { onError: undefined };
      await using room = await setUpBroken(bytes("HTTP/1.1 200 OK\r\n\r\n"), options);
      await (await fetch(room.url)).text();
    });
    assertEquals(printed.length, 1);
    assertStringIncludes(String(printed[0]), "FastCgiError: Cannot read a record: the other end");
  });

  for (const [name, header] of [["", ""], [", with a length", "Content-Length: 1000\n"]]) {
    it(`cuts the connection when the application breaks in its body${name}`, async () => {
      await using room = await setUpBroken(stdout(`${header}\npart of it`));
      await assertRejects(async () => {
        await (await fetch(room.url)).text();
      });
    });
  }

  it("tells onError of an exit status behind a whole answer, and of one in a short one once", async () => {
    await using room = await setUpBroken(bytes(stdout("\nwhole"), end(0, 3)));
    assertEquals(await (await fetch(room.url)).text(), "whole");
    assertEquals(room.errors.map(({ message }) => message), [
      "Application ended its reply, which is complete, with exit status 3",
    ]);
    await using short = await setUpBroken(bytes(stdout("Content-Length: 9\n\nsh"), end(0, 4)));
    await assertRejects(async () => {
      await (await fetch(short.url)).text();
    });
    assertEquals(short.errors.length, 1);
    assertStringIncludes(short.errors[0]!.message, "status 4");
  });

  it("answers 400 to what the fetch standard has no word for", async () => {
    await using room = await setUp(() => new Response("ok"));
    const raw = await rawHttp(room.url, "TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    // Bun's Request takes TRACE, and the application answers 405 or 501.
    assert(/^HTTP\/1.1 (400|405|501) /.test(raw), raw);
  });

  it("says that its port is taken", async () => {
    await using room = await setUp(() => new Response());
    const port = Number(new URL(room.url).port);
    const error = await assertRejects(() => serveGateway({ port, to: { port: 1 } }));
    assertEquals((error as { code?: string }).code, "EADDRINUSE");
  });

  it("shuts down when the requests under way have been answered", async () => {
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    await using room = await setUp(async () => {
      resolve();
      await gate;
      return new Response("answered");
    });
    const fetched = fetch(room.url).then((response) => response.text());
    await begun;
    const down = room.gateway.shutdown();
    open();
    assertEquals(await fetched, "answered");
    await down;
    await assertRejects(() => fetch(room.url));
  });
});

describe("FastCgiClient", () => {
  it("talks to an application over its socket, and keeps the connection if told so", async () => {
    await using room = await setUp((request) => new Response(request.body));
    await using client = new FastCgiClient({ ...room.address, keepConnection: true });
    for (const body of ["one", "two"]) {
      const response = await client.fetch(new Request("http://a/", { method: "POST", body }));
      assertEquals(await response.text(), body);
    }
    const values = await client.values(["FCGI_MPXS_CONNS", "FCGI_NOTHING"]);
    assertEquals([...values.keys()], ["FCGI_MPXS_CONNS"]);
  });
});

describe("serveGateway, hostname", () => {
  const wrong = ["", " ", "*", "0", "[::1]", "127.1", "127.0.0.1 ", "localhost:8000", 0];
  for (const hostname of wrong) {
    it(`refuses ${JSON.stringify(hostname)}`, async () => {
      const options = { hostname: hostname as string, port: 0, to: { port: 9 } };
      const error = await assertRejects(() => serveGateway(options), TypeError);
      assert(error.message.startsWith("Cannot start the gateway: the hostname is "), error.message);
    });
  }

  it("takes a name and an address, and listens there alone", async () => {
    for (const hostname of ["localhost", "127.0.0.2"]) {
      await using gateway = await serveGateway({ hostname, port: 0, to: { port: 9 } });
      assert(!["::", "0.0.0.0"].includes(gateway.addr.hostname), gateway.addr.hostname);
    }
  });
});
