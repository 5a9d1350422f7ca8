/** The parameters of a request, however its PARAMS records are cut. */
import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { bytes, Random } from "../_bytes.ts";
import { randomStream, rawRecord } from "../_records.ts";
import { RecordType } from "../../src/protocol/mod.ts";
import type { ServeHandler } from "../../mod.ts";
import { hello } from "./_handlers.ts";
import { ask, Peer } from "./_peer.ts";
import { at, begin, openRequest, paramPairs, params, record, stdin } from "./_request.ts";

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
      (byte, i) => rawRecord({ type: RecordType.PARAMS, content: bytes([byte]), padding: i % 256 }),
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
