import { assert, assertEquals, assertLess, assertRejects } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import {
  assertBytes,
  bytes,
  chunksOf,
  concat,
  pattern,
  Random,
  utf8,
  utf8AsLatin1,
} from "../_bytes.ts";
import { randomStream } from "../_records.ts";
import { RecordType, Role } from "../../src/protocol/mod.ts";
import { Service } from "../../src/server/service.ts";
import type { Transport } from "../../src/server/connection/transport.ts";
import type { ServeHandler } from "../../mod.ts";
import { RequestBody } from "../../src/server/exchange/request_body.ts";
import { echo, echoText } from "./_handlers.ts";
import { Peer } from "./_peer.ts";
import { quiet } from "./_quiet.ts";
import { COMPLETE } from "./_reply.ts";
import { at, begin, openRequest, params, record, request, stdin, stream } from "./_request.ts";

/** Answers without a look at the body. */
const deaf: ServeHandler = () => new Response("done");

/** Every way to read a body, each ending in text. */
const READERS: Record<string, (request: Request) => Promise<string>> = {
  "text()": (request) => request.text(),
  "json()": async (request) => JSON.stringify(await request.json()),
  "arrayBuffer()": async (request) => new TextDecoder().decode(await request.arrayBuffer()),
  "bytes()": async (request) => new TextDecoder().decode(await request.bytes()),
  "blob()": async (request) => await (await request.blob()).text(),
  "a reader of body": async (request) => {
    const parts: Uint8Array[] = [];
    const reader = request.body!.getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      parts.push(read.value);
    }
    return new TextDecoder().decode(concat(parts));
  },
  "for await over body": async (request) => {
    const parts: Uint8Array[] = [];
    for await (const part of request.body!) parts.push(part);
    return new TextDecoder().decode(concat(parts));
  },
  "clone()": async (request) => {
    const clone = request.clone();
    const texts = await Promise.all([request.text(), clone.text()]);
    assertEquals(texts[0], texts[1]);
    return texts[0];
  },
  "new Request(request)": (request) => new Request(request).text(),
  "new Request(request) with other headers": (request) =>
    new Request(request, { headers: { "x-a": "b" } }).text(),
  "new Response(body)": (request) => new Response(request.body).text(),
};

/** A transport of which nothing comes. */
class Sink implements Transport {
  readonly backlog = 0;
  write(): boolean {
    return true;
  }
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}

describe("RequestBody", () => {
  for (const [how, read] of Object.entries(READERS)) {
    it(`is read with ${how}, whether it came with the parameters or after them`, async () => {
      await using peer = new Peer(async (request) => new Response(await read(request)));
      const json = '{"grüße":[1,2,3]}';
      const spec = { method: "POST", params: { CONTENT_TYPE: "application/json" } };
      assertEquals((await peer.ask({ ...spec, stdin: utf8(json) })).text, utf8AsLatin1(json));
      void peer.send(openRequest(spec));
      for (const part of chunksOf(utf8(json), 3)) {
        void peer.send(stdin(part));
        await peer.fence();
      }
      void peer.send(stdin());
      assertEquals((await peer.reply()).text, utf8AsLatin1(json));
    });
  }

  it("is read with formData()", async () => {
    const form = new FormData();
    form.append("name", "Zoë");
    form.append("file", new File([pattern(3000)], "a.bin"));
    const encoded = new Response(form);
    await using peer = new Peer(async (request) => {
      const { name, file } = Object.fromEntries(await request.formData());
      assert(file instanceof File);
      assertBytes(new Uint8Array(await file.arrayBuffer()), pattern(3000));
      return new Response(`${name} ${file.name}`);
    });
    const reply = await peer.ask({
      method: "POST",
      params: { CONTENT_TYPE: encoded.headers.get("content-type")! },
      stdin: new Uint8Array(await encoded.arrayBuffer()),
    });
    assertEquals(reply.text, utf8AsLatin1("Zoë a.bin"));
  });

  it("is read as urlencoded formData()", async () => {
    await using peer = new Peer(async (request) => {
      const form = await request.formData();
      return new Response(`${form.get("a")}|${form.get("b")}`);
    });
    const params = { CONTENT_TYPE: "application/x-www-form-urlencoded" };
    const reply = await peer.ask({ method: "POST", params, stdin: "a=1+2&b=%C3%A4" });
    assertEquals(reply.text, utf8AsLatin1("1 2|ä"));
  });

  it("is any bytes in any cut of records and chunks", async () => {
    const random = new Random(10);
    const content = pattern(50_000);
    await using peer = new Peer(echo);
    for (let round = 0; round < 10; round++) {
      void peer.send(openRequest());
      for (const part of randomStream(RecordType.STDIN, 1, content, random)) void peer.send(part);
      assertBytes((await peer.reply()).body, content);
    }
  });

  it("ends with the empty STDIN record, whatever CONTENT_LENGTH says but 0", async () => {
    await using peer = new Peer(echoText);
    const lengths = ["", "-1", "-0", "0003", "3", "5", "99999", "abc", " 5", "5, 5", "0, 5", "0x0"];
    for (const CONTENT_LENGTH of lengths) {
      for (const content of ["", "hello"]) {
        const reply = await peer.ask({
          method: "POST",
          params: { CONTENT_LENGTH },
          stdin: content,
        });
        assertEquals(
          [reply.status, reply.text],
          [200, content],
          `CONTENT_LENGTH ${CONTENT_LENGTH}`,
        );
      }
    }
  });

  describe("of length 0", () => {
    const emptyParams = ["0", "00", "0000", "0, 0"].map((CONTENT_LENGTH) => ({ CONTENT_LENGTH }));
    for (const [how, read] of Object.entries(READERS)) {
      if (how === "json()" || how.includes("body")) continue;
      it(`is over without an end, read with ${how}`, async () => {
        await using peer = new Peer(async (request) => new Response(await read(request)));
        for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
          for (const params of emptyParams) {
            // HAProxy says no more of a body that turned out to be empty.
            const { status, text } = await peer.ask({ method, params, stdin: null });
            assertEquals([status, text], [200, ""]);
          }
        }
        // On a connection that is kept, the next may have one.
        const next = await peer.ask({
          method: "POST",
          params: { CONTENT_LENGTH: "4" },
          stdin: "body",
        });
        assertEquals(next.text, "body");
      });
    }

    it("is null, as with an end", async () => {
      await using peer = new Peer((request) => new Response(String(request.body)));
      const spec = { method: "POST", params: { CONTENT_LENGTH: "0" } };
      assertEquals((await peer.ask({ ...spec, stdin: null })).text, "null");
      assertEquals((await peer.ask({ ...spec, stdin: "" })).text, "null");
      assertEquals((await peer.ask({ ...spec, stdin: null, keep: false })).text, "null");
    });

    it("is not what comes all the same, before, with or after the parameters", async () => {
      const release = Promise.withResolvers<void>();
      await using peer = new Peer(async (request) => {
        await release.promise;
        return new Response(await request.text());
      });
      const spec = { method: "POST", params: { CONTENT_LENGTH: "0" } };
      void peer.send(openRequest(spec));
      void peer.send(stdin(pattern(60_000)), stdin("more"));
      await peer.fence();
      release.resolve();
      assertEquals((await peer.reply()).text, "");
      void peer.send(stdin("late"), stdin());
      assertEquals((await peer.ask({ ...spec, stdin: "hello" })).text, "");
      void peer.send(begin(), stdin("early"), params(spec));
      assertEquals((await peer.reply()).text, "");
    });

    it("is not cut off by a peer that says no more", async () => {
      await using peer = new Peer(echoText);
      void peer.send(openRequest({ params: { CONTENT_LENGTH: "0" } }));
      await peer.close();
      const { status, text } = await peer.reply();
      assertEquals([status, text], [200, ""]);
    });

    it("is waited for where it comes in chunks, whose length was a guess", async () => {
      await using peer = new Peer(echoText);
      const params = { CONTENT_LENGTH: "0", HTTP_TRANSFER_ENCODING: "chunked" };
      void peer.send(openRequest({ params }));
      await peer.fence();
      void peer.send(stdin("body"), stdin());
      assertEquals((await peer.reply()).text, "body");
    });

    it("leaves a filter its data", async () => {
      await using peer = new Peer(
        async (request, { data }) =>
          new Response(await request.text() + await new Response(data).text()),
        { roles: ["filter"] },
      );
      const reply = await peer.ask({
        role: Role.FILTER,
        method: "POST",
        params: { CONTENT_LENGTH: "0" },
        stdin: null,
        data: "data",
      });
      assertEquals(reply.text, "data");
    });
  });

  it("keeps no chunk alive for a small part of it, though no other request is there", async () => {
    const body = new RequestBody({ bodyLimit: 1e6, bodyFull() {}, bodyRoom() {} });
    const stream = body.open();
    assert(stream instanceof ReadableStream);
    const chunk = pattern(65_536);
    body.push(chunk.subarray(8, 9));
    body.push(chunk.subarray(16, 60_000));
    body.push(bytes());
    const parts: Uint8Array[] = [];
    for await (const part of stream) parts.push(part);
    assertEquals(parts.map(({ length }) => length), [1, 59_984]);
    assertBytes(concat(parts), concat([chunk.subarray(8, 9), chunk.subarray(16, 60_000)]));
    assertLess(parts[0].buffer.byteLength, 100);
    // What is most of its chunk is not copied.
    assert(parts[1].buffer === chunk.buffer);
  });

  it("fails alone if there is no memory for all of it", async () => {
    const flow = { bodyLimit: 1000, bodyFull() {}, bodyRoom() {} };
    const body = new RequestBody(flow);
    const stream = body.open();
    assert(stream instanceof ReadableStream);
    const collected = body.collect(stream, 0);
    // As long as no memory is, though there is nothing behind it.
    const huge = { length: Number.MAX_SAFE_INTEGER } as Uint8Array;
    for (const content of [bytes("a"), huge, bytes("b"), bytes()]) body.push(content);
    await assertRejects(() => collected, RangeError);
  });

  it("refuses the record that is too much, and no other behind it", () => {
    const body = new RequestBody({ bodyLimit: 1e6, bodyFull() {}, bodyRoom() {} }, 10);
    const taken = [6, 5, 5, 1, 0].map((length) => body.push(pattern(length)));
    assertEquals(taken, [true, false, true, true, true]);
  });

  it("of a DELETE, a PATCH and an OPTIONS is there too", async () => {
    await using peer = new Peer(echoText);
    for (const method of ["DELETE", "PATCH", "OPTIONS", "PUT"]) {
      assertEquals((await peer.ask({ method, stdin: "body" })).text, "body");
    }
  });

  it("is null for GET and HEAD, and what they sent is dropped", async () => {
    await using peer = new Peer((request) =>
      new Response(null, { headers: { "x-body": `${request.body}` } })
    );
    for (const method of ["GET", "HEAD", "get"]) {
      const content = pattern(300_000);
      const reply = await peer.ask({ method, stdin: content });
      assertEquals([reply.status, reply.header("x-body")], [200, "null"]);
    }
  });

  it("of a GET is not gathered while the handler works", () => {
    const service = new Service(() => new Promise(() => {}));
    const connection = service.accept(new Sink());
    connection.receive(openRequest({ method: "GET" }));
    for (let i = 0; i < 5; i++) connection.receive(stdin(pattern(60_000)));
    const [{ input: { stdin: body } }] = connection.requests.all;
    assertEquals(body.gathered, 0);
    connection.closed();
  });

  it("is empty for a POST that sent none", async () => {
    await using peer = new Peer(echoText);
    assertEquals((await peer.ask({ method: "POST" })).text, "");
    void peer.send(openRequest());
    await peer.fence();
    void peer.send(stdin());
    assertEquals((await peer.reply()).text, "");
  });

  it("may come before the parameters have ended", async () => {
    await using peer = new Peer(echoText);
    void peer.send(begin(), stdin("ear"), stdin("ly "));
    void peer.send(params({ method: "POST" }));
    await peer.fence();
    void peer.send(stdin("late"), stdin());
    assertEquals((await peer.reply()).text, "early late");
  });

  it("may end before the parameters have", async () => {
    await using peer = new Peer(echoText);
    void peer.send(begin(), stdin("all of it"), stdin(), stdin("more"), stdin());
    void peer.send(params({ method: "POST" }));
    assertEquals((await peer.reply()).text, "all of it");
  });

  it("that comes before the parameters have ended is not gathered without bound", async () => {
    await using peer = new Peer(echoText);
    void peer.send(begin(), stdin("x"));
    const part = stdin(new Uint8Array(65_535));
    for (let i = 0; i < 500; i++) void peer.send(part);
    const taken = await quiet(() => peer.toServer.bytesRead);
    // Whatever is done about it: reading stops, the request is refused, or the connection ends.
    assert(taken < 16_000_000 || peer.writes.length > 0, `Gathered ${taken} bytes`);
    peer.takeErrors();
  });

  it("ignores what comes after its end", async () => {
    await using peer = new Peer(async (request) => {
      const text = await request.text();
      await peer.fence();
      return new Response(text);
    });
    void peer.send(openRequest(), stdin("body"), stdin());
    void peer.send(stdin("more"), stdin(), stdin());
    assertEquals((await peer.reply()).text, "body");
  });

  it("is passed to the handler as it comes", async () => {
    const first = Promise.withResolvers<string>();
    await using peer = new Peer(async (request) => {
      const reader = request.body!.getReader();
      first.resolve(new TextDecoder().decode((await reader.read()).value));
      while (!(await reader.read()).done);
      return new Response("done");
    });
    void peer.send(openRequest(), stdin("first"));
    assertEquals(await first.promise, "first");
    void peer.send(stdin());
    assertEquals((await peer.reply()).text, "done");
  });

  it("that nobody reads does not keep the next request waiting", async () => {
    await using peer = new Peer(deaf);
    for (const size of [10, 65_535, 1_000_000]) {
      for (const chunk of chunksOf(request({ method: "POST", stdin: pattern(size) }), 40_000)) {
        void peer.send(chunk);
      }
      assertEquals((await peer.reply()).text, "done");
    }
    await peer.fence();
  });

  it("that is full when it ends, all in one chunk, does not keep the next request waiting", async () => {
    for (const isRead of [false, true]) {
      const gate = Promise.withResolvers<void>();
      await using peer = new Peer(async (request) => {
        await gate.promise;
        return new Response(isRead ? await request.text() : "done");
      }, { maxBufferedBodyBytes: 1000 });
      void peer.send(openRequest());
      await peer.fence();
      void peer.send(stdin("a".repeat(600)), stdin("b".repeat(600)), stdin("c"), stdin());
      // It is whole: there is nothing left to hold back.
      await peer.fence();
      gate.resolve();
      const { text } = await peer.reply();
      assertEquals(text, isRead ? `${"a".repeat(600)}${"b".repeat(600)}c` : "done");
      assertEquals((await peer.ask()).status, 200);
    }
  });

  it("that comes after an early answer is ignored", async () => {
    await using peer = new Peer(deaf);
    void peer.send(openRequest(), stdin("early"));
    assertEquals((await peer.reply()).end, COMPLETE);
    for (let i = 0; i < 20; i++) void peer.send(stdin(pattern(60_000)));
    void peer.send(stdin());
    assertEquals((await peer.ask()).text, "done");
  });

  it("of an answered request does not get into the next one with the same id", async () => {
    await using peer = new Peer(async (request) =>
      new Response(request.url.endsWith("/read") ? await request.text() : "done")
    );
    void peer.send(openRequest(), stdin("old"));
    await peer.reply();
    void peer.send(stdin("old"), stdin());
    const spec = at("/read");
    void peer.send(openRequest(spec), stdin("new"), stdin());
    assertEquals((await peer.reply()).text, "new");
  });

  it("that is cancelled is dropped, and request.signal is not aborted", async () => {
    await using peer = new Peer(async (request) => {
      await request.body!.cancel();
      await peer.fence();
      return new Response(`${request.signal.aborted}`);
    });
    void peer.send(openRequest(), stdin("some"));
    for (let i = 0; i < 20; i++) void peer.send(stdin(pattern(60_000)));
    assertEquals((await peer.reply()).text, "false");
    void peer.send(stdin());
    await peer.fence();
  });

  it("that is cancelled when it is full lets the connection be read again", async () => {
    const cancel = Promise.withResolvers<void>();
    await using peer = new Peer(async (request) => {
      await cancel.promise;
      await request.body!.cancel();
      await peer.fence();
      return new Response("done");
    });
    void peer.send(openRequest());
    for (let i = 0; i < 30; i++) void peer.send(stdin(pattern(60_000)));
    assertLess(await quiet(() => peer.toServer.bytesRead), 1_200_000);
    cancel.resolve();
    assertEquals((await peer.reply()).text, "done");
  });

  it("fails with an AbortError when the connection ends before it", async () => {
    for (const early of [true, false]) {
      const failed = Promise.withResolvers<Error>();
      await using peer = new Peer(async (request) => {
        if (early) await peer.toServer.until(() => peer.toServer.state === "closed");
        failed.resolve(await assertRejects(() => request.text()));
        return new Response("done");
      });
      void peer.send(openRequest({ params: { CONTENT_LENGTH: "100" } }), stdin("some"));
      await peer.fence();
      await peer.close();
      assertEquals((await failed.promise).name, "AbortError");
      assertEquals((await peer.reply()).text, "done");
      await peer.served;
    }
  });

  it("fails with an AbortError when the connection breaks before its end", async () => {
    const failed = Promise.withResolvers<Error>();
    await using peer = new Peer(async (request) => {
      failed.resolve(await assertRejects(() => request.text()));
      return new Response("done");
    });
    void peer.send(openRequest(), stdin("some"));
    await peer.fence();
    peer.hangUp(new Error("ECONNRESET"));
    assertEquals((await failed.promise).name, "AbortError");
    await peer.served;
  });

  it("that was whole can be read after the connection has ended", async () => {
    await using peer = new Peer(async (request) => {
      await peer.toServer.until(() => peer.toServer.state === "closed");
      return new Response(await request.text());
    });
    void peer.send(openRequest(), stdin("whole"), stdin());
    await peer.close();
    assertEquals((await peer.reply()).text, "whole");
  });

  it("whose end never came is no failure to tell onError", async () => {
    await using peer = new Peer(echoText);
    void peer.send(openRequest(), stdin("some"));
    await peer.fence();
    await peer.close();
    await peer.reply();
    await peer.served;
    assertEquals(peer.errorCount, 0);
  });

  it("that is still being read when the answer is complete does not keep its reader waiting", async () => {
    const settled = Promise.withResolvers<void>();
    await using peer = new Peer((request) => {
      request.text().then(() => settled.resolve(), () => settled.resolve());
      return new Response("early");
    });
    void peer.send(openRequest(), stdin("some"));
    assertEquals((await peer.reply()).text, "early");
    void peer.send(stdin("rest"), stdin());
    await settled.promise;
  });

  it("that was cloned, passed on and read by nobody is no unhandled rejection when it fails", async () => {
    const kept: unknown[] = [];
    for (const end of [() => {}, (peer: Peer) => peer.close(), (peer: Peer) => peer.hangUp()]) {
      await using peer = new Peer((request) => {
        const clone = request.clone();
        kept.push(clone, new Request(request), clone.body?.getReader());
        return new Response("early");
      });
      void peer.send(openRequest(), stdin("some"));
      assertEquals((await peer.reply()).text, "early");
      await end(peer);
    }
    await quiet(() => kept.length);
  });

  it("may be interrupted by management records", async () => {
    await using peer = new Peer(echoText);
    void peer.send(
      openRequest(),
      stdin("a"),
      record(RecordType.GET_VALUES, "", 0),
      stdin("b"),
      record(77, "?", 0),
      stdin(),
    );
    assertEquals((await peer.reply()).text, "ab");
  });

  it("is as large as its records: 65535 bytes in one", async () => {
    await using peer = new Peer(echo);
    const content = pattern(65_535);
    void peer.send(openRequest(), stdin(content), stdin());
    assertBytes((await peer.reply()).body, content);
  });

  describe("FCGI_DATA", () => {
    const roles = ["responder", "filter"] as const;
    const filter: ServeHandler = async (request, info) => {
      const body = await request.text();
      const data = info.data === null ? "null" : await new Response(info.data).text();
      return new Response(`${body}|${data}`);
    };
    const spec = { role: Role.FILTER, method: "POST" };

    it("comes to a filter behind the body", async () => {
      await using peer = new Peer(filter, { roles });
      assertEquals((await peer.ask({ ...spec, stdin: "body", data: "data" })).text, "body|data");
    });

    it("comes to a filter piece by piece", async () => {
      await using peer = new Peer(filter, { roles });
      void peer.send(openRequest(spec));
      for (const part of [stdin("body"), stdin(), ...chunksOf(stream(8, pattern(999)), 100)]) {
        void peer.send(part);
      }
      assertBytes(
        (await peer.reply()).body,
        concat([bytes("body|"), utf8(new TextDecoder().decode(pattern(999)))]),
      );
    });

    it("is a stream to a filter when it is empty, with or after the parameters", async () => {
      await using peer = new Peer(filter, { roles });
      assertEquals((await peer.ask({ ...spec, stdin: "body", data: "" })).text, "body|");
      void peer.send(openRequest(spec));
      await peer.fence();
      void peer.send(stdin("body"), stdin(), record(RecordType.DATA));
      assertEquals((await peer.reply()).text, "body|");
    });

    it("is null in the other roles", async () => {
      await using peer = new Peer(filter, { roles });
      const reply = await peer.ask({ method: "POST", stdin: "body", data: "data" });
      assertEquals(reply.text, "body|null");
    });

    it("that nobody reads does not keep the next request waiting", async () => {
      await using peer = new Peer(deaf, { roles });
      assertEquals((await peer.ask({ ...spec, data: pattern(500_000) })).text, "done");
      assertEquals((await peer.ask({ ...spec, data: pattern(500_000) })).text, "done");
      await peer.fence();
    });

    it("is held back when nobody reads it", async () => {
      const gate = Promise.withResolvers<void>();
      await using peer = new Peer(async (_, info) => {
        await gate.promise;
        return new Response(info.data);
      }, { roles });
      const content = pattern(2_000_000);
      for (const chunk of chunksOf(request({ ...spec, data: content }), 30_000)) {
        void peer.send(chunk);
      }
      assertLess(await quiet(() => peer.toServer.bytesRead), 1_200_000);
      gate.resolve();
      assertBytes((await peer.reply()).body, content);
    });

    it("fails with an AbortError when the connection ends before it", async () => {
      const failed = Promise.withResolvers<Error>();
      await using peer = new Peer(async (_, info) => {
        failed.resolve(await assertRejects(() => new Response(info.data).text()));
        return new Response();
      }, { roles });
      void peer.send(request(spec), record(RecordType.DATA, "some"));
      await peer.fence();
      await peer.close();
      assertEquals((await failed.promise).name, "AbortError");
    });
  });
});
