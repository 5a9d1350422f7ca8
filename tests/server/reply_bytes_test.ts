/** The bytes of each write, from the small reply that is one to the stream that is many. */
import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { assertBytes, bytes, concat, pattern } from "../_bytes.ts";
import { parseRecords } from "../_records.ts";
import { RecordType } from "../../src/protocol/mod.ts";
import type { ServeHandler } from "../../mod.ts";
import { ManualBody } from "./_manual_body.ts";
import { Peer } from "./_peer.ts";
import { request } from "./_request.ts";

/** A reply whose header block is the same on every runtime. */
const plain = (body: BodyInit | null, init: ResponseInit = {}) =>
  new Response(body, { headers: { "content-type": "text/plain" }, ...init });

/** What is written, write by write, for one request. */
async function writesOf(handler: ServeHandler, id = 1): Promise<readonly Uint8Array[]> {
  await using peer = new Peer(handler);
  await peer.ask({ id });
  return peer.writes;
}

describe("encodeWrite", () => {
  it("writes a small reply as these bytes, all at once", async () => {
    const writes = await writesOf(() => plain("Hello, world!"), 0x0102);
    const content = "Content-Type: text/plain\r\nContent-Length: 13\r\nStatus: 200 OK\r\n\r\n" +
      "Hello, world!";
    assertEquals(writes.length, 1);
    assertBytes(
      writes[0],
      bytes(
        [1, 6, 1, 2, 0, content.length, -content.length & 7, 0],
        content,
        new Uint8Array(-content.length & 7),
        [1, 6, 1, 2, 0, 0, 0, 0],
        [1, 3, 1, 2, 0, 8, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
      ),
    );
  });

  it("gives every log line padding, whatever its length", async () => {
    const lengths = Array.from({ length: 17 }, (_, index) => index + 1);
    const writes = await writesOf((_, info) => {
      for (const length of lengths) info.log("x".repeat(length));
      return plain(null);
    });
    const written = concat(writes);
    const paddings: number[] = [];
    for (let offset = 0; offset < written.length;) {
      const content = (written[offset + 4]! << 8) + written[offset + 5]!;
      const padding = written[offset + 6]!;
      if (written[offset + 1] === RecordType.STDERR && content > 0) paddings.push(padding);
      offset += 8 + content + padding;
    }
    assertEquals(paddings, lengths.map((length) => (-(length + 1) & 7) || 8));
  });

  it("writes a reply with a log line as these bytes, all at once", async () => {
    const writes = await writesOf((_, info) => {
      info.log("line");
      return plain(null);
    });
    const content = "Content-Type: text/plain\r\nContent-Length: 0\r\nStatus: 200 OK\r\n\r\n";
    assertEquals(writes.length, 1);
    assertBytes(
      writes[0],
      bytes(
        [1, 6, 0, 1, 0, content.length, -content.length & 7, 0],
        content,
        new Uint8Array(-content.length & 7),
        [1, 7, 0, 1, 0, 5, 3, 0],
        "line\n\0\0\0",
        [1, 6, 0, 1, 0, 0, 0, 0],
        [1, 7, 0, 1, 0, 0, 0, 0],
        [1, 3, 0, 1, 0, 8, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
      ),
    );
  });

  it("writes the header block of a stream, each chunk and the end as these records", async () => {
    const body = new ManualBody();
    await using peer = new Peer(() => plain(body.stream));
    void peer.send(request());
    const head = "Content-Type: text/plain\r\nStatus: 200 OK\r\n\r\n";
    await peer.nextOf();
    body.push("chunk");
    await peer.nextOf();
    body.close();
    await peer.reply();
    assertEquals(peer.writes.length, 3);
    assertBytes(
      peer.writes[0],
      bytes(
        [1, 6, 0, 1, 0, head.length, -head.length & 7, 0],
        head,
        new Uint8Array(-head.length & 7),
      ),
    );
    assertBytes(peer.writes[1], bytes([1, 6, 0, 1, 0, 5, 3, 0], "chunk\0\0\0"));
    assertBytes(
      peer.writes[2],
      bytes([1, 6, 0, 1, 0, 0, 0, 0], [1, 3, 0, 1, 0, 8, 0, 0], new Uint8Array(8)),
    );
  });

  it("cuts 66000 bytes of STDOUT into two records", async () => {
    const writes = await writesOf(() => plain(pattern(66_000)));
    const records = parseRecords(concat(writes));
    const lengths = records.filter(({ type }) => type === RecordType.STDOUT)
      .map(({ content }) => content.length);
    assertEquals([lengths.length, lengths.at(-1)], [3, 0]);
    const content = concat(records.slice(0, -1).map(({ content }) => content));
    assertBytes(content.subarray(-66_000), pattern(66_000));
  });

  it("aligns every record to 8 bytes, whatever the length of its content", async () => {
    await using peer = new Peer((_, info) => plain("x".repeat(Number(info.params.get("SIZE")))));
    for (let size = 0; size < 20; size++) {
      const reply = await peer.ask({ params: { SIZE: `${size}` } });
      assertEquals(reply.text.length, size);
    }
    for (const write of peer.writes) {
      assertEquals(write.length % 8, 0);
      for (const { content, padding } of parseRecords(write)) {
        assertEquals(padding, -content.length & 7);
      }
    }
  });

  it("pads with zeroes", async () => {
    const [write] = await writesOf(() => plain("1234567"));
    const { content, padding } = parseRecords(write)[0];
    assertBytes(
      write.subarray(8 + content.length, 8 + content.length + padding),
      new Uint8Array(padding),
    );
  });

  it("never writes an empty STDOUT record before the end", async () => {
    const body = new ManualBody();
    await using peer = new Peer(() => plain(body.stream));
    void peer.send(request());
    await peer.nextOf();
    body.push("", "a", "", "");
    await peer.nextOf();
    body.push("", "b");
    await peer.nextOf();
    body.close();
    await peer.reply();
    const lengths = parseRecords(concat(peer.writes))
      .filter(({ type }) => type === RecordType.STDOUT).map(({ content }) => content.length);
    assertEquals(lengths.indexOf(0), lengths.length - 1);
  });

  it("writes log lines of many records' size", async () => {
    await using peer = new Peer((_, info) => {
      for (let i = 0; i < 50; i++) info.log(`${i} ${"x".repeat(4000)}`);
      return plain("body");
    });
    const reply = await peer.ask();
    assertEquals([reply.text, reply.stderr.split("\n").length], ["body", 51]);
    assertEquals(reply.stderr.split("\n")[49], `49 ${"x".repeat(4000)}`);
  });

  it("writes code units above U+00FF nowhere: a header has none", async () => {
    const writes = await writesOf(() => plain("ü", { statusText: "Fine" }));
    assertEquals(parseRecords(writes[0])[0].content.at(-1), 0xbc);
  });
});
