/** Limits with an honest answer each: what is over one gets it, and nobody else notices. */
import { assert, assertEquals, assertInstanceOf, assertThrows } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { bytes, concat } from "../_bytes.ts";
import { waitUntil } from "../_runtime.ts";
import { encodeGetValues } from "../../src/protocol/mod.ts";
import { Exchange } from "../../src/server/exchange/exchange.ts";
import { Service } from "../../src/server/service.ts";
import { serve } from "../../mod.ts";
import { RawPeer } from "../runtime/_raw_peer.ts";
import { echoText, hello } from "./_handlers.ts";
import { ManualBody } from "./_manual_body.ts";
import { Peer } from "./_peer.ts";
import { COMPLETE } from "./_reply.ts";
import { abort, at, openRequest, request, stdin } from "./_request.ts";
import { Recorder } from "./_recorder.ts";

describe("maxBodyBytes", () => {
  const options = { maxBodyBytes: 1000 };

  it("lets a body pass that is as large, and not one byte more", async () => {
    await using peer = new Peer(echoText, options);
    for (const [length, status] of [[1000, 200], [1001, 413], [0, 200], [1000, 200]] as const) {
      const reply = await peer.ask({ method: "POST", stdin: "x".repeat(length) });
      assertEquals([reply.status, reply.end], [status, COMPLETE]);
      if (status === 200) assertEquals(reply.body.length, length);
    }
  });

  it("answers 413 to a CONTENT_LENGTH above it before the body comes, and never calls the handler", async () => {
    let calls = 0;
    await using peer = new Peer(() => new Response(`${++calls}`), options);
    const params = { CONTENT_LENGTH: "1001" };
    void peer.send(openRequest({ params }));
    const reply = await peer.reply();
    assertEquals([reply.status, reply.end], [413, COMPLETE]);
    assertEquals(reply.text, "The request body is larger than 1000 bytes\n");
    // The rest of the upload is dropped, and the connection is as good as before.
    void peer.send(stdin("x".repeat(900)), stdin("x".repeat(101)), stdin());
    assertEquals((await peer.ask()).text, "1");
  });

  it("takes for CONTENT_LENGTH what the handler is shown as such", async () => {
    await using peer = new Peer(
      ({ headers }) => new Response(headers.get("content-length")),
      options,
    );
    const rows: [length: string, status: number, shown: string][] = [
      ["1001, 1001", 413, ""],
      [" 1001", 413, ""],
      ["0001001", 413, ""],
      ["9".repeat(16), 413, ""],
      ["9".repeat(400), 413, ""],
      ["5, 5", 200, "5"],
      // What `Number` takes for one.
      ["1e9", 200, ""],
      ["0xffffff", 200, ""],
      ["Infinity", 200, ""],
      ["+1001", 200, ""],
      ["1001.5", 200, ""],
      ["5, 1001", 200, ""],
    ];
    for (const [CONTENT_LENGTH, status, shown] of rows) {
      const reply = await peer.ask({ method: "POST", params: { CONTENT_LENGTH }, stdin: "x" });
      assertEquals(reply.status, status, CONTENT_LENGTH);
      if (status === 200) assertEquals(reply.text, shown, CONTENT_LENGTH);
    }
  });

  it("answers 413 while the upload still comes, and the handler's body and signal fail", async () => {
    const failed = Promise.withResolvers<unknown>();
    let signal: AbortSignal | undefined;
    await using peer = new Peer(async (request) => {
      if (request.method === "GET") return hello(request, undefined!);
      signal = request.signal;
      try {
        return new Response(await request.text());
      } catch (error) {
        failed.resolve(error);
        throw error;
      }
    }, options);
    void peer.send(openRequest(), stdin("x".repeat(600)));
    await peer.fence();
    void peer.send(stdin("x".repeat(600)));
    const reply = await peer.reply();
    assertEquals([reply.status, reply.end], [413, COMPLETE]);
    const error = await failed.promise as DOMException;
    assertEquals(error.name, "AbortError");
    assertEquals(error.message, "The request body is larger than 1000 bytes");
    assertEquals(signal!.aborted, true);
    void peer.send(stdin("more of it"), stdin());
    assertEquals((await peer.ask()).text, "Hello\n");
    assertEquals(peer.errorCount, 0);
  });

  it("lets an answer go on that has begun, without the rest of the body", async () => {
    const body = new ManualBody();
    await using peer = new Peer(() => new Response(body.stream), options);
    void peer.send(openRequest(), stdin("x".repeat(600)));
    body.push("first ");
    await peer.next();
    void peer.send(stdin("x".repeat(600)));
    await peer.fence();
    body.push("second");
    body.close();
    const reply = await peer.reply();
    assertEquals([String.fromCharCode(...reply.stdout), reply.end], ["second", COMPLETE]);
    void peer.send(stdin());
  });

  it("makes one error, however many records are dropped behind an answer that has begun", async () => {
    const body = new ManualBody();
    await using peer = new Peer(() => new Response(body.stream), options);
    void peer.send(openRequest());
    body.push("first");
    await peer.nextOf();
    // A refusal begins with it, and goes on with an error.
    const { beginHandling } = Exchange.prototype;
    let refused = 0;
    Exchange.prototype.beginHandling = function () {
      refused++;
      return beginHandling.call(this);
    };
    try {
      void peer.send(...Array.from({ length: 100 }, () => stdin("x".repeat(1001))));
      await peer.fence();
      assertEquals(refused, 1);
    } finally {
      Exchange.prototype.beginHandling = beginHandling;
    }
    body.close();
    assertEquals((await peer.reply()).end, COMPLETE);
  });

  it("is one request's matter, not the others' on its connection", async () => {
    await using peer = new Peer(echoText, options);
    void peer.send(openRequest({ id: 1 }), stdin("one, ", 1));
    void peer.send(openRequest({ id: 3 }), stdin("x".repeat(1001), 3));
    assertEquals((await peer.reply(3)).status, 413);
    void peer.send(stdin("two", 1), stdin("", 1), stdin("", 3));
    assertEquals((await peer.reply(1)).text, "one, two");
  });

  it("stops an upload over a socket, and the connection is usable behind it", async () => {
    await using server = serve({ port: 0, onListen: () => {}, maxBodyBytes: 100_000 }, echoText);
    await using peer = await RawPeer.connect(await server.ready);
    const refused = await peer.fetch({ method: "POST", body: new Uint8Array(1_000_000) });
    assertEquals(refused.status, 413);
    const taken = await peer.fetch({ method: "POST", body: new Uint8Array(100_000) });
    assertEquals([taken.status, taken.body.length], [200, 100_000]);
  });
});

describe("maxRequests", () => {
  const silent = { port: 0, onListen: () => {} };

  it("answers 503 with Retry-After to a request too many, over all connections, and not to the next", async () => {
    await using server = serve({ ...silent, maxRequests: 2 }, echoText);
    const address = await server.ready;
    await using first = await RawPeer.connect(address);
    await using second = await RawPeer.connect(address);
    await using third = await RawPeer.connect(address);
    for (const peer of [first, second]) {
      peer.send(openRequest());
      await peer.fence();
    }
    for (let round = 0; round < 10; round++) {
      const refused = await third.fetch();
      assertEquals([refused.status, refused.headers.get("retry-after")], [503, "1"]);
    }
    first.send(stdin("first"), stdin());
    assertEquals((await first.reply()).text, "first");
    assertEquals((await third.fetch()).status, 200);
    second.send(stdin("second"), stdin());
    assertEquals((await second.reply()).text, "second");
  });

  it("no longer counts a request that was aborted, or whose connection has gone", async () => {
    await using server = serve({ ...silent, maxRequests: 1 }, echoText);
    const address = await server.ready;
    await using other = await RawPeer.connect(address);
    for (const ends of ["abort", "reset"] as const) {
      await using peer = await RawPeer.connect(address);
      peer.send(openRequest());
      await peer.fence();
      assertEquals((await other.fetch()).status, 503);
      if (ends === "reset") peer.reset();
      else {
        peer.send(abort());
        await peer.reply();
      }
      await waitUntil(async () => (await other.fetch()).status === 200);
    }
  });

  it("counts each request once, however it ends", async () => {
    const broken = () =>
      new Response(new ReadableStream({ start: (c) => c.error(new Error("x")) }));
    const service = new Service(
      (request) =>
        new URL(request.url).pathname === "/broken" ? broken() : echoText(request, null!),
      { onError: () => {}, maxParamsBytes: 200, maxBodyBytes: 10, maxRequestsPerConnection: 2 },
      { maxRequests: 100 },
    );
    const ends: Record<string, (one: ReturnType<typeof Recorder.accept>) => void> = {
      answered: ({ connection }) => connection.receive(request()),
      aborted: ({ connection }) => connection.receive(concat([openRequest(), abort()])),
      refused: ({ connection }) =>
        connection.receive(concat([1, 2, 3].map((id) => request({ id })))),
      "too large": ({ connection }) =>
        connection.receive(concat([openRequest(), stdin("x".repeat(11))])),
      "too long": ({ connection }) =>
        connection.receive(request({ params: { X: "x".repeat(200) } })),
      failed: ({ connection }) => connection.receive(request(at("/broken"))),
      lost: ({ connection }) => {
        connection.receive(concat([openRequest(), openRequest({ id: 3 })]));
        connection.closed();
      },
      ended: ({ connection }) => {
        connection.receive(openRequest().slice(0, 40));
        connection.receiveEnd();
      },
      "broken with the protocol": ({ connection }) => {
        connection.receive(openRequest().slice(0, 16));
        connection.receive(new Uint8Array(8));
      },
    };
    for (const [how, end] of Object.entries(ends)) {
      const one = Recorder.accept(service);
      end(one);
      await waitUntil(() => service.application.requestsInFlight === 0, {
        what: `the end of one ${how}`,
      });
      one.connection.closed();
      assertEquals(service.application.requestsInFlight, 0, how);
    }
  });

  it("is told by GET_VALUES, where it is the lower one", () => {
    const told = (maxRequests: number) =>
      new Service(hello, {}, { maxRequests }).application.managementValues.get("FCGI_MAX_REQS");
    assertEquals([told(7), told(5000)], ["7", "100"]);
  });
});

describe("the 503 of a request too many", () => {
  it("ends with FCGI_REQUEST_COMPLETE, that of one that may not share with FCGI_CANT_MPX_CONN", async () => {
    for (const [maxRequestsPerConnection, protocolStatus] of [[2, 0], [1, 1]] as const) {
      await using peer = new Peer(echoText, { maxRequestsPerConnection });
      const ids = [1, 3].slice(0, maxRequestsPerConnection);
      for (const id of ids) void peer.send(openRequest({ id }));
      const reply = await peer.ask({ id: 5 });
      assertEquals([reply.status, reply.end], [503, { appStatus: 0, protocolStatus }]);
      for (const id of ids) {
        void peer.send(stdin("", id));
        assertEquals((await peer.reply(id)).end, COMPLETE);
      }
    }
  });
});

describe("a limit that is no number", () => {
  it("is refused when the server is made, with its name", () => {
    for (
      const name of [
        ...["maxBodyBytes", "maxParams", "maxParamsBytes", "maxRequests", "maxConnections"],
        ...["paramsTimeout", "handlerTimeout", "writeTimeout", "shutdownTimeout"],
      ]
    ) {
      for (const value of [-1, NaN, "10"]) {
        assertThrows(
          () => serve({ port: 0, [name]: value as number }, hello),
          TypeError,
          `Cannot serve: ${name} is ${value}, not a number from 0 on`,
        );
      }
    }
  });
});

describe("a peer that never reads", () => {
  it("is not read either when a megabyte of small answers waits for it, and answered when it reads", async () => {
    await using peer = new Peer(hello, { capacity: 16 * 1024 });
    const names = ["FCGI_MAX_REQS", "FCGI_MPXS_CONNS"];
    const flood = concat(Array.from({ length: 500 }, () => bytes(encodeGetValues(names))));
    let sent = 0;
    // Until the pipe to the application is full: it has stopped reading.
    for (;; sent++) {
      const taken = peer.send(flood).then(() => true);
      if (!await Promise.race([taken, stuck(() => peer.toServer.bytesRead)])) break;
    }
    assert(sent > 10, String(sent));
    const waiting = peer.toPeer.bytesWritten - peer.toPeer.bytesRead;
    assert(waiting > 1024 * 1024 && waiting < 1.2 * 1024 * 1024, String(waiting));
    for (let answers = 0; answers < (sent + 1) * 500; answers++) await peer.next();
    assertEquals((await peer.ask()).text, "Hello\n");
  });
});

/** Resolves with `false` when a number has not changed for some turns of the event loop. */
async function stuck(measure: () => number): Promise<false> {
  for (let turns = 0, last = -1; turns < 50; turns++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (measure() !== last) turns = 0;
    last = measure();
  }
  return false;
}

describe("the body of a request over maxBodyBytes", () => {
  it("is an AbortError for whoever reads it by hand, and what came before is there", async () => {
    const read: number[] = [];
    const firstRead = Promise.withResolvers<void>();
    const failure = Promise.withResolvers<unknown>();
    await using peer = new Peer(async ({ body }) => {
      const reader = body!.getReader();
      for (;;) {
        const { value } = await reader.read().catch((error) => {
          failure.resolve(error);
          throw error;
        });
        read.push(value!.length);
        firstRead.resolve();
      }
    }, { maxBodyBytes: 1000 });
    void peer.send(openRequest(), stdin("x".repeat(600)));
    await firstRead.promise;
    void peer.send(stdin("x".repeat(600)), stdin());
    assertEquals((await peer.reply()).status, 413);
    assertInstanceOf(await failure.promise, DOMException);
    assertEquals(read, [600]);
    assertEquals(peer.errorCount, 0);
  });
});
