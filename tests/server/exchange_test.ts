import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { assertBytes, bytes, concat, pattern, Random, utf8AsLatin1 } from "../_bytes.ts";
import { randomStream, rawPairs, rawRecord } from "../_records.ts";
import { RecordType } from "../../src/protocol/mod.ts";
import type { ServeHandler } from "../../mod.ts";
import { captureConsoleError } from "../_console.ts";
import { echoText, hello } from "./_handlers.ts";
import { ManualBody, readyBody } from "./_manual_body.ts";
import { Peer, type PeerOptions } from "./_peer.ts";
import { quiet } from "./_quiet.ts";
import { COMPLETE, type Reply } from "./_reply.ts";
import {
  abort,
  at,
  begin,
  openRequest,
  paramPairs,
  type Params,
  params,
  record,
  request,
  type RequestSpec,
  stdin,
  stream,
} from "./_request.ts";

/** Asks one question of one handler. */
async function ask(
  handler: ServeHandler,
  spec: RequestSpec = {},
  options: PeerOptions = {},
): Promise<Reply> {
  await using peer = new Peer(handler, options);
  return await peer.ask(spec);
}

describe("Exchange", () => {
  describe("parameters", () => {
    /** Answers with what it was asked. */
    const tell: ServeHandler = (request, { params }) =>
      new Response(`${request.url} ${params.get("LONG")?.length} ${request.headers.get("x-a")}`);
    const spec = {
      params: { LONG: "v".repeat(300), ["N".repeat(200)]: "", HTTP_X_A: "last" },
    };
    const told = "http://example.org/ 300 last";

    it("may straddle two records at any position", async () => {
      await using peer = new Peer(tell);
      const pairs = paramPairs(spec);
      for (let cut = 1; cut < pairs.length; cut++) {
        void peer.send(
          begin(),
          record(RecordType.PARAMS, pairs.subarray(0, cut)),
          record(RecordType.PARAMS, pairs.subarray(cut)),
          record(RecordType.PARAMS),
          stdin(),
        );
        assertEquals((await peer.reply()).text, told);
      }
    });

    it("may come in records of one byte, padded", async () => {
      await using peer = new Peer(tell);
      const records = Array.from(
        paramPairs(spec),
        (byte, i) =>
          rawRecord({ type: RecordType.PARAMS, content: bytes([byte]), padding: i % 256 }),
      );
      void peer.send(begin(), ...records, record(RecordType.PARAMS), stdin());
      assertEquals((await peer.reply()).text, told);
    });

    it("may come in any cut, each record in a chunk of its own", async () => {
      await using peer = new Peer(tell);
      const random = new Random(8);
      for (let round = 0; round < 30; round++) {
        void peer.send(begin());
        for (const part of randomStream(RecordType.PARAMS, 1, paramPairs(spec), random)) {
          void peer.send(part);
        }
        void peer.send(stdin());
        assertEquals((await peer.reply()).text, told);
      }
    });

    it("may come in between those of other requests", async () => {
      await using peer = new Peer((request) => new Response(request.url));
      const random = new Random(9);
      const ids = [1, 3, 5];
      const queues = ids.map((id) => {
        const pairs = paramPairs(at(`/${id}`));
        return [
          begin({ id }),
          ...randomStream(RecordType.PARAMS, id, pairs, random),
          stdin("", id),
        ];
      });
      while (queues.some((queue) => queue.length > 0)) {
        void peer.send(random.pick(queues).shift() ?? bytes());
      }
      for (const id of ids) {
        assertEquals((await peer.reply(id)).text, `http://example.org/${id}`);
      }
    });

    it("after their end are ignored, in chunks of their own", async () => {
      await assertIgnoresLateParams((peer, parts) => parts.forEach((part) => void peer.send(part)));
    });

    it("after their end are ignored, in the same chunk", async () => {
      await assertIgnoresLateParams((peer, parts) => void peer.send(...parts));
    });

    it("that end twice start the handler once", async () => {
      for (const together of [true, false]) {
        let calls = 0;
        await using peer = new Peer(async (request) => {
          calls++;
          return new Response(await request.text());
        });
        const parts = [openRequest(), record(RecordType.PARAMS), record(RecordType.PARAMS)];
        if (together) void peer.send(...parts);
        else for (const part of parts) void peer.send(part);
        void peer.send(stdin("x"), stdin());
        assertEquals([(await peer.reply()).text, calls], ["x", 1]);
      }
    });

    it("may be interrupted by management records", async () => {
      await using peer = new Peer(hello);
      const [head, tail] = [paramPairs().slice(0, 9), paramPairs().slice(9)];
      void peer.send(
        begin(),
        record(RecordType.PARAMS, head),
        record(RecordType.GET_VALUES, "", 0),
        record(99, "?", 0),
        record(RecordType.PARAMS, tail),
        record(RecordType.PARAMS),
        stdin(),
      );
      assertEquals((await peer.reply()).text, "Hello\n");
    });

    it("named like members of objects are parameters like others", async () => {
      const names = ["constructor", "__proto__", "toString", "HTTP___PROTO__", "HTTP_CONSTRUCTOR"];
      const reply = await ask(
        (_, { params }) => new Response(names.map((name) => params.get(name)).join()),
        { params: Object.fromEntries(names.map((name, i) => [name, `${i}`])) },
      );
      assertEquals(reply.text, "0,1,2,3,4");
    });

    it("that nobody sent are none, whatever their name", async () => {
      const names = ["constructor", "__proto__", "toString", "HTTP_CONSTRUCTOR"];
      const reply = await ask((_, { params }) =>
        new Response(names.map((name) => `${params.has(name)}`).join())
      );
      assertEquals(reply.text, "false,false,false,false");
    });
  });

  describe("a request that cannot be served", () => {
    /** Fails unless it is answered with this status, without the handler, and the connection goes on. */
    async function assertRejected(
      status: number,
      send: (peer: Peer) => unknown,
      options: PeerOptions = {},
    ): Promise<Reply> {
      let calls = 0;
      await using peer = new Peer((request, info) => {
        calls++;
        return hello(request, info);
      }, options);
      send(peer);
      const reply = await peer.reply();
      assertEquals([reply.status, reply.end, calls], [status, COMPLETE, 0]);
      assertEquals((await peer.ask()).text, "Hello\n");
      return reply;
    }

    const withParams = (params: Params, method = "GET") => (peer: Peer) =>
      void peer.send(request({ method, params }));

    it("gets 400 for malformed parameters, and the connection lives", async () => {
      const malformed = [bytes([5]), bytes([4, 200, 0, 0]), rawPairs([["A", "b"]]).slice(0, 3)];
      for (const pairs of malformed) {
        await assertRejected(400, (peer) => {
          void peer.send(begin(), stream(RecordType.PARAMS, pairs), stdin());
        });
        await assertRejected(400, (peer) => {
          const content = concat([paramPairs(), pairs]);
          void peer.send(begin(), stream(RecordType.PARAMS, content), stdin());
        });
      }
    });

    it("gets 400 for parameters whose lengths cannot be satisfied", async () => {
      const claim = bytes([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "aaaa");
      await assertRejected(400, (peer) => {
        void peer.send(begin(), stream(RecordType.PARAMS, claim), stdin());
      });
    });

    it("gets 400 without a method", async () => {
      await assertRejected(400, withParams({ REQUEST_METHOD: "" }));
      await assertRejected(400, (peer) => {
        void peer.send(begin(), record(RecordType.PARAMS), stdin());
      });
    });

    it("gets 400 for a Host that is none", async () => {
      for (const host of ["a b", "a/b", "user@host", "a\\b", "a:b:c", "[::1", "host:99999"]) {
        await assertRejected(400, withParams({ HTTP_HOST: host }));
      }
    });

    it("gets 501 for a method that fetch refuses", async () => {
      for (const method of ["TRACE", "CONNECT", "TRACK", "trace"]) {
        await assertRejected(501, withParams({}, method));
      }
    });

    it("gets 431 for too many parameters", async () => {
      const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`HTTP_X_${i}`, "v"]));
      await assertRejected(431, withParams(many), { maxParams: 20 });
    });

    it("gets 431 for too large parameters as soon as they are, whatever still comes", async () => {
      await assertRejected(431, (peer) => {
        void peer.send(begin());
        for (let i = 0; i < 20; i++) {
          void peer.send(record(RecordType.PARAMS, rawPairs([[`HTTP_X_${i}`, "v".repeat(100)]])));
        }
        void peer.send(record(RecordType.PARAMS), stdin("late"), stdin());
      }, { maxParamsBytes: 1000 });
    });

    it("gets 431 for parameters larger than a default that web servers do not reach", async () => {
      await assertRejected(431, (peer) => {
        for (let i = 0; i < 6; i++) {
          void peer.send(
            i === 0 ? begin() : bytes(),
            record(RecordType.PARAMS, pattern(65535)),
          );
        }
        void peer.send(record(RecordType.PARAMS), stdin());
      });
    });

    it("is served with parameters of just the size that is allowed", async () => {
      const { length } = paramPairs();
      assertEquals((await ask(hello, {}, { maxParamsBytes: length, maxParams: 4 })).status, 200);
      assertEquals((await ask(hello, {}, { maxParamsBytes: length - 1 })).status, 431);
      assertEquals((await ask(hello, {}, { maxParams: 3 })).status, 431);
    });

    it("gets an answer without a body if its method was HEAD", async () => {
      const reply = await assertRejected(
        400,
        withParams({ HTTP_HOST: "a b" }, "HEAD"),
      );
      assertEquals(reply.text, "");
    });

    it("gets 431 without a body if its method was HEAD", async () => {
      const reply = await ask(hello, { method: "HEAD" }, { maxParams: 3 });
      assertEquals([reply.status, reply.text], [431, ""]);
    });

    it("gets 503 and Retry-After above maxRequestsPerConnection; the others go on", async () => {
      const gate = Promise.withResolvers<void>();
      await using peer = new Peer(async (request) => {
        await gate.promise;
        return new Response(request.url);
      }, { maxRequestsPerConnection: 2 });
      const ids = [1, 2, 3];
      void peer.send(...ids.map((id) => request(at(`/${id}`, { id }))));
      const refused = await peer.reply(3);
      assertEquals([refused.status, refused.end], [503, COMPLETE]);
      assert(refused.header("retry-after") !== undefined);
      gate.resolve();
      for (const id of [1, 2]) {
        assertEquals((await peer.reply(id)).text, `http://example.org/${id}`);
      }
      assertEquals((await peer.ask({ id: 3 })).status, 200);
    });

    it("does not tell its fault to onError or to the log", async () => {
      const reply = await assertRejected(400, withParams({ HTTP_HOST: "a b" }));
      assertEquals(reply.stderr, "");
    });
  });

  describe("ABORT_REQUEST", () => {
    /** What a test needs of a request that is aborted. */
    interface Aborted {
      peer: Peer;
      /** Lets the handler answer. */
      release: () => void;
      /** What the handler got. */
      handled: Promise<Request>;
    }

    /**
     * Runs a test of an abort: one END_REQUEST must come, nothing after it even when the handler answers later, and the
     * connection must serve the same id again.
     */
    async function assertAborts(
      before: Uint8Array[],
      between: (aborted: Aborted) => unknown = () => {},
      answer: (request: Request) => Response | Promise<Response> = hello as () => Response,
    ): Promise<void> {
      const gate = Promise.withResolvers<void>();
      const handled = Promise.withResolvers<Request>();
      let calls = 0;
      await using peer = new Peer(async (request) => {
        if (++calls > 1 || request.url.endsWith("/again")) return new Response("again");
        handled.resolve(request);
        await gate.promise;
        return await answer(request);
      });
      void peer.send(...before);
      await peer.fence();
      await between({ peer, release: gate.resolve, handled: handled.promise });
      void peer.send(abort());
      let last = await peer.nextOf();
      while (last.type === RecordType.STDOUT) last = await peer.nextOf();
      assertEquals(last.type, RecordType.END_REQUEST);
      assertBytes(last.content, new Uint8Array(8));
      gate.resolve();
      await quiet(() => peer.writes.length);
      const next = await peer.ask(at("/again"));
      assertEquals([next.types[0], next.text], [RecordType.STDOUT, "again"]);
      assertEquals(peer.errorCount, 0);
    }

    it("ends a request before its PARAMS", async () => {
      await assertAborts([begin()]);
    });

    it("ends a request during its PARAMS", async () => {
      await assertAborts([begin(), record(RecordType.PARAMS, paramPairs().slice(0, 20))]);
    });

    it("ends a request right behind its PARAMS, in the same chunk", async () => {
      let calls = 0;
      await using peer = new Peer((request, info) => {
        calls++;
        return hello(request, info);
      });
      void peer.send(openRequest(), abort(), request());
      assertEquals((await peer.reply()).types, [RecordType.END_REQUEST]);
      assertEquals([(await peer.reply()).text, calls], ["Hello\n", 1]);
    });

    it("ends a request during its STDIN", async () => {
      await assertAborts([openRequest(), stdin("some")], async ({ handled }) => {
        assert(!(await handled).signal.aborted);
      });
    });

    it("ends a request while its handler works", async () => {
      await assertAborts([request()], async ({ handled }) => void await handled);
    });

    it("ends a request whose response is on its way", async () => {
      const body = new ManualBody();
      await assertAborts(
        [request()],
        async ({ peer, release }) => {
          release();
          body.push("first");
          await peer.toPeer.until(() => peer.writes.length > 1);
        },
        () => new Response(body.stream),
      );
      assertInstanceOf(await body.cancelled, DOMException);
    });

    it("aborts request.signal with an AbortError", async () => {
      let signal: AbortSignal | undefined;
      await assertAborts([request()], async ({ handled }) => {
        signal = (await handled).signal;
        assertEquals(signal.aborted, false);
      });
      assertInstanceOf(signal?.reason, DOMException);
      assertEquals(signal.reason.name, "AbortError");
    });

    it("is seen by a handler that asks for request.signal only afterwards", async () => {
      const aborted = Promise.withResolvers<boolean>();
      await assertAborts([request()], async ({ handled }) => void await handled, (request) => {
        aborted.resolve(request.signal.aborted);
        return new Response();
      });
      assertEquals(await aborted.promise, true);
    });

    it("makes a read of the request's body fail", async () => {
      const failed = Promise.withResolvers<unknown>();
      await assertAborts([openRequest(), stdin("some")], async ({ handled }) => {
        (await handled).text().then(
          () => failed.reject(new Error("The body was read to an end that never came")),
          failed.resolve,
        );
      });
      const error = await failed.promise;
      assert(error instanceof Error || error instanceof DOMException);
      assertEquals(error.name, "AbortError");
    });

    it("makes a later read of the request's body fail", async () => {
      const failed = Promise.withResolvers<Error>();
      await assertAborts([openRequest(), stdin("some")], async ({ handled }) => {
        await handled;
      }, async (request) => {
        failed.resolve(await assertRejects(() => request.text()));
        return new Response();
      });
      assertEquals((await failed.promise).name, "AbortError");
    });

    it("cancels the body of a response that comes afterwards", async () => {
      const body = new ManualBody();
      body.push("first");
      await assertAborts([request()], async ({ handled }) => void await handled, () => {
        return new Response(body.stream);
      });
      await body.cancelled;
    });

    it("is no failure of a handler that gives up because of it", async () => {
      await assertAborts([openRequest()], async ({ handled }) => void await handled, (request) => {
        request.signal.throwIfAborted();
        return new Response();
      });
    });

    it("rejects info.completed", async () => {
      const settled = Promise.withResolvers<unknown>();
      await using peer = new Peer((_, info) => {
        info.completed.then(settled.resolve, settled.resolve);
        return new Promise(() => {});
      });
      void peer.send(request());
      await peer.fence();
      void peer.send(abort());
      assertEquals((await peer.reply()).types, [RecordType.END_REQUEST]);
      assertInstanceOf(await settled.promise, DOMException);
    });

    it("has no content, and what there is of it is not looked at", async () => {
      await using peer = new Peer(echoText);
      void peer.send(openRequest(), record(RecordType.ABORT_REQUEST, "12345678"));
      assertEquals((await peer.reply()).types, [RecordType.END_REQUEST]);
      void peer.send(record(RecordType.ABORT_REQUEST, "lost"));
      assertEquals((await peer.ask({ method: "POST", stdin: "next" })).text, "next");
    });

    it("after END_REQUEST is ignored", async () => {
      await using peer = new Peer(hello);
      await peer.ask();
      void peer.send(abort(), abort());
      assertEquals((await peer.ask()).text, "Hello\n");
    });

    it("closes the connection of a request without FCGI_KEEP_CONN", async () => {
      await using peer = new Peer(() => new Promise(() => {}));
      void peer.send(openRequest({ keep: false }), abort());
      const records = await peer.finish();
      assertEquals(records.map(({ type }) => type), [RecordType.END_REQUEST]);
    });

    it("leaves the other requests of the connection alone", async () => {
      await using peer = new Peer(echoText);
      void peer.send(openRequest({ id: 1 }), openRequest({ id: 3 }), stdin("a", 3), stdin("x", 1));
      void peer.send(abort(1));
      assertEquals((await peer.reply(1)).types, [RecordType.END_REQUEST]);
      void peer.send(stdin("b", 3), stdin("", 3));
      assertEquals((await peer.reply(3)).text, "ab");
    });
  });

  describe("a handler that fails", () => {
    const reason = new Error("The reason of it all");
    const used = new Response("used");
    /** Each way to fail, and a part of what onError hears. */
    const failures: Record<string, [handler: () => unknown, heard: string]> = {
      "throws": [() => {
        throw reason;
      }, "The reason of it all"],
      "rejects": [() => Promise.reject(reason), "The reason of it all"],
      "throws what is no Error": [() => {
        // deno-lint-ignore no-throw-literal
        throw "The reason of it all";
      }, "The reason of it all"],
      "rejects with nothing": [() => Promise.reject(), "undefined"],
      "returns undefined": [() => undefined, "undefined"],
      "resolves with undefined": [() => Promise.resolve(), "undefined"],
      "returns null": [() => null, "null"],
      "returns a string": [() => "text", "text"],
      "returns an object": [() => ({ status: 200 }), "Object"],
      "returns a used Response": [async () => {
        if (!used.bodyUsed) await used.text();
        return used;
      }, "used"],
      "returns a Response that is being read": [() => {
        const response = new Response(new ManualBody().stream);
        response.body?.getReader();
        return response;
      }, "used"],
      "returns Response.error()": [() => Response.error(), ""],
      // Node refuses to make one, which is a handler that throws.
      "returns a Response with status 101": [() => new Response(null, { status: 101 }), ""],
      "returns a body whose chunk is no bytes": [() => {
        return new Response(
          new ReadableStream<unknown>({
            start(controller) {
              controller.enqueue({ reason: "The reason of it all" });
              controller.close();
            },
          }) as ReadableStream<Uint8Array>,
        );
      }, "not bytes or text"],
      "returns a body that fails before its first chunk": [() => {
        const body = new ManualBody();
        body.error(reason);
        return new Response(body.stream);
      }, "The reason of it all"],
    };

    for (const [how, [fail, heard]] of Object.entries(failures)) {
      it(`${how}: 500, onError hears of it once, the log after STDOUT, the client not`, async () => {
        await using peer = new Peer(fail as ServeHandler);
        const reply = await peer.ask();
        assertEquals([reply.status, reply.end], [500, COMPLETE]);
        assertEquals(reply.stdout.length > 0 && reply.text.includes("reason"), false);
        const errors = peer.takeErrors();
        assertEquals(errors.length, 1);
        assertStringIncludes(String(errors[0]), heard);
        assertStringIncludes(reply.stderr, heard);
        assertEquals(reply.stderr.trimEnd().includes("\n"), false);
        assertEquals(reply.types.indexOf(RecordType.STDOUT), 0);
        // The connection is none the worse for it.
        assertEquals((await peer.ask()).status, 500);
        peer.takeErrors();
      });
    }

    it("gives the error itself to onError", async () => {
      await using peer = new Peer(() => Promise.reject(reason));
      await peer.ask();
      assertStrictEquals(peer.takeErrors()[0], reason);
    });

    it("is answered with the Response that onError returns", async () => {
      for (const wrap of [(response: Response) => response, Promise.resolve.bind(Promise)]) {
        await using peer = new Peer(() => Promise.reject(reason), {
          onError: () => wrap(new Response("Sorry", { status: 418, headers: { "x-a": "b" } })),
        });
        const reply = await peer.ask();
        assertEquals([reply.status, reply.text, reply.header("x-a")], [418, "Sorry", "b"]);
        peer.takeErrors();
      }
    });

    it("is answered 500 when onError throws, and both failures are printed", async () => {
      const other = new Error("onError's own");
      const broken: (() => never | Promise<never>)[] = [
        () => {
          throw other;
        },
        () => Promise.reject(other),
      ];
      for (const onError of broken) {
        const printed = await captureConsoleError(async () => {
          await using peer = new Peer(() => Promise.reject(reason), { onError });
          const reply = await peer.ask();
          assertEquals([reply.status, reply.end], [500, COMPLETE]);
          peer.takeErrors();
        });
        const text = printed.map(String);
        assertEquals(text.length, 2);
        assertStringIncludes(text[0]!, String(reason));
        assertStringIncludes(text[1]!, String(other));
      }
    });

    it("is answered 500 when the Response of onError cannot be sent", async () => {
      const answers = [() => Response.error(), () => {
        const body = new ManualBody();
        body.error(new Error("as well"));
        return new Response(body.stream);
      }];
      for (const onError of answers) {
        await using peer = new Peer(() => Promise.reject(reason), { onError });
        const reply = await peer.ask();
        assertEquals([reply.status, reply.end], [500, COMPLETE]);
        peer.takeErrors();
      }
    });

    it("is answered 500 without a body where the method is HEAD", async () => {
      await using peer = new Peer(() => Promise.reject(reason));
      const reply = await peer.ask({ method: "HEAD" });
      assertEquals([reply.status, reply.text], [500, ""]);
      peer.takeErrors();
    });

    it("leaves the other requests of the connection alone", async () => {
      await using peer = new Peer((request) => {
        if (request.url.endsWith("/bad")) throw reason;
        return new Response("good");
      });
      void peer.send(
        request(at("/bad", { id: 1 })),
        request({ id: 2 }),
      );
      assertEquals([(await peer.reply(1)).status, (await peer.reply(2)).text], [500, "good"]);
      peer.takeErrors();
    });
  });

  describe("request.signal", () => {
    it("is not aborted by an answer", async () => {
      const signals: AbortSignal[] = [];
      await using peer = new Peer((request) => {
        signals.push(request.signal);
        return new Response();
      });
      await peer.ask();
      await peer.ask();
      peer.hangUp();
      await peer.served;
      assertEquals(signals.map(({ aborted }) => aborted), [false, false]);
      assert(signals[0] !== signals[1]);
    });

    it("is the same one each time", async () => {
      const reply = await ask((request) => {
        const { signal } = request;
        return new Response(`${signal === request.signal}`);
      });
      assertEquals(reply.text, "true");
    });

    it("is aborted in clones and in requests made of it", async () => {
      const made = Promise.withResolvers<AbortSignal[]>();
      await using peer = new Peer((request) => {
        made.resolve([
          request.clone().signal,
          new Request("http://example.org/", request).signal,
        ]);
        return new Promise(() => {});
      });
      void peer.send(request());
      const signals = await made.promise;
      void peer.send(abort());
      await peer.reply();
      assertEquals(signals.map(({ aborted }) => aborted), [true, true]);
    });
  });

  describe("the request", () => {
    it("has headers byte for byte as the client sent them", async () => {
      const values = [utf8AsLatin1("Zürich € 日本"), "caf\xe9 \x80\x9f\xff"];
      const reply = await ask((request) => {
        const [utf, latin] = ["x-utf", "x-latin"].map((name) => request.headers.get(name)!);
        return new Response(
          new TextDecoder().decode(bytes(utf)),
          { headers: { "x-utf": utf, "x-latin": latin } },
        );
      }, { params: { HTTP_X_UTF: values[0], HTTP_X_LATIN: values[1] } });
      assertEquals([reply.header("x-utf"), reply.header("x-latin")], values);
      assertEquals(reply.text, utf8AsLatin1("Zürich € 日本"));
    });

    it("keeps its headers when one of them cannot be", async () => {
      const reply = await ask((request) => new Response(request.headers.get("x-good")), {
        params: { HTTP_: "empty", "HTTP_X BAD": "1", HTTP_X_NUL: "a\0b", HTTP_X_GOOD: "good" },
      });
      assertEquals([reply.status, reply.text], [200, "good"]);
    });

    it("has a name of 1000 bytes, and a value and a URL longer than a record", async () => {
      const name = "X_" + "N".repeat(998);
      const REQUEST_URI = "/" + "u".repeat(70_000);
      const reply = await ask(
        (request) =>
          new Response(`${request.url} ${request.headers.get(name.replaceAll("_", "-"))}`),
        { params: { REQUEST_URI, [`HTTP_${name}`]: "v".repeat(100_000) } },
      );
      assertEquals(reply.text, `http://example.org${REQUEST_URI} ${"v".repeat(100_000)}`);
    });
  });

  it("sends one END_REQUEST however an endless body is cancelled", async () => {
    await using peer = new Peer((request) =>
      new Response(request.url.endsWith("/again") ? readyBody("again") : endless())
    );
    void peer.send(request());
    await peer.nextOf();
    void peer.send(abort());
    while ((await peer.nextOf()).type !== RecordType.END_REQUEST);
    assertEquals((await peer.ask(at("/again"))).text, "again");
  });
});

/** A body that always has more. */
function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(pattern(1000));
    },
  });
}

/** Fails unless the handler sees only the parameters before the empty record. */
async function assertIgnoresLateParams(
  send: (peer: Peer, parts: Uint8Array[]) => void,
): Promise<void> {
  await using peer = new Peer(async (request, { params }) => {
    await request.text();
    return new Response(`${params.get("LATE")} ${request.headers.get("x-late")}`);
  });
  send(peer, [
    begin(),
    params({ method: "POST" }),
    params({ method: "POST", params: { LATE: "1", HTTP_X_LATE: "2" } }),
    record(RecordType.PARAMS, "\xff\xff\xff"),
    stdin(),
  ]);
  const reply = await peer.reply();
  assertEquals([reply.status, reply.text], [200, "undefined null"]);
}
