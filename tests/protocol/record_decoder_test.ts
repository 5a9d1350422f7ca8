import { assert, assertEquals, assertMatch, assertStrictEquals, assertThrows } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import {
  assertBytes,
  bytes,
  chunksOf,
  concat,
  everySplit,
  pattern,
  Random,
  randomChunks,
} from "../_bytes.ts";
import { parseRecords, randomRecord, rawRecord } from "../_records.ts";
import { FastCgiError } from "../../src/protocol/mod.ts";
import { type FastCgiRecord } from "../../src/protocol/record.ts";
import { RecordDecoder } from "../../src/protocol/record_decoder.ts";

/** What a decoder makes of chunks. */
function decode(chunks: Iterable<Uint8Array>, decoder = new RecordDecoder()): FastCgiRecord[] {
  const records: FastCgiRecord[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let record = decoder.next(); record !== undefined; record = decoder.next()) {
      records.push(record);
    }
  }
  return records;
}

/** Fails unless the chunks give what the reference decoder reads from the whole. */
function assertDecodes(chunks: Iterable<Uint8Array>, whole: Uint8Array): void {
  const decoder = new RecordDecoder();
  const actual = decode(chunks, decoder);
  const expected = parseRecords(whole);
  assertEquals(actual.length, expected.length);
  expected.forEach((record, i) => {
    assertEquals([actual[i].type, actual[i].requestId], [record.type, record.id]);
    assertBytes(actual[i].content, record.content);
  });
  assertEquals(decoder.isPartial, false);
}

/** A request as a web server sends it, with odd padding. */
const REQUEST = concat([
  rawRecord({ type: 1, content: bytes([0, 1, 1, 0, 0, 0, 0, 0]) }),
  rawRecord({ type: 4, content: "\x01\x01ab\x0e\x03REQUEST_METHODGET", padding: 1 }),
  rawRecord({ type: 4 }),
  rawRecord({ type: 5, content: "body", padding: 4, reserved: 255 }),
  rawRecord({ type: 9, id: 0, padding: 9 }),
  rawRecord({ type: 5 }),
]);

describe("RecordDecoder", () => {
  it("reads the bytes of the specification", () => {
    const [record, ...rest] = decode([
      bytes([1, 6, 1, 2, 0, 5, 3, 0], "Hello", [9, 9, 9]),
    ]);
    assertEquals([record.type, record.requestId, rest.length], [6, 0x0102, 0]);
    assertBytes(record.content, bytes("Hello"));
  });

  it("reads a request whole", () => {
    assertDecodes([REQUEST], REQUEST);
  });

  it("reads a request byte by byte", () => {
    assertDecodes(chunksOf(REQUEST, 1), REQUEST);
  });

  it("reads a request cut in two at every position", () => {
    for (const chunks of everySplit(REQUEST)) assertDecodes(chunks, REQUEST);
  });

  it("reads a request cut in three at every pair of positions", () => {
    for (const [head, rest] of everySplit(REQUEST)) {
      for (const [middle, tail] of everySplit(rest)) assertDecodes([head, middle, tail], REQUEST);
    }
  });

  it("skips padding of every length from 0 to 255", () => {
    for (let padding = 0; padding < 256; padding++) {
      const encoded = concat([
        rawRecord({ type: 5, content: "abc", padding }),
        rawRecord({ type: 5, id: 2, padding }),
        rawRecord({ type: 6 }),
      ]);
      assertDecodes([encoded], encoded);
      assertDecodes(chunksOf(encoded, 7), encoded);
    }
  });

  it("reads content of critical lengths, cut around its borders", () => {
    for (const length of [0, 127, 128, 1000, 65535]) {
      const record = rawRecord({ type: 8, id: 65535, content: pattern(length), padding: 255 });
      const encoded = concat([record, record]);
      for (const cut of [1, 7, 8, 9, 8 + length, record.length - 1, record.length + 4]) {
        assertDecodes([encoded.slice(0, cut), encoded.slice(cut)], encoded);
      }
    }
  });

  it("reads random records however they are cut", () => {
    const random = new Random(2);
    for (let round = 0; round < 60; round++) {
      const encoded = concat(
        Array.from({ length: random.below(8) }, () => rawRecord(randomRecord(random))),
      );
      assertDecodes([encoded], encoded);
      assertDecodes(randomChunks(encoded, random, random.pick([3, 20, 5000, 100_000])), encoded);
    }
  });

  it("passes on types that nobody knows, 0 and 255 among them", () => {
    const encoded = concat([0, 12, 255].map((type) => rawRecord({ type, content: "?" })));
    assertEquals(decode(chunksOf(encoded, 5)).map(({ type }) => type), [0, 12, 255]);
  });

  it("hands out views of a chunk, without a copy", () => {
    const encoded = rawRecord({ type: 5, content: "view" });
    const [record] = decode([encoded]);
    assertStrictEquals(record.content.buffer, encoded.buffer);
  });

  it("reads chunks that are views into a larger buffer", () => {
    const buffer = concat([bytes("junk"), REQUEST, bytes("junk")]);
    assertDecodes([buffer.subarray(4, 4 + REQUEST.length)], REQUEST);
    const cut = 4 + 50;
    assertDecodes([buffer.subarray(4, cut), buffer.subarray(cut, 4 + REQUEST.length)], REQUEST);
  });

  it("does not need a chunk any more once its records have been taken", () => {
    const decoder = new RecordDecoder();
    const [head, tail] = [REQUEST.slice(0, 20), REQUEST.slice(20, 48)];
    decode([head], decoder);
    head.fill(0xff);
    const [record] = decode([tail], decoder);
    assertEquals([record.type, record.requestId], [4, 1]);
    assertBytes(record.content.subarray(0, 4), bytes([1, 1], "ab"));
  });

  it("takes empty chunks anywhere", () => {
    const chunks = chunksOf(REQUEST, 3).flatMap((chunk) => [new Uint8Array(0), chunk]);
    assertDecodes(chunks, REQUEST);
  });

  it("says whether the bytes so far end inside a record", () => {
    const decoder = new RecordDecoder();
    assertEquals(decoder.isPartial, false);
    const record = rawRecord({ type: 5, content: "abc", padding: 5 });
    for (const byte of chunksOf(record.subarray(0, record.length - 1), 1)) {
      decode([byte], decoder);
      assertEquals(decoder.isPartial, true);
    }
    assertEquals(decode([record.slice(-1)], decoder).length, 1);
    assertEquals(decoder.isPartial, false);
  });

  it("waits for the last byte of the padding", () => {
    const record = rawRecord({ type: 5, content: "abc", padding: 255 });
    assertEquals(decode([record.subarray(0, -1)]).length, 0);
    assertEquals(decode([record]).length, 1);
  });

  it("says which other protocol somebody speaks, as soon as eight bytes are there", () => {
    const spoken: [bytes: string, message: RegExp][] = [
      [
        "GET / HTTP/1.1\r\n",
        /other end speaks HTTP, not FastCGI; put a web server, or serveGateway/,
      ],
      ["POST /x HTTP/1.1\r\n", /speaks HTTP/],
      ["HEAD / H", /speaks HTTP/],
      ["OPTIONS * HTTP/1.1\r\n", /speaks HTTP/],
      ["CONNECT x:1 HTTP/1.1\r\n", /speaks HTTP/],
      ["PROPFIND / HTTP/1.1\r\n", /speaks HTTP/],
      ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", /speaks HTTP/],
      ["HTTP/1.1 400 Bad Request\r\n", /answers in HTTP, not FastCGI/],
      ["\x16\x03\x01\x02\x00\x01\x00\x01", /speaks TLS, not FastCGI/],
      ["PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", /the PROXY protocol/],
      ["\r\n\r\n\0\r\nQUIT\n", /the PROXY protocol/],
      ["SSH-2.0-OpenSSH", /version 83, not 1/],
      ["get / http/1.1", /version 103, not 1/],
    ];
    for (const [text, message] of spoken) {
      for (const size of [1, 3, 8, 100]) {
        const chunks = chunksOf(bytes(text), size);
        const error = assertThrows(() => decode(chunks), FastCgiError);
        assertEquals([error.code, error.fault], ["bad_version", "peer"]);
        assertMatch(error.message, message);
      }
    }
  });

  it("refuses every version but 1 as soon as the header is there", () => {
    for (const version of [0, 2, 255]) {
      const header = rawRecord({ version, type: 1 });
      for (const chunks of [[header], chunksOf(header, 1)]) {
        const error = assertThrows(() => decode(chunks), FastCgiError, `${version}`);
        assertEquals([error.code, error.fault, error.connectionSurvives], [
          "bad_version",
          "peer",
          false,
        ]);
      }
    }
  });

  it("gives the records before a bad version first", () => {
    const decoder = new RecordDecoder();
    decoder.push(concat([rawRecord({ type: 5 }), rawRecord({ version: 9, type: 5 })]));
    assertEquals(decoder.next()?.type, 5);
    assertThrows(() => decoder.next(), FastCgiError);
  });

  it("decodes nothing after a bad version", () => {
    const decoder = new RecordDecoder();
    assertThrows(() => decode([rawRecord({ version: 0, type: 5 })], decoder), FastCgiError);
    assertThrows(() => decode([rawRecord({ type: 5 })], decoder));
  });

  it("refuses a chunk while records of the one before are to be taken", () => {
    const decoder = new RecordDecoder();
    decoder.push(REQUEST);
    assert(decoder.next() !== undefined);
    assertThrows(() => decoder.push(REQUEST), TypeError);
  });
});
