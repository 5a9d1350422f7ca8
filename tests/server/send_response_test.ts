import { writeFile } from "node:fs/promises";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertLess,
  assertMatch,
  assertStrictEquals,
  assertStringIncludes,
} from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { assertBytes, bytes, concat, latin1, pattern, utf8, utf8AsLatin1 } from "../_bytes.ts";
import { parseRecords } from "../_records.ts";
import { runtime, tempDir } from "../_runtime.ts";
import { RecordType } from "../../src/protocol/mod.ts";
import { FastCgiError, type ServeHandler } from "../../mod.ts";
import { ManualBody, readyBody } from "./_manual_body.ts";
import { Peer } from "./_peer.ts";
import { quiet } from "./_quiet.ts";
import { BROKEN, COMPLETE, type Reply } from "./_reply.ts";
import { at, request, type RequestSpec } from "./_request.ts";

/** What comes of one response. */
async function sent(make: () => Response, spec: RequestSpec = {}): Promise<Reply> {
  await using peer = new Peer(make);
  const reply = await peer.ask(spec);
  assertEquals(reply.end, COMPLETE);
  return reply;
}

/** Bytes as the fetch standard's body types want them. */
const CONTENT = pattern(5000);

/** Bodies whose end is known at once, and what they are on the wire. */
const KNOWN: Record<string, [make: () => BodyInit | null, expected: Uint8Array]> = {
  "a string": [() => "Hello\n", bytes("Hello\n")],
  "a string that is no ASCII": [() => "Grüße €", utf8("Grüße €")],
  "an empty string": [() => "", bytes()],
  "null": [() => null, bytes()],
  "a Uint8Array": [() => CONTENT, CONTENT],
  "an ArrayBuffer": [() => CONTENT.buffer, CONTENT],
  "a Blob": [() => new Blob([CONTENT]), CONTENT],
  "a Blob of parts": [
    () => new Blob(["a", CONTENT, "b"]),
    concat([bytes("a"), CONTENT, bytes("b")]),
  ],
  "an empty Blob": [() => new Blob([]), bytes()],
  "URLSearchParams": [() => new URLSearchParams({ a: "1 2" }), bytes("a=1+2")],
  "one chunk": [() => readyBody("chunk"), bytes("chunk")],
  "several chunks": [() => readyBody("one ", "two ", "three"), bytes("one two three")],
  "empty chunks": [() => readyBody("", "one", "", "two", ""), bytes("onetwo")],
  "no chunk": [() => readyBody(), bytes()],
  "33 kB": [() => pattern(33_000), pattern(33_000)],
  "66000 bytes": [() => pattern(66_000), pattern(66_000)],
  "3 megabytes": [() => pattern(3_000_000), pattern(3_000_000)],
  "a string of 3 megabytes": [() => "x".repeat(3_000_000), bytes("x".repeat(3_000_000))],
  "a Blob of 5 megabytes": [() => new Blob([pattern(5_000_000)]), pattern(5_000_000)],
  // Bun's pieces: 16 kB, then 2 MiB each.
  "exactly 16384 bytes": [() => pattern(16_384), pattern(16_384)],
  "exactly two pieces": [() => pattern(16_384 + 2_097_152), pattern(16_384 + 2_097_152)],
  "a string of a megabyte": [() => "x".repeat(1_000_000), bytes("x".repeat(1_000_000))],
  "a megabyte": [() => pattern(1_000_000), pattern(1_000_000)],
};

describe("sendResponse", () => {
  describe("a body that is known at once", () => {
    for (const [what, [make, expected]] of Object.entries(KNOWN)) {
      it(`has its Content-Length: ${what}`, async () => {
        const reply = await sent(() => new Response(make()));
        assertEquals(reply.header("content-length"), `${expected.length}`);
        assertBytes(reply.body, expected);
      });
    }

    it("has its Content-Length: FormData", async () => {
      const form = new FormData();
      form.append("text", "Zoë");
      form.append("file", new File([CONTENT], "a.bin"));
      const reply = await sent(() => new Response(form));
      assertEquals(reply.header("content-length"), `${reply.body.length}`);
      const type = reply.header("content-type")!;
      assertStringIncludes(type, "multipart/form-data");
      const read = await new Response(reply.body, { headers: { "content-type": type } }).formData();
      assertEquals(read.get("text"), "Zoë");
      const file = read.get("file");
      assert(file instanceof File);
      assertEquals(file.name, "a.bin");
      assertBytes(await file.bytes(), CONTENT);
    });

    it("has its Content-Type, however large a string is", async () => {
      for (const length of [10, 100_000, 3_000_000, 5_000_000]) {
        const reply = await sent(() => new Response("x".repeat(length)));
        assertEquals(reply.header("content-type")?.toLowerCase(), "text/plain;charset=utf-8");
        assertEquals(reply.header("content-length"), `${length}`);
        const head = await sent(() => new Response("x".repeat(length)), { method: "HEAD" });
        assertEquals(head.header("content-length"), `${length}`);
      }
    });

    it("has its Content-Length: a file of Bun's", {
      skip: runtime !== "bun" && "only Bun has such files",
    }, async () => {
      const { file } = (globalThis as unknown as { Bun: { file(path: string): Blob } }).Bun;
      await using directory = await tempDir();
      const path = `${directory.path}/file.bin`;
      for (const size of [0, 5, 262_144, 300_000, 262_144 + 524_288, 3_000_000, 15_000_000]) {
        await writeFile(path, pattern(size));
        const reply = await sent(() => new Response(file(path)));
        assertEquals(reply.header("content-length"), `${size}`);
        assertBytes(reply.body, pattern(size));
      }
      const part = await sent(() => new Response(file(path).slice(5, 1_000_005)));
      assertEquals(part.header("content-length"), "1000000");
      assertBytes(part.body, pattern(1_000_005).subarray(5));
    });

    it("is not gathered without end where it only looks like that", async () => {
      for (const [first, next, limit] of [[16_384, 2_097_152, 70e6], [262_144, 524_288, 20e6]]) {
        let made = 0;
        await using peer = new Peer(() =>
          new Response(
            new ReadableStream({
              pull(controller) {
                const size = made === 0 ? first : next;
                made += size;
                controller.enqueue(new Uint8Array(size));
              },
            }, { highWaterMark: 0 }),
          )
        );
        void peer.send(request());
        await peer.toPeer.until(() => peer.writes.length > 0);
        assertLess(await quiet(() => made), limit);
      }
    });

    it("leaves in one write if it is small", async () => {
      const small = ["a string", "null", "a Uint8Array", "a Blob", "several chunks", "33 kB"];
      for (const what of small) {
        await using peer = new Peer(() => new Response(KNOWN[what][0]()));
        await peer.ask();
        assertEquals(peer.writes.length, 1, what);
      }
    });

    it("has the Content-Type that the runtime's Response implies", async () => {
      const types: [BodyInit, string | undefined][] = [
        ["text", "text/plain;charset=UTF-8"],
        [new Blob([CONTENT], { type: "image/png" }), "image/png"],
        [new URLSearchParams({ a: "b" }), "application/x-www-form-urlencoded;charset=UTF-8"],
        [pattern(100), undefined],
      ];
      for (const [body, type] of types) {
        const reply = await sent(() => new Response(body));
        assertEquals(reply.header("content-type")?.toLowerCase(), type?.toLowerCase());
      }
    });

    it("has the Content-Type of Response.json", async () => {
      const reply = await sent(() => Response.json({ a: "ü" }));
      // Bun adds a charset.
      assertMatch(reply.header("content-type")!, /^application\/json(;charset=utf-8)?$/);
      assertEquals(reply.text, utf8AsLatin1('{"a":"ü"}'));
    });

    it("may be the same chunk twice", async () => {
      for (const size of [5, 20_000, 32_700, 32_767, 40_000]) {
        const chunk = pattern(size);
        const reply = await sent(() => new Response(chunksAsTheyAre(chunk, chunk)));
        assertBytes(reply.body, concat([chunk, chunk]), `Twice ${size} bytes`);
      }
    });

    it("is whole around the size of a record", async () => {
      for (const size of [65_400, 65_480, 65_528, 65_535, 65_536, 131_056, 131_072]) {
        const reply = await sent(() => new Response(pattern(size)));
        assertBytes(reply.body, pattern(size));
      }
    });
  });

  describe("a body that is a stream", () => {
    it("has no Content-Length, and goes out chunk by chunk as it is made", async () => {
      const body = new ManualBody();
      await using peer = new Peer(() => new Response(body.stream));
      void peer.send(request());
      for (const part of ["first", "second", "third"]) {
        body.push(part);
        const { type, content } = await peer.nextOf();
        assertEquals(type, RecordType.STDOUT);
        const text = latin1(content);
        assertEquals(text.slice(text.indexOf("\r\n\r\n") + 1).trim(), part);
        assertEquals(text.toLowerCase().includes("content-length"), false);
      }
      body.close();
      const { types } = await peer.reply();
      assertEquals(types, [RecordType.STDOUT, RecordType.END_REQUEST]);
    });

    it("sends the header block before there is a first chunk", async () => {
      const body = new ManualBody();
      await using peer = new Peer(() => new Response(body.stream, { status: 202 }));
      void peer.send(request());
      assertStringIncludes(latin1((await peer.nextOf()).content), "Status: 202");
      body.push("later");
      body.close();
      assertEquals((await peer.reply()).types, [6, 6, 3]);
    });

    it("does not ask for the second chunk before the first is out", async () => {
      const written: number[] = [];
      await using peer = new Peer(() => {
        let pulls = 0;
        return new Response(
          new ReadableStream({
            async pull(controller) {
              await new Promise((resolve) => setTimeout(resolve, 0));
              written.push(peer.writes.length);
              controller.enqueue(bytes(`${pulls}`));
              if (++pulls === 4) controller.close();
            },
          }, { highWaterMark: 0 }),
        );
      });
      assertEquals((await peer.ask()).text, "0123");
      assertEquals(written.slice(1).every((count, i) => count > i), true);
    });

    it("keeps chunks together that are there together", async () => {
      const body = new ManualBody();
      await using peer = new Peer(() => new Response(body.stream));
      body.push("one ", "two ", "three");
      void peer.send(request());
      assertStringIncludes(latin1((await peer.nextOf()).content), "\r\n\r\none two three");
    });

    it("ends with the empty STDOUT and END_REQUEST in one write", async () => {
      const body = new ManualBody();
      await using peer = new Peer(() => new Response(body.stream));
      body.push("chunk");
      void peer.send(request());
      await peer.nextOf();
      body.close();
      await peer.reply();
      const last = parseRecords(peer.writes.at(-1)!);
      assertEquals(last.map(({ type, content }) => [type, content.length]), [[6, 0], [3, 8]]);
    });

    it("may give empty chunks: none of them becomes a record", async () => {
      const body = new ManualBody();
      await using peer = new Peer(() => new Response(body.stream));
      void peer.send(request());
      await peer.nextOf();
      body.push("", "a");
      await peer.nextOf();
      body.push("");
      await quiet(() => peer.writes.length);
      body.close();
      assertEquals((await peer.reply()).types, [6, 3]);
    });

    it("may give chunks larger than a record", async () => {
      const body = new ManualBody();
      await using peer = new Peer(() => new Response(body.stream));
      void peer.send(request());
      const parts = [10, 200_000, 65_528, 65_529, 1].map(pattern);
      for (const part of parts) body.push(part);
      body.close();
      assertBytes((await peer.reply()).body, concat(parts));
    });

    it("may be a TransformStream or the body of another Response", async () => {
      const make = [
        () => new Blob([CONTENT]).stream().pipeThrough(new TransformStream()),
        () => new Response(CONTENT).body,
      ];
      for (const body of make) assertBytes((await sent(() => new Response(body()))).body, CONTENT);
    });

    it("may be an async iterable, where the runtime takes one", async () => {
      const parts = async function* () {
        yield bytes("one ");
        await new Promise((resolve) => setTimeout(resolve, 0));
        yield bytes("two");
      };
      const reply = await sent(() => {
        return new Response(ReadableStream.from(parts()));
      });
      assertEquals(reply.text, "one two");
    });
  });

  describe("Content-Length of the handler's own", () => {
    /** What comes of a streamed body with a declared length. */
    async function declared(
      length: number | string,
      feed: (body: ManualBody) => void,
    ): Promise<
      { reply: Reply; errors: unknown[]; writes: readonly Uint8Array[]; body: ManualBody }
    > {
      const body = new ManualBody();
      await using peer = new Peer(() =>
        new Response(body.stream, { headers: { "content-length": `${length}` } })
      );
      void peer.send(request());
      await peer.toPeer.until(() => peer.writes.length > 0);
      feed(body);
      const reply = await peer.reply();
      return { reply, errors: peer.takeErrors(), writes: peer.writes, body };
    }

    it("is sent for a stream that keeps to it", async () => {
      const { reply, errors } = await declared(6, (body) => {
        body.push("abc", "def");
        body.close();
      });
      assertEquals([reply.header("content-length"), reply.text, reply.end], [
        "6",
        "abcdef",
        COMPLETE,
      ]);
      assertEquals(errors, []);
    });

    it("cuts a stream that is longer, cancels it and tells onError", async () => {
      const { reply, errors, body } = await declared(5, (body) => body.push("abc", "def", "ghi"));
      assertEquals([reply.text, reply.end], ["abcde", COMPLETE]);
      assertEquals(errors.length, 1);
      assertInstanceOf(errors[0], FastCgiError);
      assertEquals([errors[0].code, errors[0].fault], ["bad_response", "application"]);
      await body.cancelled;
    });

    it("is kept to if it was said twice, and with 16 digits", async () => {
      const twice = await declared("5, 5", (body) => body.push("abc", "def"));
      assertEquals([twice.reply.header("content-length"), twice.reply.text], ["5", "abcde"]);
      assertEquals(twice.errors.length, 1);
      for (const length of ["1000000000000000", "9007199254740991"]) {
        const { reply, errors } = await declared(length, (body) => {
          body.push("abc");
          body.close();
        });
        assertEquals([reply.header("content-length"), reply.end], [length, undefined]);
        assertEquals(errors.length, 1);
      }
    });

    it("is not sent, and not kept to, if it is none", async () => {
      for (const length of ["5, 6", "+5", "5.0", "9007199254740992", "9".repeat(30)]) {
        const { reply, errors } = await declared(length, (body) => {
          body.push("abc", "def");
          body.close();
        });
        assertEquals([reply.header("content-length"), reply.text], [undefined, "abcdef"]);
        assertEquals([reply.end, errors.length], [COMPLETE, 0]);
      }
    });

    it("breaks off a stream that is shorter and tells onError", async () => {
      const { reply, errors, writes } = await declared(7, (body) => {
        body.push("abc");
        body.close();
      });
      assertEquals([reply.text, reply.end], ["abc", undefined]);
      assertEquals(errors.length, 1);
      assertInstanceOf(errors[0], FastCgiError);
      assertEquals(errors[0].code, "bad_response");
      assertBytes(writes.at(-1)!, new Uint8Array(8));
    });

    it("gives way to the true length of a body that is known", async () => {
      for (const length of ["3", "99", "abc", "6, 6"]) {
        const reply = await sent(() =>
          new Response("abcdef", { headers: { "content-length": length } })
        );
        assertEquals([reply.header("content-length"), reply.text], ["6", "abcdef"]);
      }
    });
  });

  describe("a response without a body", () => {
    it("has none for HEAD, but the headers and the length of GET", async () => {
      for (const [what, [make, expected]] of Object.entries(KNOWN)) {
        if (expected.length > 10_000 || expected.length === 0) continue;
        const reply = await sent(() => new Response(make()), { method: "HEAD" });
        assertEquals([reply.header("content-length"), reply.body.length], [
          `${expected.length}`,
          0,
        ], what);
      }
    });

    it("has the Content-Length of the handler for HEAD, and none made up", async () => {
      const own = await sent(() => new Response(null, { headers: { "content-length": "1234" } }), {
        method: "HEAD",
      });
      assertEquals(own.header("content-length"), "1234");
      const none = await sent(() => new Response(null), { method: "HEAD" });
      assertEquals(none.header("content-length"), undefined);
    });

    it("cancels the stream of a HEAD", async () => {
      const body = new ManualBody();
      body.push("never sent");
      const reply = await sent(() => new Response(body.stream), { method: "HEAD" });
      assertEquals(reply.text, "");
      await body.cancelled;
    });

    it("has none for 204 and 304, and no Content-Length for 204", async () => {
      for (const status of [204, 304]) {
        const reply = await sent(() => new Response(null, { status }));
        assertEquals([reply.status, reply.text], [status, ""]);
        if (status === 204) assertEquals(reply.header("content-length"), undefined);
      }
    });

    it("has none for 204, 205 and 304 made by an object that has one", async () => {
      for (const status of [204, 205, 304]) {
        for (const body of ["body", readyBody("body")]) {
          const reply = await sent(() =>
            Object.defineProperty(new Response(body), "status", { value: status })
          );
          assertEquals([reply.status, reply.text], [status, ""]);
          assertEquals(reply.header("content-length"), status === 205 ? "0" : undefined);
        }
      }
    });

    it("has no length for 304 and 204, and 0 for 205, whatever the handler says", async () => {
      for (const status of [204, 205, 304]) {
        const headers = { "content-length": "1234", "content-encoding": "gzip" };
        for (const method of ["GET", "HEAD"]) {
          const reply = await sent(() => new Response(null, { status, headers }), { method });
          assertEquals(reply.header("content-length"), status === 205 ? "0" : undefined);
        }
      }
    });

    it("of 205 and of a redirect is complete too", async () => {
      for (const status of [205, 302]) {
        const reply = await sent(() => new Response(null, { status, headers: { location: "/a" } }));
        assertEquals([reply.status, reply.text], [status, ""]);
      }
    });
  });

  describe("a body that fails", () => {
    it("behind its headers breaks off the connection with eight zero bytes when it is alone", async () => {
      const reason = new Error("Disk on fire");
      const body = new ManualBody();
      await using peer = new Peer(() => new Response(body.stream));
      void peer.send(request());
      body.push("first");
      await peer.nextOf();
      body.error(reason);
      const records = await peer.finish();
      assertEquals(records.map(({ version, type }) => [version, type]), [
        [1, RecordType.STDERR],
        [0, 0],
      ]);
      assertBytes(peer.writes.at(-1)!, new Uint8Array(8));
      assertEquals(peer.takeErrors(), [reason]);
      assertStringIncludes(latin1(records[0].content), "Disk on fire");
    });

    it("behind its headers ends only its own request when others are alive", async () => {
      const reason = new Error("Disk on fire");
      const [bad, good] = [new ManualBody(), new ManualBody()];
      await using peer = new Peer((request) =>
        new Response(request.url.endsWith("/bad") ? bad.stream : good.stream)
      );
      void peer.send(
        request(at("/bad", { id: 1 })),
        request({ id: 3 }),
      );
      bad.push("first");
      good.push("one ");
      await peer.nextOf(3);
      bad.error(reason);
      const broken = await peer.reply(1);
      assertEquals([broken.text, broken.end], ["first", BROKEN]);
      assertStringIncludes(broken.stderr, "Disk on fire");
      good.push("two");
      good.close();
      assertEquals((await peer.reply(3)).end, COMPLETE);
      assertEquals((await peer.ask({ id: 3 })).status, 500);
      const errors = peer.takeErrors();
      assertStrictEquals(errors[0], reason);
      // The last answer's body had been used.
      assertEquals(errors.length, 2);
    });

    it("before its first chunk, however late within the same turn, is a 500", async () => {
      await using peer = new Peer(() =>
        new Response(
          new ReadableStream({
            async pull() {
              await Promise.resolve();
              throw new Error("No such file");
            },
          }),
        )
      );
      const reply = await peer.ask();
      assertEquals([reply.status, reply.end], [500, COMPLETE]);
      assertStringIncludes(String(peer.takeErrors()), "No such file");
    });

    it("behind its headers rejects info.completed", async () => {
      const reason = new Error("Disk on fire");
      const body = new ManualBody();
      const settled = Promise.withResolvers<unknown>();
      await using peer = new Peer((_, info) => {
        info.completed.then(settled.resolve, settled.resolve);
        return new Response(body.stream);
      });
      void peer.send(request());
      await peer.nextOf();
      body.error(reason);
      assertStrictEquals(await settled.promise, reason);
      peer.takeErrors();
      await peer.finish();
    });

    for (const how of ["transferred", "made smaller"]) {
      it(`whose memory is ${how} while it is sent breaks off`, async () => {
        const buffer = new ArrayBuffer(200_000, { maxByteLength: 200_000 });
        const chunk = new Uint8Array(buffer);
        const body = new ReadableStream({ start: (controller) => controller.enqueue(chunk) });
        await using peer = new Peer(() => new Response(body));
        void peer.send(request());
        await peer.nextOf();
        if (how === "transferred") structuredClone(buffer, { transfer: [buffer] });
        else buffer.resize(100_000);
        const records = await peer.finish();
        assertEquals(records.at(-1)?.version, 0);
        const [error, ...more] = peer.takeErrors() as FastCgiError[];
        assertEquals([error?.code, more], ["bad_response", []]);
      });
    }

    it("with a chunk that is no bytes breaks off", async () => {
      const body = new ManualBody();
      const mixed = new ReadableStream<unknown>({
        async start(controller) {
          controller.enqueue(bytes("first"));
          await body.cancelled;
          controller.enqueue({ text: "text" });
        },
      }) as ReadableStream<Uint8Array>;
      await using peer = new Peer(() => new Response(mixed));
      void peer.send(request());
      await peer.nextOf();
      await body.stream.cancel();
      const records = await peer.finish();
      assertEquals(records.at(-1)?.version, 0);
      assertInstanceOf(peer.takeErrors()[0], TypeError);
    });
  });

  describe("the header block", () => {
    it("is complete in the first record of the first write, with the first body bytes", async () => {
      const headers = Array.from({ length: 60 }, (_, i): [string, string] => [
        `x-${i}`,
        "v".repeat(900),
      ]);
      await using peer = new Peer(() => new Response(pattern(30_000), { headers }));
      const reply = await peer.ask();
      const [first] = parseRecords(peer.writes[0]);
      assertStringIncludes(latin1(first.content), "\r\n\r\n");
      assertEquals(first.content.length > reply.head.length, true);
      assertBytes(reply.body, pattern(30_000));
      // 54 kB of headers are more than stock nginx takes.
      assertStringIncludes(String(peer.takeErrors()), "nginx");
    });

    it("that does not fit one record is a 500", async () => {
      await using peer = new Peer((_, info) =>
        new Response("body", { headers: { "x-a": "v".repeat(Number(info.params.get("SIZE"))) } })
      );
      for (const SIZE of ["65535", "70000", "1000000"]) {
        const reply = await peer.ask({ params: { SIZE } });
        assertEquals([reply.status, reply.end], [500, COMPLETE]);
        const [error] = peer.takeErrors();
        assertInstanceOf(error, FastCgiError);
        assertEquals(error.code, "bad_response");
      }
      assertEquals((await peer.ask({ params: { SIZE: "10" } })).status, 200);
    });

    it("larger than stock nginx takes is told to onError once, and sent", async () => {
      await using peer = new Peer(() =>
        new Response("body", { headers: { "x-a": "v".repeat(4100) } })
      );
      assertEquals((await peer.ask()).header("x-a"), "v".repeat(4100));
      assertEquals((await peer.ask()).text, "body");
      const errors = peer.takeErrors();
      assertEquals(errors.length, 1);
      assertStringIncludes(String(errors[0]), "4");
    });

    it("has every cookie, and no header of the connection", async () => {
      const reply = await sent(() =>
        new Response(null, {
          headers: [
            ["set-cookie", "a=1, b"],
            ["set-cookie", "c=2"],
            ["connection", "close, x-hop"],
            ["x-hop", "1"],
            ["transfer-encoding", "chunked"],
            ["status", "404 Not Found"],
          ],
        })
      );
      assertEquals(reply.headers("set-cookie"), ["a=1, b", "c=2"]);
      for (const name of ["connection", "x-hop", "transfer-encoding"]) {
        assertEquals(reply.header(name), undefined);
      }
      assertEquals(reply.header("status"), "200 OK");
    });

    it("is Latin-1, byte for byte", async () => {
      const value = "caf\xe9 \x80\x9f\xff";
      const reply = await sent(() =>
        new Response(null, { headers: { "x-a": value, "x-b": utf8AsLatin1("€") } })
      );
      assertEquals([reply.header("x-a"), reply.header("x-b")], [value, utf8AsLatin1("€")]);
    });
  });

  describe("Response", () => {
    it("may be a clone", async () => {
      const reply = await sent(() => {
        const original = new Response("body");
        const copy = original.clone();
        void original.text();
        return copy;
      });
      assertEquals(reply.text, "body");
    });

    it("may be a redirect", async () => {
      const reply = await sent(() => Response.redirect("http://example.org/there", 303));
      assertEquals([reply.header("location"), reply.status], ["http://example.org/there", 303]);
      assertEquals(reply.headLines.at(-1), "Status: 303 See Other");
    });

    it("may be of a subclass", async () => {
      class Own extends Response {}
      assertEquals((await sent(() => new Own("body"))).text, "body");
    });

    it("may come late", async () => {
      const gate = Promise.withResolvers<void>();
      const handler: ServeHandler = async () => {
        await gate.promise;
        return new Response("late");
      };
      await using peer = new Peer(handler);
      void peer.send(request());
      await peer.fence();
      assertEquals(peer.writes.length, 1, "Only the fence's answer");
      gate.resolve();
      assertEquals((await peer.reply()).text, "late");
    });
  });

  it("keeps memory bounded with many slow responses on one connection", async () => {
    let made = 0;
    await using peer = new Peer(() =>
      new Response(
        new ReadableStream({
          pull(controller) {
            made += 10_000;
            controller.enqueue(pattern(10_000));
          },
        }),
      )
    );
    for (let id = 1; id <= 10; id++) void peer.send(request({ id }));
    await peer.toPeer.until(() => peer.writes.length > 0);
    assertLess(await quiet(() => made), 10 * 300_000);
  });
});

/** A body of these very chunks, not of copies. */
function chunksAsTheyAre(...chunks: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}
